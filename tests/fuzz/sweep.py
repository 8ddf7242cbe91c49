"""Everything Keras has, exported in float32, in int8 and quantization-aware: right, or refused in one line.

    # all layers and all networks of keras.applications
    python -m tests.fuzz.sweep --doc docs/measurements/every_keras_layer.md
    python -m tests.fuzz.sweep LSTM Conv2D MobileNetV2 --examples 20

Every layer with arguments drawn by hypothesis, in a small functional, Sequential or nested net; every constructor of
keras.applications. Rows are kept in runs/sweep/, and a second call goes on where the first was.
"""

import argparse
import contextlib
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from keras_cnns.support.atomic_files import write_text
from keras_cnns.support.errors import UserError
from keras_cnns.testing import randomize
from keras_cnns.tflite import Rejected, export, predict, quantization_aware
from keras_cnns.tflite.targets import runner
from tests.fuzz.sweep_layers import CASES, LEFT_OUT, net
from tests.fuzz.sweep_networks import HUGE, NETWORKS, network

MODES = ("float32", "int8", "aware")
FORMS = ("functional", "sequential", "nested")
SAME = 1e-4  # largest difference of a float32 file, relative to the largest value
COUNT = 48  # inputs: half to calibrate, half to compare
GOOD = ("right", "warned", "refused", "rejected")
SEED = 0


@dataclass(frozen=True)
class Row:
    """What became of one model: "right", "warned", "refused" (in a line), "rejected" (by the verdict, in a line),
    "wrong" (a float32 file beyond SAME), "raised" (anything but one line)."""

    subject: str
    group: str
    mode: str
    outcome: str
    message: str = ""
    arguments: str = ""


def tried(model, mode, inputs, path):
    """(outcome, message) of exporting `model` in one of MODES; inputs: a dict by the names of the inputs."""
    half = len(next(iter(inputs.values()))) // 2
    seen, held_out = ({k: v[part] for k, v in inputs.items()} for part in (slice(half), slice(half, None)))
    lone = len(inputs) == 1
    seen, held_out = (next(iter(v.values())) if lone else v for v in (seen, held_out))
    try:
        if mode == "aware":
            report = export(quantization_aware(model, pictures=seen), path, scheme="int8", images=held_out)
        else:
            report = export(model, path, scheme=mode, calibration=seen, images=held_out)
        if mode == "float32":
            theirs = keras.tree.flatten(model.predict(held_out, verbose=0))
            ours = predict(path, held_out)
            ours = list(ours.values()) if isinstance(ours, dict) else [ours]
            worst = max(difference(a, b) for a, b in zip(theirs, ours, strict=True))
            if not worst <= SAME:
                return "wrong", f"differs by {worst:.2g}"
    except UserError as error:
        message = str(error)
        kind = "rejected" if isinstance(error, Rejected) else "refused"
        return (kind if "\n" not in message and "Traceback" not in message else "raised"), message
    except Exception as error:  # what the sweep looks for
        return "raised", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return ("right" if report.status == "pass" else "warned"), "; ".join(report.reasons)


def difference(wanted, actual):
    """Largest difference relative to the largest value; NaN and infinity must stand in the same places."""
    wanted, actual = np.asarray(wanted, "float64"), np.asarray(actual, "float64")
    finite = np.isfinite(wanted)
    if wanted.shape != actual.shape or not np.array_equal(finite, np.isfinite(actual)):
        return np.inf
    return np.abs(wanted[finite] - actual[finite]).max(initial=0) / (np.abs(wanted[finite]).max(initial=0) or 1.0)


def layer_rows(name, examples, folder, modes=MODES):
    """The rows of `examples` nets with the layer called `name`, and how many draws Keras itself refused."""
    rows, result, unmade = [], 0, 0
    for arguments, form in draws(name):
        if result == examples:
            break
        keras.backend.clear_session()
        keras.utils.set_random_seed(SEED)
        try:
            model = randomize(net(name, arguments, form))
            inputs = numbers(model, CASES[name].integers)
            model.predict(inputs, verbose=0)
        except Exception:  # Keras's own refusals: strides beside dilation, an axis that is none
            unmade += 1
            continue
        result += 1
        for mode in modes:
            outcome, message = tried(model, mode, inputs, Path(folder, "net.tflite"))
            rows.append(Row(name, CASES[name].group, mode, outcome, message, f"{form} {arguments}"))
    return rows, unmade


