"""Measures what each step of `Tuning` is worth, alone and together, on trained networks.

    python benchmarks/after_training.py efficientnet_lite0=WEIGHTS.pth runs/published/lenet5-0 \\
        --data-dir FOLDER --doc docs/measurements/quantization.md

Networks are named as for benchmarks/verdict.py: NAME=WEIGHTS on CIFAR-10's pictures, enlarged; the folder of a finished
run on its own data set; or a NAME alone with weights calibrated on patterns. Finished rows are kept in
runs/after_training/rows.json and not measured again.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import verdict
from sections import write_section

import export as patterns
from keras_cnns.support.errors import UserError
from keras_cnns.tflite import Tuning, export, predict
from keras_cnns.tflite.float_model import FloatModel
from keras_cnns.tflite.verify import measures
from keras_cnns.tflite.verify.compare import compare
from keras_cnns.tflite.verify.float_answers import float_answers

AUTO, MAX_DROP = "auto", 0.0005

TO_CALIBRATE, TO_COMPARE = 200, 600
NONE, BIAS, ROUNDING = Tuning.plain(), Tuning(rounding="nearest"), Tuning(bias="kept")
BOTH, SCALES = Tuning(), Tuning(scales="mse")
STOCK, SYNTHETIC = "none, stock converter", "both, synthetic pictures"
STEPS = {  # what is choice of it: the tuning
    "none": NONE,
    "both (the default)": BOTH,
    STOCK: None,
    "biases corrected": BIAS,
    "rounding learned": ROUNDING,
    "both, scales mse": SCALES,
    "both, ranges mse": Tuning(ranges="mse"),
    "both, ranges 99.99": Tuning(ranges=99.99),
    SYNTHETIC: BOTH,
}
ALONE = ("both (the default)", "biases corrected", "rounding learned", "both, scales mse")
SCHEMES = {  # the steps that are tried in each
    "int8": tuple(STEPS),
    "int8_float_mixed": ("both (the default)",),
    "int8_int16_mixed": ("both (the default)",),
    "int16x8": ("both (the default)",),
    "weight_only_int8": ("none", *ALONE),
    "weight_only_int4": ("none", *ALONE),
    "weight_only_mixed": ("both (the default)", "both, scales mse"),
}
MARK = "after training"
PAGE = """## What is done after training, step by step

The networks have trained weights. Ranges, rounding and biases were chosen on {calibrate} pictures (at most 64 where
layers are treated one by one). The files were compared on {compare} other pictures.

- *dB*: signal to noise ratio of the outputs, higher is better.
- *loss*: expected accuracy loss, a fraction, lower is better.
- *size*, *time*: fractions of the float32 file's, lower is better.
- *s*: seconds to make and compare a file, while other work ran on the two cores.
- *synthetic pictures*: `calibration="synthetic"`.

`weight_only_mixed` was limited to a fifth of the size of the float32 file. The int8 softmax of the stock converter
rounds to steps of 1/256, which hides smaller differences. In its files the softmax was therefore replaced by one in
float.

`int8_float_mixed` measures how much the outputs change if a single tensor is rounded. It leaves the most sensitive
operators in float until three quarters of the error are avoided (`error_avoided=0.75`), about 6 dB. This costs almost
nothing if a few operators cause most of the error, as in the first layers of a mobile network. It costs as much as
float32 if all operators contribute equally. `int8_int16_mixed` uses int16 instead of float. It is as accurate and
suits chips without floats, but its int16 operators run outside XNNPACK and are slow on a CPU.

Written by `python benchmarks/after_training.py`; its docstring has the commands.

{table}

### What `scheme="auto"` chooses between

`export(model, path, scheme="auto", max_drop={max_drop:g}, ...)` on the same pictures. The limit is so small that
`auto` tries the mixed schemes too. The report has this table in `report.candidates`, and `print_reports` shows it.
*beaten*: another candidate is no worse in time, size and loss, and better in one of them. A candidate that is not
beaten is the choice for some limits (`max_drop`, `max_size`, `max_latency`).

