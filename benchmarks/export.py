"""Measures every export scheme on many networks: size, accuracy, time, and operators that XNNPACK does not run.

    python benchmarks/export.py mobilenet_v2 applications:MobileNetV3Large --size 224
    python benchmarks/export.py --doc docs/measurements/phone.md  # the whole registry, small
    python benchmarks/export.py --mobile --doc docs/measurements/phone.md
    python benchmarks/export.py --time --doc docs/measurements/phone.md

The weights are calibrated: random kernels, gains and offsets away from one and zero, batch-norm statistics measured on
pictures, and a last layer that distinguishes ten patterns. With freshly initialized weights, int8 times would mean
nothing, because tiny ranges keep additions out of XNNPACK. Agreement would mean nothing either, because all pictures
get nearly the same scores. Finished rows are kept in the folder and not measured again. `--time` times the files of
the mobile networks in the folder; the machine should be idle.
"""

import argparse
import json
from pathlib import Path

import keras

import keras_cnns
from keras_cnns.graph.reader import read
from keras_cnns.maintenance.calibrated import CLASSES, calibrate, pictures, shape_at
from keras_cnns.support.atomic_files import write_json
from keras_cnns.support.errors import UserError, nearest
from keras_cnns.tflite import SCHEMES, benchmark, export
from keras_cnns.tflite.rewrite.endings import endings

MOBILE = ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"]
MOBILE += ["mobilenet_v3_small_minimalistic", "mobilenet_v3_large_minimalistic", "mnasnet_100", "efficientnet_b0"]
MOBILE += [f"efficientnet_lite{i}" for i in range(5)]
MOBILE_SCHEMES = ("float32", "weight_only_int8", "int8", "int8_float_islands")
APPLICATIONS = "applications:"
LARGEST = 150e6  # parameters
DEEPEST = {"resnet1001_v2_cifar", "resnet1202_cifar"}  # thousands of operators


def application(name):
    """What makes the network that keras.applications calls `name`; raises `UserError` where there is none."""
    known = {name: value for name, value in vars(keras.applications).items() if callable(value)}
    if name not in known:
        raise UserError(f"keras.applications has no {name!r}.{nearest(name, known)}")
    return known[name]


def shape_of(name, size=None):
    """What the network called `name` is given: its own size, but no more than `size` where it runs at that."""
    if name.startswith(APPLICATIONS):
        application(name.removeprefix(APPLICATIONS))
        return (size or 64, size or 64, 3)
    return shape_at(name, size or 64)


def build(name, size):
    """The network called `name`: one of ours, or `applications:NAME` of Keras's own; ten classes."""
    if name.startswith(APPLICATIONS):
        constructor = application(name.removeprefix(APPLICATIONS))
        return constructor(weights=None, input_shape=shape_of(name, size), classes=CLASSES)
    return keras_cnns.build(name, input_shape=shape_of(name, size), classes=CLASSES, include_preprocessing=True)


def pictures_for(name, count, size):
    """Two different sets (pictures, labels), the pictures on the scale that the network called `name` takes."""
    inside = ("V3S", "V3L", "Efficient", "ConvNeXt")  # Keras's own that have their preprocessing inside
    centred = name.startswith(APPLICATIONS) and not any(word in name for word in inside)
    for seed in (1, 2):
        images, labels = pictures(count, shape_of(name, size), seed=seed)
        yield (images / 127.5 - 1 if centred else images), labels


