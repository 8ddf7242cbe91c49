"""What each step of `Tuning` is worth, alone and together, on networks that were really trained.

    python benchmarks/after_training.py efficientnet_lite0=WEIGHTS.pth runs/published/lenet5-0 \\
        --data-dir FOLDER --doc docs/quantization.md

Networks are given as to benchmarks/verdict.py: NAME=WEIGHTS on CIFAR-10's pictures, enlarged; the folder of a finished
run on its own data set; a bare NAME with weights calibrated on patterns. What is finished lies in
runs/after_training/rows.json, and is not done again.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import verdict
from pages import write_section

import export as patterns
from keras_cnns.errors import UserError
from keras_cnns.tflite import Tuning, export, predict
from keras_cnns.tflite.network import Network
from keras_cnns.tflite.proof import measures, verify

TO_CALIBRATE, TO_COMPARE = 200, 600
NONE, BIAS, ROUNDING = Tuning.plain(), Tuning(rounding="nearest"), Tuning(bias="kept")
BOTH, SCALES = Tuning(), Tuning(scales="mse")
STOCK, MADE_UP = "none, stock converter", "both, made-up pictures"
STEPS = {  # what is told of it: the tuning
    "none": NONE,
    "both (the default)": BOTH,
    STOCK: None,
    "biases corrected": BIAS,
    "rounding learned": ROUNDING,
    "both, scales mse": SCALES,
    "both, ranges mse": Tuning(ranges="mse"),
    "both, ranges 99.99": Tuning(ranges=99.99),
    MADE_UP: BOTH,
}
ALONE = ("both (the default)", "biases corrected", "rounding learned", "both, scales mse")
SCHEMES = {  # the steps that are tried in each
    "int8": tuple(STEPS),
    "int8_float_mixed": ("both (the default)",),
    "int8_int16_mixed": ("both (the default)",),
    "weight_only_int8": ("none", *ALONE),
    "weight_only_int4": ("none", *ALONE),
    "weight_only_mixed": ("both (the default)", "both, scales mse"),
}
MARK = "after training"
PAGE = """## What is done after training, step by step

Networks with their real weights. Ranges, rounding and biases are chosen on {calibrate} pictures (where layers are
followed one by one, on 64 at most), the files compared on {compare} others. *loss*: the probability, by the float
model, that the file's choices give away; *size*, *time*: as shares of the float32 file's; *s*: seconds to make and to
compare a file, beside other work on two cores. `weight_only_mixed` is held to a fifth of the float32 file. The stock
converter's softmax is left out, and its scores taken through one in floats: it answers in steps of 1/256, and what lies
below them is lost on both sides of a comparison.

Written by `python benchmarks/after_training.py`, whose first lines say how.

{table}
"""


def measure(key, model, seen, unseen, rows, first):
    """Exports every step that is missing yet; `first`: only as many of each scheme."""
    for scheme, steps in SCHEMES.items():
        for step in steps[:first]:
            if f"{key}: {scheme}: {step}" in rows.found:
                continue
            try:
                given = "synthetic" if step == MADE_UP else seen
                options = {"scheme": scheme, "calibration": given, "images": unseen, "force": True}
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder, "net.tflite")
                    if step == STOCK:
                        report = by_the_converter(model, path, **options)
                    else:
                        report = export(model, path, tuning=STEPS[step], **options)
                found = {k: v for k, v in report.to_dict().items() if k not in ("layers", "undelegated")}
                rows.put(f"{key}: {scheme}: {step}", **found)
            except UserError as error:
                rows.put(f"{key}: {scheme}: {step}", error=str(error))


def by_the_converter(model, path, **options):
    """The report on the stock converter's file, its scores before the softmax taken through one in floats.

    The converter's own softmax answers in steps of 1/256: what lies below four of them is lost in file and original
    alike, and the dB of what is left cannot stand beside those of a file that answers floats.
    """
    report = export(model, path, engine="converter", head="logits", **options)
    own, images = Network.of(model), options["images"]
    ((name, original),) = own.answers({own.inputs[0]: images}).items()
    scores, (ending,) = np.asarray(predict(path, images)), own.endings()
    answer = measures.softmax(scores.astype(np.float64)) if ending.kind == "classifier" else scores
    return replace(report, comparisons=(verify.compare(name, original, answer, kind=ending.kind),))


def page(found):
    """The table."""
    lines = ["| network | scheme | step | dB | agreement | loss | size | time | s |", "| --- " * 9 + "|"]
    networks = dict.fromkeys(key.split(": ")[0] for key in found)
    for network in networks:
        for scheme in SCHEMES:
            for step in STEPS:
                row = found.get(f"{network}: {scheme}: {step}")
                if row is None:
                    continue
                if "error" in row:
                    lines.append(f"| {network} | {scheme} | {step} | {row['error']} | | | | | |")
                    continue
                shown = row["comparisons"][0]
                figures = f"{shown['snr_db']:.1f} | {shown['agreement']:.3f} | {shown['loss']:.4f}"
                figures += f" | {row['size_ratio']:.3f} | {row['latency_ratio']:.2f} | {row['seconds']:.0f}"
                lines.append(f"| {network} | {scheme} | {step} | {figures} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help="NAME=WEIGHTS, NAME, applications:NAME, or a run's folder")
    parser.add_argument("--counts", type=int, nargs=2, default=(TO_CALIBRATE, TO_COMPARE), help="pictures for each")
    parser.add_argument("--first", type=int, help="only so many steps of each scheme")
    parser.add_argument("--data-dir")
    parser.add_argument("--doc")
    parser.add_argument("--out", default="runs/after_training")
    args = parser.parse_args()
    rows = patterns.Rows(args.out)
    for network in args.networks:
        measure(*verdict.given(network, args.data_dir, args.counts), rows, args.first)
    if args.doc:
        counts = dict(zip(("calibrate", "compare"), args.counts, strict=True))
        write_section(args.doc, MARK, PAGE.format(table=page(rows.found), **counts))
    print(page(rows.found))


if __name__ == "__main__":
    main()
