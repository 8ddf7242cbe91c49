"""What the commands print: tables for people, JSON for machines."""

import json
import sys
from typing import Annotated, Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table

from keras_cnns.support.errors import printable
from keras_cnns.support.plain_flags import Named

Json = Annotated[bool, Named("json", "print JSON instead of a table")]


def console() -> Console:
    """The terminal, or 160 columns if the output is piped. Names are printed as they are, never as markup."""
    return Console(width=None if sys.stdout.isatty() else 160, markup=False, emoji=False)


def show(output: object) -> None:
    """Prints a table or a line of text."""
    console().print(printable(output) if isinstance(output, str) else output)


class PrintableTable(Table):
    """A table whose texts cannot control the terminal: names of files and classes come from outside."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        super().add_row(*(printable(cell) if isinstance(cell, str) else cell for cell in cells), **options)


def table_of(*columns: str) -> Table:
    """An empty table; a column whose name begins with ">" is aligned to the right."""
    table = PrintableTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left")
    return table


def print_json(value: Any) -> None:
    """Prints indented JSON; what JSON cannot hold is printed as text."""
    print(json.dumps(value, indent=1, default=str))
