"""Writes the `__init__.pyi` beside every lazy `__init__.py`: `python -m keras_cnns.maintenance.stubs`.

A lazy package finds its public names in a `__getattr__`, which editors and type checkers do not run. The stub tells
them where each name lives.
"""

from importlib import import_module
from pathlib import Path

from keras_cnns.support.atomic_files import write_text
from keras_cnns.support.lazy_imports import PUBLIC

LIBRARY = Path(__file__).parents[1]


def lazy_packages() -> dict[str, Path]:
    """{package: its folder} of every package whose `__init__.py` calls `public`."""
    folders = {
        ".".join(("keras_cnns", *path.parent.relative_to(LIBRARY).parts)): path.parent
        for path in sorted(LIBRARY.rglob("__init__.py"))
        if "public(" in path.read_text(encoding="utf-8")
    }
    for package in folders:
        import_module(package)
    return folders


def stub(package: str) -> str:
    """The text of the package's `__init__.pyi`."""
    homes = PUBLIC[package]
    lines = [f"from .{home} import {name} as {name}" for name, home in homes.items() if home]
    lines += [f"from . import {name} as {name}" for name, home in homes.items() if not home]
    if package == "keras_cnns":
        lines.append("from .version import __version__ as __version__")
    names = "".join(f'    "{name}",\n' for name in homes)
    return (
        "# Written by `python -m keras_cnns.maintenance.stubs`.\n"
        + "\n".join(sorted(lines, key=_order))
        + (f"\n\n__all__ = [\n{names}]\n")
    )


def _order(line: str) -> tuple[str, ...]:
    """The order in which ruff sorts imports: by module, constants before classes before functions."""
    _, module, _, name, *_ = line.split()
    return module, str(0 if name.isupper() else 1 if name[0].isupper() else 2), name


if __name__ == "__main__":
    for package, folder in lazy_packages().items():
        write_text(folder / "__init__.pyi", stub(package))
