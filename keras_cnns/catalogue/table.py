"""The README's table of models: `python -m keras_cnns.catalogue.table README.md` writes it between its two marks."""

import re
import sys
from pathlib import Path

from keras_cnns.builder import info
from keras_cnns.files import write_text
from keras_cnns.registry import list_models
from keras_cnns.weights.catalog import published

BEGIN, END = "<!-- models: written by python -m keras_cnns.catalogue.table README.md -->", "<!-- end of models -->"
COLUMNS = ("name", "paper", "input", "parameters", "multiply-adds", "top-1 %", "weights")


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


def table():
    """The table as Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in (COLUMNS, ["---"] * len(COLUMNS), *rows())]
    return "\n".join([BEGIN, "", *lines, "", END])


def renewed(text):
    """`text` with the table between its marks as it is now."""
    return re.sub(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _: table(), text, flags=re.S)


if __name__ == "__main__":
    page = Path(sys.argv[1])
    write_text(page, renewed(page.read_text(encoding="utf-8")))