class Rows:
    """What was measured, in the folder at once: "name@size scheme" -> a report's fields, or the error."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.file = self.folder / "rows.json"
        self.found = json.loads(self.file.read_text()) if self.file.exists() else {}

    def put(self, key, **row):
        self.found[key] = {**self.found.get(key, {}), **row}
        write_json(self.file, self.found)
        message = row.get("error") or f"{row['status']}, size {row['size_ratio']:.2f}, time {row['latency_ratio']:.2f}"
        print(f"{key}: {message} {'; '.join(row.get('reasons', ()))}", flush=True)

    def file_of(self, name, size, scheme):
        return self.folder / f"{name.replace(':', '_')}_{size}_{scheme}.tflite"


def measure(name, size, schemes, count, rows, *, keep):
    """Exports one network in every scheme that is missing yet."""
    missing = [scheme for scheme in schemes if f"{name}@{size} {scheme}" not in rows.found]
    if not missing:
        return
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    (seen, known), (unseen, labels) = pictures_for(name, count, size)
    model = calibrate(build(name, size), seen, known)
    if endings(read(model))[0].kind not in ("classifier", "logits"):
        labels = None
    for scheme in missing:
        key, path = f"{name}@{size} {scheme}", rows.file_of(name, size, scheme)
        try:
            options = {"calibration": seen[::2], "images": unseen, "labels": labels, "force": True}
            report = export(model, path, scheme=scheme, **options)
            row = {k: v for k, v in report.to_dict().items() if k != "layers"}
            figures = {k: getattr(report, k) for k in ("agreement", "snr_db", "accuracy", "accuracy_drop")}
            rows.put(key, **figures, **row)
        except UserError as error:
            rows.put(key, error=str(error))
        if not keep:
            path.unlink(missing_ok=True)


def time_again(rows, size, threads):
    """Times what `keep` left of the mobile networks, each network's files in turns."""
    for name in MOBILE:
        files = {scheme: rows.file_of(name, size, scheme) for scheme in MOBILE_SCHEMES}
        files = {scheme: path for scheme, path in files.items() if path.exists()}
        if "float32" not in files:
            continue
        result = benchmark(list(files.values()), threads=threads, runs=60, seconds=6)
        for i, scheme in enumerate(files):
            timings = result[i :: len(files)]  # one for each number of threads
            times = {"ms": [t.median_ms for t in timings], "ratio": [t.ratio for t in timings]}
            rows.found[f"{name}@{size} {scheme}"]["timed"] = times
            print(name, scheme, *(f"{t.median_ms:.2f} ms {t.ratio:.2f}" for t in timings), flush=True)
    write_json(rows.file, rows.found)


def document(rows, size, digits, threads):
    """The page: the mobile networks at full size, then everything small."""
    mobile, reasons = [], []
    for name in MOBILE:
        cells, left = [], {}
        for scheme in MOBILE_SCHEMES:
            row = rows.get(f"{name}@224 {scheme}")
            if not row or "error" in row:
                break
            times = row.get("timed") or {"ms": [row["latency_ms"]], "ratio": [row["latency_ratio"]]}
            if scheme == "float32":
                cells.append(f"{row['size_bytes'] / 1e6:.1f} MB, {times['ms'][0]:.1f} ms")
            else:
                cells.append(", ".join(f"{ratio:.2f}" for ratio in (row["size_ratio"], *times["ratio"])))
            left[scheme] = row["undelegated"]
        else:
            mobile.append(_line(f"`{name}`", *cells, _operators(left["int8"])))
    wide = []
    for name in keras_cnns.list_models():
        result = {scheme: rows.get(f"{name}@{size} {scheme}") for scheme in SCHEMES}
        if not any(result.values()):
            reasons.append(f"- `{name}`: not tried, {_why_not(name)}")
            continue
        height, width, _ = shape_of(name, size)
        cells = [f"`{name}`", f"{height}x{width}"]
        for scheme, row in result.items():
            cells.append(_cell(scheme, row))
            why = (row or {}).get("error") or ("; ".join(row["reasons"]) if row and row["status"] == "fail" else "")
            if why:
                reasons.append(f"- `{name}`, {scheme}: {why}")
        trained = digits.get(name)
        cells.append("" if trained is None else f"{trained['float32'] - trained['int8']:+.4f}")
        left = [result[scheme] for scheme in ("float32", "int8")]
        cells += [_operators(row.get("undelegated", {})) if row else "" for row in left]
        wide.append(_line(*cells))
    head = _line("network", "pixels", *SCHEMES, "drop on digits", "outside XNNPACK: float32", "int8")
    mobile_head = _line("network", "float32", *MOBILE_SCHEMES[1:], "outside XNNPACK in int8")
    tables = [[h, "| --- " * (h.count("|") - 1) + "|", *lines] for h, lines in ((mobile_head, mobile), (head, wide))]
    return PAGE.format(
        threads=f"timed on {' and '.join(f'{n}' for n in threads)} thread{'s' * (max(threads) > 1)}",
        mobile="\n".join(tables[0]),
        wide="\n".join(tables[1]),
        reasons="\n".join(reasons),
        largest=int(LARGEST / 1e6),
    )


