"""Where tables are printed."""

import sys

from rich.console import Console


def console():
    """The terminal; a table that is piped or recorded is not cut to a terminal's width."""
    return Console(width=None if sys.stdout.isatty() else 160)