def draws(name, count=100):
    """Different (arguments, form) for the layer called `name`, as hypothesis draws them, in no order."""
    results = {}

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(CASES[name].drawn(), st.sampled_from(FORMS)))
    def collect(choice):
        results.setdefault(str((sorted(choice[0].items(), key=str), choice[1])), choice)

    collect()
    every = list(results.values())
    return [every[i] for i in np.random.default_rng(SEED).permutation(len(every))]


def numbers(model, integers=0, count=COUNT, seed=SEED):
    """Inputs for a model by name: whole numbers below `integers`, or floats from 0 to 1 with some structure."""
    rng = np.random.default_rng(seed)
    given = {}
    for tensor in model.inputs:
        shape = (count, *tensor.shape[1:])
        floats = (rng.normal(size=shape) * rng.uniform(0.3, 1, (count,) + (1,) * (len(shape) - 1)) + 0.4).clip(-1.5, 2)
        given[tensor.name] = rng.integers(0, integers, shape).astype("int32") if integers else floats.astype("float32")
    return given


def network_rows(name, folder, modes=None):
    """The rows of one network of keras.applications, with calibrated statistics."""
    rows = []
    for mode in modes or (("float32",) if name in HUGE else MODES):
        keras.backend.clear_session()
        model, inputs = network(name)
        rows.append(Row(name, "keras.applications", mode, *tried(model, mode, inputs, Path(folder, "net.tflite"))))
    return rows


LOOP = """
import json, sys
from pathlib import Path
import numpy as np
from keras_cnns.tflite.targets.litert_child import JOBS
for line in sys.stdin:
    folder = Path(line.rstrip())
    job, outputs = json.loads((folder / "job.json").read_text()), {}
    with np.load(folder / "inputs.npz") as arrays:
        inputs = dict(arrays)
    try:
        result, outputs = JOBS[job["kind"]](job, inputs)
    except Exception as error:
        result = {"error": " ".join(str(error).split())[:300]}
    np.savez(folder / "outputs.npz", **outputs)
    (folder / "result.json").write_text(json.dumps(result))
    print("done", flush=True)
"""


@contextlib.contextmanager
def one_child():
    """Inside, LiteRT runs in one child for all files and not in a new one for each: a tenth of the time."""
    asked, process = runner.ask, []

    def start():
        process[:] = [
            subprocess.Popen(
                [sys.executable, "-c", LOOP],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        ]

    def ask(kind, inputs=None, **job):
        if not process or process[0].poll() is not None:
            start()
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "job.json").write_text(json.dumps({"kind": kind, **job}))
            np.savez(folder / "inputs.npz", **(inputs or {}))
            process[0].stdin.write(f"{folder}\n")
            process[0].stdin.flush()
            if process[0].stdout.readline().strip() != "done":
                raise UserError(f"LiteRT crashed on {job.get('file')}")
            result = json.loads((folder / "result.json").read_text())
            if "error" in result:
                raise UserError(f"LiteRT cannot run {Path(job.get('file', '')).name}: {result['error']}")
            with np.load(folder / "outputs.npz") as arrays:
                return result, dict(arrays)

    runner.ask = ask
    try:
        yield
    finally:
        runner.ask = asked
        if process:
            process[0].stdin.close()
            process[0].wait()


PAGE = """# Every layer of Keras, exported

{nets} small functional, Sequential and nested networks contain every layer of Keras. hypothesis draws the arguments
(derandomized; weights and inputs from seed {seed}). {networks} networks of keras.applications with calibrated
statistics are tried too. Each is exported in three ways: as float32, as int8 after training, and as int8 after
`quantization_aware` with calibration.

| outcome | meaning |
| --- | --- |
| right | float32: differs from Keras by at most {same:g} of the largest value; int8: passes the comparison |
| warned | it passes with a warning |
| rejected | it fails the comparison |
| refused | a one-line error says what is not possible |
| wrong, raised | a wrong result, or anything but a one-line error; must be empty |

Written by `python -m tests.fuzz.sweep --doc docs/measurements/every_keras_layer.md`; Keras {keras}.

{counts}

Keras itself refused {unmade} further draws.{left}

## What is refused, and why

{refused}

## Rejected by the verdict

{rejected}
{bad}{more}"""


