"""Compares this package with others: the same work in turns, each library in its own environment.

    python benchmarks/peers/compare.py --torch PYTHON --hub PYTHON --openvino PYTHON --doc docs/measurements/peers.md

The workers are processes of the interpreters that are given; a comparison without one is left out. In each round every
worker of a comparison does the task once. The table has the median of the rounds' ratios of CPU time (others by ours),
and the quartiles. One thread each; MobileNetV2 and ResNet-50 (v1.5) at 96 x 96 pixels, eight pictures.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
START, END = "<!-- figures -->\n", "<!-- end of figures -->\n"


@dataclass
class Worker:
    """A process that does tasks when asked; see worker.py."""

    process: subprocess.Popen
    name: str
    version: str
    tasks: list[str]

    @classmethod
    def start(cls, python: str, script: str, *arguments: str) -> "Worker":
        command = [python, str(HERE / script), *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, text=True, **pipes)
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(command)} does not start.")
        return cls(process, **json.loads(line))

    def seconds(self, task: str) -> float:
        """CPU time of one more run."""
        print(task, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())["seconds"]


def compared(ours: Worker, others: list[Worker], what: str, rounds: int):
    """A row for each task that ours and another have in common."""
    for other in others:
        for task in [task for task in ours.tasks if task in other.tasks]:
            pairs = [(ours.seconds(task), other.seconds(task)) for _ in range(rounds)]
            ratios = [theirs / own for own, theirs in pairs]
            low, middle, high = statistics.quantiles(ratios, n=4)
            own = statistics.median(own for own, _ in pairs)
            yield (
                what,
                task,
                f"{other.name} {other.version}",
                f"{own:.3f}",
                f"{middle:.2f}",
                f"{low:.2f} to {high:.2f}",
            )
    for worker in (ours, *others):
        worker.process.stdin.close()
        worker.process.wait()


def exported(folder: Path) -> list[Path]:
    """MobileNetV2 as float32 and int8 files of this package."""
    import numpy as np

    import keras_cnns

    model = keras_cnns.build("mobilenet_v2", input_shape=(96, 96, 3), include_preprocessing=True)
    pictures = np.random.default_rng(0).uniform(0, 255, (16, 96, 96, 3)).astype("float32")
    exporter = keras_cnns.tflite.Exporter(model, calibration=pictures)
    paths = [folder / f"{scheme}.tflite" for scheme in ("float32", "int8")]
    for path in paths:
        exporter.export(path, path.stem, force=True)
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("torch", "hub", "openvino"):
        parser.add_argument(f"--{name}", help=f"the Python of an environment with {name}")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--doc", type=Path, help="the page whose figures are replaced")
    options = parser.parse_args()
    rows, own = [], sys.executable
    network = "mobilenet_v2"
    others = [Worker.start(own, "keras_network.py", "keras.applications", network)]
    if options.torch:
        others += [Worker.start(options.torch, "torch_network.py", name, network) for name in ("torchvision", "timm")]
    rows += compared(
        Worker.start(own, "keras_network.py", "keras_cnns", network), others, "MobileNetV2", options.rounds
    )
    if options.hub:
        network = "resnet50_v1_5"
        others = [Worker.start(options.hub, "keras_network.py", "keras_hub", network)]
        ours = Worker.start(own, "keras_network.py", "keras_cnns", network)
        rows += compared(ours, others, "ResNet-50 v1.5", options.rounds)
    if options.openvino:
        with tempfile.TemporaryDirectory() as folder:
            for path in exported(Path(folder)):
                ours = Worker.start(own, "inference.py", "litert", str(path))
                others = [Worker.start(options.openvino, "inference.py", "openvino", str(path))]
                rows += compared(ours, others, f"MobileNetV2, {path.stem} file", options.rounds)
    head = ("network", "task", "compared with", "ours, s of CPU time", "others by ours", "quartiles")
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    print("\n".join(lines))
    if options.doc:
        text = options.doc.read_text(encoding="utf-8")
        before, _, rest = text.partition(START)
        options.doc.write_text(
            before + START + "\n".join(lines) + "\n" + END + rest.partition(END)[2], encoding="utf-8"
        )


if __name__ == "__main__":
    main()
