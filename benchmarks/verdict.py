"""Exports healthy files and files that are broken on purpose, and shows the verdict on each.

    python benchmarks/verdict.py --data-dir FOLDER efficientnet_lite0=WEIGHTS.pth mobilenet_v2 \\
        --doc docs/measurements/verdict.md

NAME=WEIGHTS is compared on CIFAR-10's pictures, enlarged (FOLDER holds the data set as tensorflow-datasets prepares
it). The folder of a finished run is compared on its own data set. A NAME alone gets weights calibrated on patterns,
as in benchmarks/export.py. Finished rows are kept in runs/verdict/rows.json and not measured again.
"""

import argparse
import json
import tempfile
from pathlib import Path

import keras
import numpy as np

import export as patterns
import keras_cnns
from keras_cnns.saving.keras_file import load_model
from keras_cnns.support.atomic_files import write_text
from keras_cnns.support.errors import UserError
from keras_cnns.tflite import export

TO_CALIBRATE, TO_COMPARE = 100, 200
HEALTHY = {
    "float32": {},
    "float16": {},
    "weight_only_int8": {},
    "int8": {},
    "int8, stock converter": {"engine": "converter"},
}
BROKEN = ("calibrated a twentieth as bright", "classes permuted", "a layer zeroed", "another network's weights")
UNKNOWN = ("weight_only_int4", "calibrated a quarter as bright")
UNKNOWN += ("calibrated three times as bright", "calibrated on noise")


def real(name, weights, folder, counts):
    """A network with published weights, and CIFAR-10's pictures as it takes them: (model, to calibrate, to compare)."""
    return _with_pictures(
        keras_cnns.build(name, weights=weights, include_preprocessing=True), "cifar10", folder, counts
    )


def trained(run, folder, counts):
    """The network of a finished run, and pictures of its own data set."""
    recipe = json.loads(Path(run, "recipe.json").read_text())
    files = [Path(run, name) for name in ("best.keras", "model.keras")]
    return _with_pictures(load_model(next(f for f in files if f.is_file())), recipe["dataset"], folder, counts)


def _with_pictures(model, dataset, folder, counts):
    view = {"size": model.input_shape[1:3], "channels": model.input_shape[3], "data_dir": folder}
    pairs = zip(("train", "test"), counts, strict=True)
    load = keras_cnns.data.load_arrays
    return model, *(load(dataset, part, limit=n, **view)[0].astype("float32") for part, n in pairs)


def made(name, size=96):
    """A network with calibrated weights, and patterns as it takes them."""
    (seen, known), (unseen, _) = patterns.pictures_for(name, 2 * TO_COMPARE, size)
    model = patterns.calibrate(patterns.build(name, size), seen, known)
    return model, seen[::4], unseen[:TO_COMPARE]


