"""The command `keras-cnns`. Tables for people; `--json` prints the same for machines."""

import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import tyro

from keras_cnns.cli import insight, predict
from keras_cnns.cli.figures import figure
from keras_cnns.support import messages
from keras_cnns.support.console import Json, print_json, table_of
from keras_cnns.support.console import show as show_
from keras_cnns.support.errors import UserError, first_line
from keras_cnns.support.streams import discard_stdout, import_tensorflow, open_missing_streams
from keras_cnns.version import __version__


def list_(pattern: str = "*", /, *, as_json: Json = False):
    """The networks that can be built by name.

    Args:
        pattern: a shell pattern, such as "resnet*"
    """
    from keras_cnns.builder import info
    from keras_cnns.registry.registry import list_models

    rows = [info(name) for name in list_models(pattern)]
    if not rows:
        raise UserError(f"no model matches {pattern!r}: `keras-cnns list` shows all {len(list_models())}.")
    if as_json:
        return print_json([{k: v for k, v in row.items() if k != "columns"} for row in rows])
    table = table_of("name", "year", ">input", ">parameters", ">multiply-adds", "task")
    for row in rows:
        size = "x".join(str(n) for n in row["input_shape"])
        table.add_row(row["name"], str(row["year"]), size, f"{row['params']:,}", _big(row["macs"]), row["task"])
    show_(table)


def show(name: str, /, *, layers: bool = False, augmented: bool = False, as_json: Json = False):
    """A network by name or a model file: what it consists of and what it costs.

    Args:
        name: a name from `keras-cnns list`, or a .keras or .tflite file; with --augmented a recipe
        layers: a row for each layer instead of one for each stage
        augmented: what training with this recipe sees, as a picture in runs/figures
    """
    if augmented:
        return figure("augmented", (name,), as_json=as_json)
    from keras_cnns.cli.show import describe, tables

    description = describe(name)
    if as_json:
        return print_json(description)
    for part in tables(description, layers=layers):
        show_(part)


def demo(*, out: str = "runs/demo", as_json: Json = False):
    """LeNet-5 trained on handwritten digits, exported in every scheme and verified: about a minute, no download.

    Args:
        out: the folder for all that is made
    """
    import time

    from keras_cnns import demo as page

    started = time.perf_counter()
    metrics, reports, path = page.demo(out, quiet=as_json)
    if as_json:
        return print(Path(path).read_text(), end="")
    from keras_cnns.tflite import print_reports

    print_reports(reports, title=f"LeNet-5 on the {reports[0].pictures} held-out digits")
    print(f"held-out accuracy in Keras {metrics['accuracy']:.4f}; all of it took {time.perf_counter() - started:.0f} s")
    for name in ("model.keras", "lenet5_int8.tflite", "curve.png", "confusion.png", "report.json"):
        print(f"  {path.parent / name}")


def train(recipe: str, /):
    """Trains a recipe: `keras-cnns train recipes/NAME.py --help` shows its flags.

    Args:
        recipe: the path of a recipe's page, or the name of a file in recipes/
    """
    from keras_cnns.training.script import find_recipe, run

    return run(find_recipe(recipe), _REST, f"keras-cnns train {recipe}")


def export(
    model: str,
    /,
    *,
    out: str | None = None,
    scheme: str = "float32",
    dataset: str | None = None,
    data_dir: str | None = None,
    pictures: int = 200,
    input_type: str = "float32",
    output_type: str = "float32",
    batch: int = 1,
    head: str | None = None,
    explain: str | None = None,
    outputs: str | None = None,
    max_drop: float = 0.01,
    max_size: float | None = None,
    max_latency: float | None = None,
    spare: float | None = None,
    engine: str = "quantizer",
    force: bool = False,
    as_json: Json = False,
):
    """A .keras file as a .tflite file, run and compared with it before it is handed over.

    Args:
        model: the .keras file
        out: the .tflite file; by default beside the model, named after it and the scheme
        scheme: float32, float16, weight_only_int8, int8, ... or auto: the fastest that keeps the accuracy
        dataset: digits, a tensorflow-datasets name or folder:PATH: calibration (train) and comparison (test) pictures
        data_dir: where tensorflow-datasets keeps its data
        pictures: at most so many to calibrate with
        input_type: float32, int8 or uint8
        output_type: float32, int8 or uint8
        batch: pictures at a time
        head: what the file ends in instead: logits, softmax, argmax or top_k
        explain: cam: where each class is seen, as one more output (pooling and a dense layer end the network)
        outputs: what they are, which decides how the file is judged: classifier, logits, multilabel, segmentation,
            classes, embedding or regression; by default told from the end of the network
        max_drop: the accuracy that auto may lose
        max_size: the share of the float32 file's size that auto keeps within, and weight_only_mixed gets down to
        max_latency: the share of the float32 file's time that auto keeps within
        spare: of int8_float_mixed, the share of int8's harm avoided by leaving the worst operators in floats, 0.75
        engine: quantizer (LiteRT Quantizer) or converter (TensorFlow's own)
        force: hand a failing file over all the same
    """
    from keras_cnns.saving.card import read_card
    from keras_cnns.tflite import export as run
    from keras_cnns.tflite import print_reports
    from keras_cnns.tflite.file.convert import load

    network, card = load(model), read_card(model)
    given: dict[str, Any] = {}
    if dataset is not None:
        from keras_cnns.data import classes
        from keras_cnns.data.pipeline import load_arrays

        shapes = [tuple(tensor.shape[1:]) for tensor in network.inputs]
        if len(shapes) != 1 or len(shapes[0]) != 3 or None in shapes[0]:
            told = ", ".join(map(str, shapes))
            raise UserError(
                f"{model} takes {told}, and --dataset gives one picture of a fixed size (height, width, channels): "
                "export it from Python, with arrays for calibration= and images=."
            )
        (height, width, channels), where = shapes[0], {"data_dir": data_dir, **card.view()}
        given["calibration"], _, _ = load_arrays(
            dataset, "train", size=(height, width), channels=channels, limit=pictures, **where
        )
        given["images"], given["labels"], given["names"] = load_arrays(
            dataset, "test", size=(height, width), channels=channels, **where
        )
        classes.check(model, card.labels, dataset, given["names"])
    report = run(
        network,
        out or f"{Path(model).with_suffix('')}_{scheme}.tflite",
        scheme=scheme,
        input_type=input_type,
        output_type=output_type,
        batch=batch,
        head=head,
        explain=explain,
        outputs=outputs,
        max_drop=max_drop,
        max_size=max_size,
        max_latency=max_latency,
        error_avoided=spare,
        engine=engine,
        force=force,
        card=card,
        **given,
    )
    if as_json:
        return print_json(report.to_dict())
    print_reports([report])
    print(report.path)


