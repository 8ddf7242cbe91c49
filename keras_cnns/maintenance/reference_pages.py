"""Writes the generated pages of docs/reference: `python -m keras_cnns.maintenance.reference_pages`."""

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from inspect import getdoc
from pathlib import Path

from keras_cnns.builder import info
from keras_cnns.maintenance.stubs import lazy_packages
from keras_cnns.registry.registry import list_models
from keras_cnns.support.atomic_files import write_text
from keras_cnns.support.lazy_imports import PUBLIC
from keras_cnns.weights.catalog import published

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
WRITTEN = "<!-- Written by `python -m keras_cnns.maintenance.reference_pages`. -->\n\n"
INTERNAL = ("keras_cnns.insight.report",)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, ["---"] * len(columns), *rows))


def network_rows() -> Iterator[tuple[str, ...]]:
    """A row for each name; top-1 is the highest of its published weights, in percent, as the publishers report it."""
    for name in list_models():
        facts, weight_sets = info(name), published(name)
        best = max((weight_set.top1 for weight_set in weight_sets.values() if weight_set.top1), default=None)
        yield (
            f"`{name}`",
            facts["paper"].split(",")[0],
            "x".join(str(n) for n in facts["input_shape"]),
            f"{facts['params']:,}",
            f"{facts['macs'] / 1e6:,.1f} M" if facts["macs"] < 1e9 else f"{facts['macs'] / 1e9:,.2f} G",
            f"{best:.1f}" if best else "",
            ", ".join(weight_sets),
        )


def networks() -> str:
    """docs/reference/networks.md."""
    return (
        "# Networks\n\n"
        + WRITTEN
        + "Parameters are all variables, statistics of batch normalization included; multiply-adds are those of one\n"
        "picture of the input size. Top-1 is the accuracy on ImageNet's validation set that the publisher of the best\n"
        "weights reports. The last column has the values of `weights=` that download published weights:\n"
        '`build("resnet50", weights="torchvision")`.\n\n'
        + table(("name", "paper", "input", "parameters", "multiply-adds", "top-1 %", "weights"), network_rows())
        + "\n"
    )


def python() -> str:
    """docs/reference/python.md: every public name with its signature and docstring, rendered by mkdocstrings."""
    parts = ["# Python interface\n\n" + WRITTEN + "Everything is loaded at its first use.\n"]
    for package in sorted([*lazy_packages(), "keras_cnns.layers"]):
        if package in INTERNAL:
            continue
        names = PUBLIC.get(package) or dict.fromkeys(import_module(package).__all__, "layer")
        homes = {name: home for name, home in names.items() if home}
        first = (getdoc(import_module(package)) or "").splitlines()[0]
        parts.append(f"\n## {package}\n\n{first}\n")
        for name, home in homes.items():
            value = getattr(import_module(package), name)
            module = getattr(value, "__module__", "") if callable(value) else ""
            target = f"{module}.{name}" if module.startswith("keras_cnns.") else f"{package}.{home}.{name}"
            parts.append(f"\n::: {target}\n    options:\n      heading_level: 3\n")
    return "".join(parts)


ENVIRONMENT = (
    ("KERAS_CNNS_CACHE", "folder of downloaded weights", "a folder of the user's cache"),
    ("KERAS_CNNS_CHROMIUM", "program that the target `browser` starts", "the first Chromium or Chrome on the PATH"),
    ("KERAS_CNNS_FREE_GIB", "memory that an export may use, in GiB", "what the system says is free"),
    ("KERAS_CNNS_LITERT_JS", "folder `node_modules` that has LiteRT.js", "npm's global packages"),
    ("KERAS_CNNS_PATIENCE", "seconds that a worker waits for the others at the start", "90"),
    ("KERAS_CNNS_RUNTIME_GIB", "memory of the process that runs a `.tflite` file, in GiB", "the memory of the machine"),
    ("KERAS_CNNS_RUNTIME_SECONDS", "seconds that this process may take for one run", "1800"),
)


def command() -> str:
    """docs/reference/command.md: every command with its options, and the environment variables."""
    from keras_cnns.cli.commands import COMMANDS
    from keras_cnns.cli.help_screen import options

    parts = [
        "# The command\n\n" + WRITTEN + "Every command has `--help`. Mistakes end in one line and exit status 2.\n"
        "With `--quiet` a command shows no progress and no notes.\n"
    ]
    for name, function in COMMANDS.items():
        text = (getdoc(function) or "").partition("\n\nArgs:")[0]
        rows = [
            (
                f"`{flags[-1]}`" if flags else "*positional*",  # earlier spellings come first and are left out
                text.replace("|", "\\|"),
                f"`{default}`" * bool(default),
            )
            for flags, text, default in options(function)
        ]
        parts.append(
            f"\n## keras-cnns {name}\n\n{text}\n\n" + table(("argument", "what it is", "default"), rows) + "\n"
        )
    variables = [(f"`{variable}`", text, default) for variable, text, default in ENVIRONMENT]
    parts.append("\n## Environment variables\n\n" + table(("variable", "what it is", "default"), variables) + "\n")
    return "".join(parts)


PAGES = {"networks.md": networks, "python.md": python, "command.md": command}

if __name__ == "__main__":
    for page, text_of in PAGES.items():
        write_text(FOLDER / page, text_of())
