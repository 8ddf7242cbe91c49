"""Writes docs/reference/licences.md: the licences of the installed dependencies, from what their packages declare.

`python -m keras_cnns.maintenance.licences` in an environment with the dependencies; extras count if they are installed.
"""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from keras_cnns.support.atomic_files import write_text

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "licences.md"
FRONT = """# Licences

keras_cnns has the Apache License 2.0. These are the licences that the packages it installs declare, with the versions
that the table was made from. `python -m keras_cnns.maintenance.licences` writes the table. Weights have licences of
their own: see their publishers.

"""


def dependencies(name: str = "keras-cnns", extras: tuple[str, ...] = ("qat",)) -> dict[str, Distribution]:
    """{name: distribution} of everything that `name` with these extras installs, without itself."""
    known: dict[str, Distribution] = {}
    waiting = [(name, extras)]
    while waiting:
        current, wanted = waiting.pop()
        for requirement, more in _requirements(distribution(current), wanted):
            if requirement in known:
                continue
            try:
                known[requirement] = distribution(requirement)
            except PackageNotFoundError:  # for another system or another version of Python
                continue
            waiting.append((requirement, more))
    return dict(sorted(known.items()))


def licence(package: Distribution) -> str:
    """What a package declares: its SPDX expression, the classifiers, or the first line of the licence field."""
    data = package.metadata
    if "License-Expression" in data:
        return data["License-Expression"]
    classifiers = [text.split(" :: ")[-1] for text in data.get_all("Classifier", []) if text.startswith("License ::")]
    classifiers = [text for text in classifiers if text != "OSI Approved"]
    if classifiers:
        return ", ".join(classifiers)
    lines = [line for text in data.get_all("License", []) for line in text.strip().splitlines()]
    return lines[0][:60] if lines else "not declared"


def _requirements(package: Distribution, extras: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(name, its extras) of what a package needs in this environment."""
    from packaging.requirements import Requirement

    for text in package.requires or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield re.sub("[-_.]+", "-", requirement.name).lower(), tuple(requirement.extras)


def page() -> str:
    """The text of the page."""
    rows = [f"| {name} | {package.version} | {licence(package)} |" for name, package in dependencies().items()]
    return FRONT + "\n".join(["| package | version | licence |", "| --- | --- | --- |", *rows]) + "\n"


if __name__ == "__main__":
    write_text(PAGE, page())