def benchmark(
    files: tuple[str, ...],
    /,
    *,
    threads: tuple[int, ...] = (1, 2),
    runs: int = 50,
    without_xnnpack: bool = False,
    adb: bool = False,
    tool: str | None = None,
    serial: str | None = None,
    delegate: str = "xnnpack",
    as_json: Json = False,
):
    """Times .tflite files on this host or on a phone, taking turns; ratios are to the first.

    Args:
        files: .tflite files
        threads: numbers of threads to try
        runs: so many runs of each file
        without_xnnpack: on this host, time the slower kernels too
        adb: on the phone that adb sees
        tool: LiteRT's benchmark_model for Android, copied to the phone; needed once
        serial: which phone, where there are several
        delegate: on the phone: xnnpack, cpu, gpu or nnapi
    """
    from dataclasses import asdict

    from keras_cnns.tflite.verify import timing

    if adb:
        from keras_cnns.tflite.verify.phone import benchmark_on_phone

        rows = benchmark_on_phone(files, tool=tool, serial=serial, threads=threads, delegate=delegate, runs=runs)
    else:
        rows = timing.benchmark(
            files, threads=threads, runs=runs, xnnpack=(True, False) if without_xnnpack else (True,)
        )
    if as_json:
        return print_json([asdict(row) for row in rows])
    show_(timing.table(rows))


COMMANDS = {
    "list": list_,
    "show": show,
    "demo": demo,
    "train": train,
    "export": export,
    "predict": predict.predict,
    "benchmark": benchmark,
    "explain": insight.explain,
    "compare": insight.compare,
    "report": insight.report,
    "search": insight.search,
    "figure": figure,
}
_REST: list[str] = []  # the flags after `train RECIPE`, which are the recipe's own


def main(words=None):
    """Runs one command. Exits with 2 and one line after a user's mistake."""
    open_missing_streams()
    with suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # files written aside go first
    words = list(sys.argv[1:] if words is None else words)
    if words[:1] == ["train"] and len(words) > 2:
        words, _REST[:] = words[:2], words[2:]
    if words == ["--version"]:
        print(f"keras-cnns {__version__}")
        sys.exit(0)
    try:
        if words[:1] not in (["list"], ["benchmark"], []) and not {"-h", "--help"} & set(words):
            import_tensorflow()
        with messages.in_lines():
            status = tyro.extras.subcommand_cli_from_dict(
                COMMANDS, prog="keras-cnns", description=__doc__, args=words, config=(tyro.conf.FlagCreatePairsOff,)
            )
        sys.stdout.flush()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 2
    except BrokenPipeError:  # the reader of the table has seen enough
        discard_stdout()
        status = 0
    except (OSError, MemoryError) as error:  # a full disk, a name too long, no memory: the machine's own refusals
        print(f"error: {UserError(_told(error))}", file=sys.stderr)
        discard_stdout()
        status = 2
    except KeyboardInterrupt:
        status = 130
    sys.exit(status or 0)


def _told(error):
    """What the operating system says, and of which file."""
    told = getattr(error, "strerror", None) or first_line(error)
    return f"{error.filename}: {told}" if getattr(error, "filename", None) else told


def _big(number):
    return f"{number / 1e9:.2f} G" if number >= 1e9 else f"{number / 1e6:.1f} M"
