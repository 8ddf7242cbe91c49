"""What a network or a model file consists of, for people and for machines."""

from pathlib import Path

from keras_cnns.errors import UserError


def describe(what) -> dict:
    """Of a registered name or of a `.keras` or `.tflite` file, everything there is to say, as plain values.

    Raises:
      UserError: neither a name nor a readable file.
    """
    suffix = Path(what).suffix
    if suffix == ".tflite":
        from keras_cnns.tflite.file.describe import describe as of_file

        return of_file(what)
    if suffix == ".keras":
        from dataclasses import asdict

        from keras_cnns.card import read_card
        from keras_cnns.saved import load_model

        model = load_model(what)
        return {"file": str(what), **asdict(read_card(what)), **_counted(model)}
    from keras_cnns.builder import build, info

    known = info(what)
    return {**known, "columns": {k: str(v) for k, v in known["columns"].items()}, **_counted(build(what))}


def _counted(model):
    from dataclasses import asdict

    from keras_cnns.insight.profile import profile

    if not getattr(model, "layers", None) or not getattr(model, "inputs", None):
        raise UserError(f"{model.name} has no graph of layers to show.")
    layers = [asdict(layer) for layer in profile(model)]
    stages = {}
    for layer in layers:
        stage = stages.setdefault(layer["stage"], {"stage": layer["stage"], "layers": 0, "params": 0, "macs": 0})
        stage["shape"] = layer["shape"]
        stage["layers"] += 1
        stage["params"] += layer["params"]
        stage["macs"] += layer["macs"]
    return {
        "params": sum(layer["params"] for layer in layers),
        "macs": sum(layer["macs"] for layer in layers),
        "stages": list(stages.values()),
        "layers": layers,
    }


def tables(description, *, layers=False):
    """What rich prints of a description: the facts, then a row for each stage or layer (or operator of a file)."""
    if "operators" in description:
        from keras_cnns.tflite.file.describe import tables as of_file

        yield from of_file(description)
        return
    from rich import box
    from rich.table import Table

    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for key, value in description.items():
        if key in ("stages", "layers", "columns", "operators", "source"):
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
    kept = ("name", "kind", "shape", "params", "macs") if layers else ("stage", "layers", "shape", "params", "macs")
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in kept:
        table.add_column(
            {"macs": "multiply-adds", "params": "parameters"}.get(column, column),
            justify="left" if column in ("name", "stage", "kind") else "right",
        )
    for row in rows:
        table.add_row(*(f"{row[c]:,}" if isinstance(row[c], int) else _plain(row[c]) for c in kept))
    yield table


def _plain(value):
    if isinstance(value, tuple | list):
        return "x".join(map(str, value)) if all(isinstance(v, int) for v in value) else ", ".join(map(str, value))
    return str(value)
