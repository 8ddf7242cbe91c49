"""The command `keras-cnns show`: the layers and costs of a network or a model file, as tables or as JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_cnns.support.console import Json, print_json
from keras_cnns.support.console import show as print_table
from keras_cnns.support.streams import import_tensorflow

if TYPE_CHECKING:
    import keras
    from rich.console import RenderableType


def show(name: str, /, *, layers: bool = False, augmented: bool = False, as_json: Json = False) -> None:
    """Shows the layers of a network or a model file, and their costs.

    Args:
        name: a name from `keras-cnns list`, or a .keras or .tflite file; with --augmented a recipe
        layers: show a row for each layer instead of each stage
        augmented: draw the pictures that training with this recipe sees, in runs/figures
    """
    if Path(name).suffix != ".tflite":
        import_tensorflow()
    if augmented:
        from keras_cnns.cli.figures import figure

        return figure("augmented", (name,), as_json=as_json)
    description = describe(name)
    if as_json:
        return print_json(description)
    for table in tables(description, layers=layers):
        print_table(table)
    return None


def describe(what: str) -> dict[str, Any]:
    """Describes a registered name or a `.keras` or `.tflite` file, as plain values.

    Raises:
      UserError: neither a name nor a readable file.
    """
    suffix = Path(what).suffix
    if suffix == ".tflite":
        from keras_cnns.tflite.check.describe import describe as of_file

        return of_file(what)
    if suffix == ".keras":
        from dataclasses import asdict

        from keras_cnns.saving.card import read_card
        from keras_cnns.saving.keras_file import load_model

        model = load_model(what)
        return {"file": str(what), **asdict(read_card(what)), **_counted(model)}
    from keras_cnns.builder import build, info

    known = info(what)
    return {**known, "columns": {k: str(v) for k, v in known["columns"].items()}, **_counted(build(what))}


def _counted(model: "keras.Model") -> dict[str, Any]:
    from keras_cnns.profiling.layer_table import profile

    table = profile(model)
    layers = [layer.to_dict() for layer in table]
    stages: dict[str, dict[str, Any]] = {}
    for layer in layers:
        stage = stages.setdefault(layer["stage"], {"stage": layer["stage"], "layers": 0, "params": 0, "macs": 0})
        stage["shape"] = layer["shape"]
        stage["layers"] += 1
        stage["params"] += layer["params"]
        stage["macs"] += layer["macs"]
    return {
        "params": table.params,
        "macs": table.macs,
        "activation_memory": table.memory,
        "not_counted": table.uncounted,
        "stages": list(stages.values()),
        "layers": layers,
    }


def tables(description: dict[str, Any], *, layers: bool = False) -> Iterator["RenderableType"]:
    """The tables of a description: the facts, then a row for each stage or layer (or operator of a file)."""
    if "operators" in description:
        from keras_cnns.tflite.check.describe import tables as of_file

        yield from of_file(description)
        return
    from rich import box

    from keras_cnns.support.console import PrintableTable

    facts = PrintableTable(box=None, show_header=False, padding=(0, 2, 0, 0))
    for key, value in description.items():
        if key in ("stages", "layers", "columns", "operators", "source", "not_counted"):
            continue
        facts.add_row(
            key.replace("_", " "), f"{value:,}" if isinstance(value, int) and key != "year" else _plain(value)
        )
    yield facts
    if "columns" in description:
        yield "its columns, which build() can override: " + ", ".join(
            f"{k}={v}" for k, v in description["columns"].items() if len(v) < 60
        )
    rows = description.get("layers" if layers else "stages")
    if not rows:
        return
    table = PrintableTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    columns = LAYER_COLUMNS if layers else STAGE_COLUMNS
    for key, title in columns.items():
        table.add_column(title, justify="left" if key in ("name", "stage", "kind", "padding") else "right")
    for row in rows:
        table.add_row(*(_cell(key, row[key]) for key in columns))
    yield table
    if layers:
        yield "memory: of the outputs, 1 KB = 1024 bytes; field, jump, start: of the receptive field, in pixels."
    if description.get("not_counted"):
        yield "not counted: " + ", ".join(f"{kind} ({n})" for kind, n in description["not_counted"].items())


STAGE_COLUMNS = {
    "stage": "stage",
    "layers": "layers",
    "shape": "shape",
    "params": "parameters",
    "macs": "multiply-adds",
}
LAYER_COLUMNS = {
    "name": "name",
    "kind": "kind",
    "inputs": "inputs",
    "shape": "shape",
    "kernel": "kernel",
    "stride": "stride",
    "padding": "padding",
    "params": "parameters",
    "macs": "multiply-adds",
    "memory": "memory",
    "field": "field",
    "jump": "jump",
    "start": "start",
}


def _cell(key: str, value: Any) -> str:
    if key == "inputs":  # of many inputs of one shape, the shape and their number
        shapes = [_plain(shape) for shape in value]
        return ", ".join(f"{shapes.count(s)} of {s}" if shapes.count(s) > 1 else s for s in dict.fromkeys(shapes))
    if key == "memory":
        return f"{value / 1024:,.0f} KB" if value >= 10240 else f"{value / 1024:,.1f} KB"
    if key in ("field", "jump", "start", "kernel", "stride"):  # one number where both axes agree
        value = list(dict.fromkeys("?" if n is None else f"{n:g}" if isinstance(n, float) else str(n) for n in value))
        return "x".join(value)
    return f"{value:,}" if isinstance(value, int) else _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, tuple | list):
        is_shape = all(n is None or isinstance(n, int) for n in value)
        return "x".join("?" if n is None else str(n) for n in value) if is_shape else ", ".join(map(str, value))
    return str(value)
