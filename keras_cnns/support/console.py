"""How the commands speak: tables for people, JSON for machines."""

import json
import sys
from typing import Annotated

import tyro
from rich import box
from rich.console import Console
from rich.table import Table

Json = Annotated[bool, tyro.conf.arg(name="json", help="print JSON, for machines")]


def console():
    """The terminal; a table that is piped or recorded is not cut to a terminal's width.

    Names of files and classes are shown as they are: brackets and colons in them are nobody's markup.
    """
    return Console(width=None if sys.stdout.isatty() else 160, markup=False, emoji=False)


def show(what):
    """Prints a table or a line."""
    console().print(what)


def table_of(*columns):
    """An empty table; the numbers of a column whose name begins with ">" stand on the right."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left")
    return table


def print_json(value):
    print(json.dumps(value, indent=1, default=str))
