"""Times a detector's .tflite files on one picture, compared with torchvision's network with the same weights.

    python benchmarks/detection_inference.py --torch PYTHON

The network is Faster R-CNN with ResNet-50 and a feature pyramid, with the same number of proposals everywhere. A file
has a fixed number of them; torchvision has at most that number, after suppression. The candidates take turns, one
picture each, so that other work on the machine affects all of them. The medians are compared, in wall-clock time and
in CPU time.

PYTHON is an interpreter that has torch and torchvision with its compiled operators, by default the one that runs this
script. Without them the files are compared with each other.
"""

import argparse
import inspect
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import keras_cnns
from keras_cnns.data import load_arrays
from keras_cnns.support.atomic_files import write_json
from keras_cnns.tflite import Tuning, export
from keras_cnns.tflite.targets.litert_interpreter import File

NAME = "faster_rcnn_resnet50_fpn"


def serve(path, size, proposals, threads):
    """torchvision's network with random weights, which it writes to `path`; then a line with the seconds of one picture
    for each line that comes in. Runs in the other Python, which need not have this package."""
    import sys
    import time

    import torch
    from torchvision.models.detection import fasterrcnn_resnet50_fpn

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    how = {"min_size": size, "max_size": size, "rpn_post_nms_top_n_test": proposals}
    model = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, **how).eval()
    torch.save(model.state_dict(), path)
    picture = [torch.rand(3, size, size)]
    with torch.inference_mode():
        print("ready", flush=True)
        for _ in sys.stdin:
            began = time.perf_counter(), time.process_time()
            model(picture)
            print(time.perf_counter() - began[0], time.process_time() - began[1], flush=True)


def torchvision(python, state, size, proposals, threads):
    """(a function that has it look at one picture and gives the seconds, its process), or (None, None) without it."""
    code = f"{inspect.getsource(serve)}\nserve({str(state)!r}, {size}, {proposals}, {threads})"
    child = subprocess.Popen([python, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if child.stdout.readline().strip() != "ready":
        child.communicate()
        return None, None

    def once():
        print(file=child.stdin, flush=True)
        return tuple(map(float, child.stdout.readline().split()))

    return once, child


def running(path, threads):
    """The same of a .tflite file."""
    file = File(path, threads=threads)
    (name, detail), *_ = file.inputs.items()
    file.set({name: np.random.default_rng(0).uniform(0, 255, detail["shape"]).astype("float32")})

    def once():
        began = time.perf_counter(), time.process_time()
        file.interpreter.invoke()
        return time.perf_counter() - began[0], time.process_time() - began[1]

    return once


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--proposals", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--schemes", nargs="+", default=["float32", "int8"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", help="the files are kept in this folder, and taken from there the next time")
    parser.add_argument("--json", help="write the figures here")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        state, out = Path(folder, "state.pth"), Path(args.out or folder)
        theirs, child = torchvision(args.torch, state, args.size, args.proposals, args.threads)
        if child is None:
            print(f"{args.torch} has no torch and torchvision: theirs is left out.", file=sys.stderr)
        turns = {"torchvision": theirs} if child else {}
        shape = (args.size, args.size, 3)
        weights = str(state) if child else None
        paths = {scheme: out / f"{NAME}_{args.size}_{args.proposals}_{scheme}.tflite" for scheme in args.schemes}
        if not all(path.exists() for path in paths.values()):
            columns = {"proposals": args.proposals, "include_preprocessing": True}
            model = keras_cnns.build(NAME, weights=weights, input_shape=shape, **columns)
            seen, _, _ = load_arrays("scenes", "train", target="boxes", size=shape[:2], limit=4)
        for scheme, path in paths.items():
            options = {"calibration": seen, "tuning": Tuning.plain()} if scheme == "int8" else {}
            if not path.exists():  # random weights find nothing that could be compared: what is measured is the work
                export(model, path, scheme=scheme, images=seen[:1], force=True, **options)
            turns[scheme] = running(path, args.threads)
        times = {name: [] for name in turns}
        for number in range(args.rounds + 1):
            for name, once in turns.items():
                result = once()
                times[name] += [result] if number else []  # the first time is not like the others
        if child:
            child.stdin.close()
            child.wait()
    medians = {name: [statistics.median(each) for each in zip(*t, strict=True)] for name, t in times.items()}
    first = next(iter(medians))
    print(
        f"{NAME}, {args.size} px, {args.proposals} proposals, {args.threads} threads: medians of {args.rounds} "
        f"pictures, in turns; by the clock, of all processors, and both as shares of {first}"
    )
    for name, result in medians.items():
        clock, worked = (1000 * value for value in result)
        shares = [a / b for a, b in zip(result, medians[first], strict=True)]
        print(f"  {name:12s} {clock:6.0f} ms, {worked:6.0f} ms of processors, {shares[0]:.2f} and {shares[1]:.2f}")
    if args.json:
        write_json(args.json, {"arguments": vars(args), "seconds": times, "medians": medians})


if __name__ == "__main__":
    main()
