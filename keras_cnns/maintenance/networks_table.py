"""Writes the README's tables between their marks: `python -m keras_cnns.maintenance.networks_table README.md`."""

import sys
from importlib import import_module
from pathlib import Path

from keras_cnns.builder import info
from keras_cnns.registry.registry import list_models
from keras_cnns.support.atomic_files import write_text
from keras_cnns.weights.catalog import published

COLUMNS = ("name", "paper", "input", "parameters", "multiply-adds", "top-1 %", "weights")
PACKAGES = ("data", "tasks", "training", "tflite", "weights", "insight", "layers")


def rows():
    """A row for each name. The accuracy is the best of the published weights', on ImageNet, as their publishers say."""
    for name in list_models():
        known, sets = info(name), published(name)
        best = max((s.top1 for s in sets.values() if s.top1), default=None)
        yield (
            f"`{name}`",
            known["paper"].split(",")[0],
            "x".join(str(n) for n in known["input_shape"]),
            f"{known['params']:,}",
            f"{known['macs'] / 1e6:,.1f} M" if known["macs"] < 1e9 else f"{known['macs'] / 1e9:,.2f} G",
            f"{best:.1f}" if best else "",
            ", ".join(sets),
        )


def public():
    """A row for the library and each of its packages: what `__all__` says is public."""
    for package in ("keras_cnns", *(f"keras_cnns.{name}" for name in PACKAGES)):
        names = [name for name in getattr(import_module(package), "__all__", ()) if not name.startswith("__")]
        yield f"`{package}`", " ".join(f"`{name}`" for name in names)


def table(columns, rows):
    """Rows of cells as Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, ["---"] * len(columns), *rows))


TABLES = {"models": (COLUMNS, rows), "public names": (("package", "public"), public)}


def renewed(text):
    """`text` with the tables between their marks as they are now."""
    for name, (columns, made) in TABLES.items():
        begin = f"<!-- {name}: written by python -m keras_cnns.maintenance.networks_table README.md -->"
        end = f"<!-- end of {name} -->"
        before, found, after = text.partition(begin)
        if found:
            text = f"{before}{begin}\n\n{table(columns, made())}\n\n{end}{after.partition(end)[2]}"
    return text


if __name__ == "__main__":
    page = Path(sys.argv[1])
    write_text(page, renewed(page.read_text(encoding="utf-8")))