def _line(*cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def _cell(scheme, row):
    if not row or "error" in row:
        return "no" if row else ""
    if scheme == "float32":
        return f"{row['size_bytes'] / 1e6:.2f} MB, {_figure(row['accuracy'])}, {row['latency_ms']:.2f} ms"
    classes = _figure(row["accuracy_drop"], "+.2f"), _figure(row["agreement"])
    figures = ", ".join((f"{row['size_ratio']:.2f}", *classes, f"{row['latency_ratio']:.2f}"))
    return figures if row["status"] == "pass" else f"{figures} {row['status']}"


def _figure(value, form=".2f"):
    return "-" if value is None else format(value, form)


def _operators(left):
    return ", ".join(f"{count} {name}" for name, count in left.items()) or "none"


def _why_not(name):
    if name in DEEPEST:
        return "thousands of operators"
    params = keras_cnns.info(name)["params"]
    return f"{params / 1e6:.0f} M parameters" if params > LARGEST else "not measured yet"


PAGE = """# Every network in every scheme

Sizes and times are fractions of the same network's float32 file, lower is better. The networks are not trained. Their
weights are calibrated: random kernels, gains and offsets, batch-norm statistics measured on pictures, and a last
layer fitted to distinguish ten patterns. Times were measured on one x86-64 machine with AVX-512, on one thread unless
noted. Times on a phone differ, but their order rarely does. Operators outside XNNPACK run on slower kernels.

Written by `python benchmarks/export.py`; its docstring has the commands.

## Mobile networks, 224x224

The files of a network took turns, {threads}, on an otherwise idle machine. A cell has the size, then the time.

{mobile}

## The registry, small

Inputs are 64 pixels wide, or as small as the network allows. A cell has four figures: size, drop of accuracy on 100
held-out pictures, fraction of these with the same top class as in the Keras model, and time. The float32 column has
the accuracy itself. *warn* and *fail* are the verdicts of `export`.

Other processes ran meanwhile. Each file alternated with the float32 file, so most ratios are right to a tenth.
(float16 and weight_only_int8 compute as float32 does and take the same time.)

The rows were measured with earlier limits (agreement, cosine, dB). [What a file is judged by](verdict.md) has the
present ones, which are based on the expected accuracy loss.

The verdicts are stricter than they would be for trained networks: random layers preserve little of the difference
between two pictures, so rounding errors weigh more. If there is a figure in *drop on digits*, use that: it is the
accuracy that the same network, trained on real digits, loses in int8
([quantization.md](quantization.md)).

{wide}

Failures, and networks that were left out (more than {largest} M parameters):

{reasons}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="by default the whole registry, less the largest")
    parser.add_argument("--mobile", action="store_true", help="the mobile networks at 224 pixels; their files are kept")
    parser.add_argument("--time", action="store_true", help="only time the kept files again")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of --time")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--schemes", nargs="+")
    parser.add_argument("--count", type=int, default=100, help="pictures to compare on")
    parser.add_argument("--folder", default="runs/export", help="of the rows, and of the files kept")
    parser.add_argument("--digits", default="runs/qat/rows.json", help="the rows that benchmarks/qat.py left")
    parser.add_argument("--doc", help="write the document here")
    flags = parser.parse_args()
    rows, every = Rows(flags.folder), keras_cnns.list_models()
    names = [n for n in every if keras_cnns.info(n)["params"] <= LARGEST and n not in DEEPEST]
    if flags.time:
        time_again(rows, 224, flags.threads)
    else:
        size = 224 if flags.mobile else flags.size
        for name in flags.names:
            try:
                shape_of(name, size)
            except UserError as error:
                parser.error(str(error))
        schemes = flags.schemes or (MOBILE_SCHEMES if flags.mobile else SCHEMES)
        for name in flags.names or (MOBILE if flags.mobile else names):
            measure(name, size, schemes, flags.count, rows, keep=flags.mobile)
    if flags.doc:
        from sections import write_section  # found beside this file when it is run as a script

        digits = json.loads(Path(flags.digits).read_text()) if Path(flags.digits).exists() else {}
        write_section(flags.doc, None, document(rows.found, flags.size, digits, flags.threads))


if __name__ == "__main__":
    main()
