"""What a `.tflite` file is: its card, its inputs and outputs, its operators, and the memory it takes."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_cnns.saving.card import read_card
from keras_cnns.support.archives import open_zip, read_member
from keras_cnns.support.errors import UnreadableFile, UserError
from keras_cnns.support.validation import path_of
from keras_cnns.tflite.targets import runner

MOST_SHOWN = 8  # entries of a dict in the card


def describe(path: str | Path) -> dict[str, Any]:
    """The file at `path` as plain values.

    Keys: file, name, labels, source, size_bytes, inputs and outputs (name, shape, type, scale, zero_point), operators
    (operator, count, outside: how many of them run outside XNNPACK), partitions (of XNNPACK), arena_bytes (the most
    that intermediate results take at once, before any delegate), peak_bytes (memory that opening and running it took).

    Raises:
      UserError: there is no such file, or LiteRT cannot run it.
    """
    path = path_of(path)
    if not path.is_file():
        raise UnreadableFile(f"there is no file {path}.")
    inside, _ = runner.ask("describe", file=str(path.resolve()))
    card = read_card(path)
    names = list(dict.fromkeys(inside["operators"]))
    return {
        "file": str(path),
        "name": card.name,
        "labels": list(card.labels) or _foreign_labels(path),
        "source": card.source,
        "size_bytes": path.stat().st_size,
        "inputs": inside["input_details"],
        "outputs": inside["output_details"],
        "operators": [
            {"operator": name, "count": inside["operators"].count(name), "outside": inside["undelegated"].get(name, 0)}
            for name in sorted(names, key=inside["operators"].count, reverse=True)
        ],
        "partitions": inside["partitions"],
        "arena_bytes": inside["arena_bytes"],
        "peak_bytes": inside["peak_bytes"],
    }


def _foreign_labels(path: Path) -> list[str]:
    """The lines of a label file that another tool packed into the model."""
    try:
        with open_zip(path) as archive:
            files = [name for name in archive.namelist() if name.endswith(".txt") and "label" in name.lower()]
            text = read_member(archive, files[0]).decode() if files else ""
            return text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []
    except (zipfile.BadZipFile, UserError, UnicodeDecodeError):
        return []


def _in_words(value: Any) -> str:
    """A value of the card; of a long dict, such as a recipe, the first few entries."""
    if not isinstance(value, dict):
        return str(value)
    rows = [
        f"{name} {entry}"
        for name, entry in value.items()
        if entry not in ("", None, []) and not isinstance(entry, dict)
    ]
    return ", ".join(rows[:MOST_SHOWN]) + (", ... (all with --json)" if len(rows) > MOST_SHOWN else "")


def tables(description: dict[str, Any]) -> Iterator[Any]:
    """The tables of a description: the facts, then a row for each kind of operator."""
    from keras_cnns.support.console import PrintableTable

    facts = PrintableTable(box=None, show_header=False, padding=(0, 2, 0, 0))
    labels = description["labels"]
    facts.add_row("file", description["file"])
    facts.add_row("name", description["name"] or "-")
    facts.add_row("labels", f"{len(labels)}: {', '.join(labels[:5])}{', ...' if len(labels) > 5 else ''}")
    for key in ("inputs", "outputs"):
        for tensor in description[key]:
            step = f", value = {tensor['scale']:.6g} * (n - {tensor['zero_point']})" if tensor["scale"] else ""
            shape = "x".join("?" if n < 0 else str(n) for n in tensor["shape"])
            facts.add_row(key[:-1], f"{tensor['name']} {shape} {tensor['type']}{step}")
    for key, name in (("size_bytes", "size"), ("arena_bytes", "arena"), ("peak_bytes", "peak memory here")):
        facts.add_row(name, f"{description[key]:,} bytes")
    facts.add_row("XNNPACK partitions", str(description["partitions"]))
    for key, value in description["source"].items():
        facts.add_row(key.replace("_", " "), _in_words(value))
    yield facts
    operators = PrintableTable(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("operator", "count", "outside XNNPACK"):
        operators.add_column(column, justify="left" if column == "operator" else "right")
    for row in description["operators"]:
        operators.add_row(row["operator"], str(row["count"]), str(row["outside"] or ""))
    yield operators