{candidates}
"""


def measure(key, model, seen, unseen, rows, first):
    """Exports every step that is missing yet; `first`: only as many of each scheme."""
    for scheme, steps in SCHEMES.items():
        for step in steps[:first]:
            if f"{key}: {scheme}: {step}" in rows.found:
                continue
            try:
                inputs = "synthetic" if step == SYNTHETIC else seen
                options = {"scheme": scheme, "calibration": inputs, "images": unseen, "force": True}
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder, "net.tflite")
                    if step == STOCK:
                        report = by_the_converter(model, path, **options)
                    else:
                        report = export(model, path, tuning=STEPS[step], **options)
                result = {k: v for k, v in report.to_dict().items() if k not in ("layers", "undelegated")}
                rows.put(f"{key}: {scheme}: {step}", **result)
            except UserError as error:
                rows.put(f"{key}: {scheme}: {step}", error=str(error))


def measure_auto(key, model, seen, unseen, rows):
    """What "auto" chose between, kept beside the other rows."""
    if f"{key}: {AUTO}: candidates" in rows.found:
        return
    with tempfile.TemporaryDirectory() as folder:
        options = {"max_drop": MAX_DROP, "calibration": seen, "images": unseen}
        report = export(model, Path(folder, "net.tflite"), scheme=AUTO, **options)
    kept = ("candidates", "status", "size_ratio", "latency_ratio", "seconds")
    rows.put(f"{key}: {AUTO}: candidates", **{name: report.to_dict()[name] for name in kept})


def candidates_page(result):
    """A table of what "auto" chose between, for each network where it was asked."""
    lines = ["| network | scheme | size | time | loss | agreement | dB | |", "| --- " * 8 + "|"]
    for key, row in result.items():
        for c in row.get("candidates", ()):
            figures = " | | | | "
            if c["size_bytes"] is not None:
                figures = f"{c['size_ratio']:.3f} | {c['latency_ratio']:.2f} | {c['accuracy_loss']:.4f}"
                figures += f" | {c['agreement']:.3f} | {c['snr_db']:.1f}"
            choice = "**chosen**" if c["chosen"] else c["note"]
            lines.append(f"| {key.split(': ')[0]} | {c['name']} | {figures} | {choice} |")
    return "\n".join(lines)


def by_the_converter(model, path, **options):
    """The report on the stock converter's file, its scores before the softmax taken through one in floats.

    The converter's own softmax answers in steps of 1/256: what lies below four of them is lost in file and original
    alike, and the dB of what is left cannot stand beside those of a file that answers floats.
    """
    report = export(model, path, engine="converter", head="logits", **options)
    own, images = FloatModel.of(model), options["images"]
    ((name, original),) = float_answers(
        own.model, {own.inputs[0]: images}, inputs=own.inputs, outputs=own.outputs
    ).items()
    scores, (ending,) = np.asarray(predict(path, images)), own.endings()
    answer = measures.softmax(scores.astype(np.float64)) if ending.kind == "classifier" else scores
    return replace(report, comparisons=(compare(name, original, answer, kind=ending.kind),))


def page(result):
    """The table."""
    lines = ["| network | scheme | step | dB | agreement | loss | size | time | s |", "| --- " * 9 + "|"]
    networks = dict.fromkeys(key.split(": ")[0] for key in result)
    for network in networks:
        for scheme in SCHEMES:
            for step in STEPS:
                row = result.get(f"{network}: {scheme}: {step}")
                if row is None:
                    continue
                if "error" in row:
                    lines.append(f"| {network} | {scheme} | {step} | {row['error']} | | | | | |")
                    continue
                shown = row["comparisons"][0]
                figures = f"{shown['snr_db']:.1f} | {shown['agreement']:.3f} | {shown['expected_loss']:.4f}"
                figures += f" | {row['size_ratio']:.3f} | {row['latency_ratio']:.2f} | {row['seconds']:.0f}"
                lines.append(f"| {network} | {scheme} | {step} | {figures} |")
    return "\n".join(lines)


def page_of(result, counts):
    """The whole section."""
    tables = {"table": page(result), "candidates": candidates_page(result)}
    return PAGE.format(max_drop=MAX_DROP, **tables, **counts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help="NAME=WEIGHTS, NAME, applications:NAME, or a run's folder")
    parser.add_argument("--counts", type=int, nargs=2, default=(TO_CALIBRATE, TO_COMPARE), help="pictures for each")
    parser.add_argument("--first", type=int, help="only so many steps of each scheme")
    parser.add_argument("--auto", action="store_true", help="only what auto chooses between")
    parser.add_argument("--data-dir")
    parser.add_argument("--doc")
    parser.add_argument("--out", default="runs/after_training")
    args = parser.parse_args()
    rows = patterns.Rows(args.out)
    for network in args.networks:
        inputs = verdict.given(network, args.data_dir, args.counts)
        measure_auto(*inputs, rows) if args.auto else measure(*inputs, rows, args.first)
    if args.doc:
        counts = dict(zip(("calibrate", "compare"), args.counts, strict=True))
        write_section(args.doc, MARK, page_of(rows.found, counts))
    print(page(rows.found))


if __name__ == "__main__":
    main()