def document(rows, unmade, more=""):
    """The rows as a page."""
    groups = list(dict.fromkeys(row.group for row in rows))
    heads = ["right", "warned", "rejected", "refused", "wrong", "raised"]
    lines = [f"| | mode | {' | '.join(heads)} |", "| --- " * (len(heads) + 2) + "|"]
    for group in groups:
        for mode in MODES:
            count = Counter(row.outcome for row in rows if (row.group, row.mode) == (group, mode))
            if count:
                lines.append(f"| {group} | {mode} | {' | '.join(str(count[h] or '') for h in heads)} |")
    every = Counter(row.outcome for row in rows)
    lines.append(f"| **all** | | {' | '.join(f'**{every[h]}**' for h in heads)} |")
    bad = [row for row in rows if row.outcome not in GOOD]
    message = "\n## Neither right nor one line\n\n" + _listed(bad) + "\n" if bad else ""
    left = "".join(f"\n- `{name}` was left out: {why}." for name, why in LEFT_OUT.items())
    tried = {row.subject for row in rows}
    left += "".join(f"\n- `{name}` in float32 only: {why}." for name, why in HUGE.items() if name in tried)
    missing = [name for name in (*CASES, *NETWORKS) if name not in tried]
    left += f"\n- Not tried here: {', '.join(f'`{name}`' for name in missing)}." if missing else ""
    return PAGE.format(
        nets=len({(row.subject, row.arguments) for row in rows if row.arguments}),
        networks=len({row.subject for row in rows if not row.arguments}),
        seed=SEED,
        same=SAME,
        keras=keras.__version__,
        counts="\n".join(lines),
        unmade=unmade,
        left="\n" + left,
        refused=_listed([row for row in rows if row.outcome == "refused"]),
        rejected=_listed([row for row in rows if row.outcome == "rejected"]),
        bad=message,
        more=more,
    )


def _listed(rows):
    """A line for each subject and message, with the modes in which it occurred."""
    results = {}
    for row in rows:
        results.setdefault((row.subject, _short(row.message)), []).append(row.mode)
    lines = [
        f"- `{s}` ({', '.join(dict.fromkeys(modes))}; {len(modes)}): {message}"
        for (s, message), modes in results.items()
    ]
    return "\n".join(lines) or "Nothing."


def _short(text, most=200):
    text = re.sub(r" ?(The file|It) was kept as .*", "", text).replace("|", "/")  # without the temporary folder
    text = re.sub(r"\.net-\w+\.tflite", "the file", text)
    return text if len(text) <= most else f"{text[:most]} ..."


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subjects", nargs="*", help="layers and networks; all by default")
    parser.add_argument("--examples", type=int, default=3, help="nets for each layer")
    parser.add_argument("--folder", default="runs/sweep", help="of the rows")
    parser.add_argument("--more", help="a Markdown file to end the page with")
    parser.add_argument("--doc", help="write the page here")
    flags = parser.parse_args()
    folder = Path(flags.folder)
    folder.mkdir(parents=True, exist_ok=True)
    rows, unmade = [], 0
    with one_child(), tempfile.TemporaryDirectory() as work:
        for name in flags.subjects or [*CASES, *NETWORKS]:
            kept = folder / f"{name}.json"
            if not kept.exists():
                result, count = (
                    layer_rows(name, flags.examples, work) if name in CASES else (network_rows(name, work), 0)
                )
                kept.write_text(json.dumps({"rows": [asdict(r) for r in result], "unmade": count}))
            read = json.loads(kept.read_text())
            rows += [Row(**r) for r in read["rows"]]
            unmade += read["unmade"]
            for row in (Row(**r) for r in read["rows"]):
                if row.outcome not in ("right", "warned"):
                    print(f"{row.outcome:9}{row.subject} {row.mode} {row.arguments}: {row.message[:200]}", flush=True)
            print(name, dict(Counter(r["outcome"] for r in read["rows"])), flush=True)
    if flags.doc:
        more = "\n" + Path(flags.more).read_text() if flags.more else ""
        write_text(flags.doc, document(rows, unmade, more))
    sys.exit(any(row.outcome not in GOOD for row in rows))


if __name__ == "__main__":
    main()