def given(network, folder, counts):
    """(key, model, to calibrate, to compare) of a network as the command line names it."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    name, _, weights = network.partition("=")
    if Path(name, "recipe.json").is_file():
        return Path(name).name, *trained(name, folder, counts)
    return name, *(real(name, weights, folder, counts) if weights else made(name))


def wrong_model(model, what):
    """A copy of the model that is broken: what is exported, and compared with the model itself."""
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    heads = [layer for layer in other.layers if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D)]
    rng = np.random.default_rng(0)
    if what == "classes permuted":
        order = rng.permutation(heads[-1].kernel.shape[-1])
        heads[-1].set_weights([w[..., order] for w in heads[-1].get_weights()])
    elif what == "a layer zeroed":
        middle = heads[len(heads) // 2]
        middle.set_weights([0 * w for w in middle.get_weights()])
    else:
        for layer in heads:
            layer.set_weights([rng.permutation(w.ravel()).reshape(w.shape) for w in layer.get_weights()])
    return other


def cases(model, seen):
    """(what, whether healthy, broken or neither was meant, the options of export, the model exported)."""
    for what, options in HEALTHY.items():
        given = {"calibration": seen} if what.startswith("int8") else {}
        yield what, "healthy", {"scheme": what.split(",")[0], **given, **options}, model
    noise = np.random.default_rng(1).uniform(seen.min(), seen.max(), seen[:50].shape).astype("float32")
    low = seen.min()
    scales = {"a twentieth as bright": 0.05, "a quarter as bright": 0.25, "three times as bright": 3.0}
    for what in BROKEN + UNKNOWN:
        meant = "broken" if what in BROKEN else "neither"
        if what == "weight_only_int4":
            yield what, meant, {"scheme": what}, model
        elif what == "calibrated on noise":
            yield what, meant, {"scheme": "int8", "calibration": noise}, model
        elif what.startswith("calibrated"):
            bright = low + scales[what.removeprefix("calibrated ")] * (seen - low)
            yield what, meant, {"scheme": "int8", "calibration": bright}, model
        else:
            yield what, meant, {"scheme": "float32"}, wrong_model(model, what)


def measure(key, model, seen, unseen, rows):
    """Exports every case that is missing yet."""
    from keras_cnns.tflite.float_model import FloatModel
    from keras_cnns.tflite.verify.float_answers import float_answers

    own = FloatModel.of(model)
    answers = float_answers(own.model, {own.inputs[0]: unseen}, inputs=own.inputs, outputs=own.outputs)
    for what, meant, options, source in cases(model, seen):
        if f"{key}: {what}" in rows.found:
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                report = export(source, Path(folder, "net.tflite"), images=unseen, force=True, **options)
                row = report.to_dict()
                if source is not model:
                    row = judged_beside(own, answers, Path(folder, "net.tflite"), unseen, row)
            except UserError as error:
                row = {"status": "none", "error": str(error), "size_ratio": 0, "latency_ratio": 0, "reasons": ()}
        rows.put(f"{key}: {what}", meant=meant, **{k: v for k, v in row.items() if k != "layers"})


def judged_beside(own, answers, file, unseen, row):
    """The row with the verdict on the file beside another network than the one it was made from."""
    from dataclasses import asdict

    from keras_cnns.tflite import predict
    from keras_cnns.tflite.verify.compare import compare

    (name, original), (ending,) = next(iter(answers.items())), own.endings()
    result = compare(name, original, np.asarray(predict(file, unseen)), kind=ending.kind)
    status, reasons = result.judge("int8")
    return {**row, "status": status, "reasons": reasons, "comparisons": (asdict(result),)}


def page(rows):
    """The table and the share that is judged wrongly."""
    lines = [
        "| network | file | expected | loss | fraction of possible loss | error | agreement | dB | verdict |",
        "| --- " * 9 + "|",
    ]
    wrong, counts = [], {"healthy": 0, "broken": 0}
    for key, row in rows.found.items():
        network, what = key.split(": ", 1)
        figures = row.get("comparisons", [{}])[0]
        cells = [figures.get(k) for k in ("expected_loss", "expected_loss_share", "error", "agreement", "snr_db")]
        shown = [
            "" if v is None else format(v, f) for v, f in zip(cells, (".4f", ".3f", ".3f", ".3f", ".1f"), strict=True)
        ]
        status = row["status"] if row["status"] != "none" else row["error"].split(":")[0]
        lines.append(f"| {network} | {what} | {row['meant']} | {' | '.join(shown)} | {status} |")
        if row["meant"] in counts and row["status"] != "none":
            counts[row["meant"]] += 1
            if (row["meant"] == "healthy") == (row["status"] == "fail"):
                wrong.append(key)
    summary = f"{counts['healthy']} healthy files, {counts['broken']} broken ones, {len(wrong)} judged wrongly"
    return "\n".join([f"{summary}{': ' + '; '.join(wrong) if wrong else ''}.", "", *lines, ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help="NAME=WEIGHTS, NAME, applications:NAME, or a run's folder")
    parser.add_argument("--counts", type=int, nargs=2, default=(TO_CALIBRATE, TO_COMPARE), help="pictures for each")
    parser.add_argument("--data-dir")
    parser.add_argument("--doc")
    parser.add_argument("--out", default="runs/verdict")
    args = parser.parse_args()
    rows = patterns.Rows(args.out)
    for network in args.networks:
        measure(*given(network, args.data_dir, args.counts), rows)
    if args.doc:
        head = Path(args.doc).read_text().split("<!-- table -->")[0]
        write_text(args.doc, f"{head}<!-- table -->\n\n{page(rows)}")
    print(page(rows))


if __name__ == "__main__":
    main()
