"""The `--help` of a command with many flags: the common ones first, then the others."""

import textwrap
from collections.abc import Callable, Collection
from inspect import getdoc
from typing import Any

import tyro

WIDTH, MARGIN = 118, 22


def options(command: Callable[..., Any]) -> list[tuple[tuple[str, ...], str, str]]:
    """(spellings, text, default) of each argument of a command; a positional argument has no spelling."""
    parser = tyro.extras.get_parser(command, config=(tyro.conf.FlagCreatePairsOff,))
    return [_option(action) for action in parser._actions if action.dest != "help"]


def _option(action: Any) -> tuple[tuple[str, ...], str, str]:
    text, _, default = " ".join(str(action.help or "").split()).rpartition("(")
    if not text:
        text, default = default, ""
    default = default.rstrip(")").removeprefix("default:").strip()
    return tuple(action.option_strings), text.strip(), "" if default in ("required", "None") else default


def help_screen(command: Callable[..., Any], program: str, common: Collection[str]) -> str:
    """The text of --help.

    Args:
      command: the function of the command.
      program: the words that run it, such as "keras-cnns export".
      common: the flags to show first, in this order, such as "--out".
    """
    rows = {flags[-1] if flags else "": (text, default) for flags, text, default in options(command)}
    description = (getdoc(command) or "").partition("\n\nArgs:")[0]
    positional = rows.pop("", None)
    lines = [f"usage: {program} {'FILE ' if positional else ''}[OPTIONS]", "", *textwrap.wrap(description, WIDTH), ""]
    if positional:
        lines += [*_row("FILE", *positional), ""]
    lines += ["common options:"]
    for flag in common:
        lines += _row(flag, *rows.pop(flag))
    lines += ["", "more options:"]
    for flag, row in rows.items():
        lines += _row(flag, *row)
    return "\n".join([*lines, *_row("--quiet", "no progress, notes and table: only the files written, and errors", "")])


def _row(name: str, text: str, default: str) -> list[str]:
    text += f" (default: {default})" if default not in ("", "False") else ""
    return textwrap.wrap(text, WIDTH, initial_indent=f"  {name:{MARGIN - 2}}", subsequent_indent=" " * MARGIN)
