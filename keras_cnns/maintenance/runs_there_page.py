"""The page docs/measurements/runs_there.md, from the cells that `runs_there` measured."""

from collections import Counter
from collections.abc import Iterator
from textwrap import fill
from typing import Any

from keras_cnns.tflite.targets import table
from keras_cnns.tflite.targets.target import Target

Rows = dict[str, dict[str, Any]]
SCHEMES = ("float32", "int8")
LEFT_OUT = ("ethos-u55-256",)  # takes the operators that ethos-u55-128 takes
COSTS = ("operators", "outside", "arena_bytes", "sram_bytes", "flash_bytes", "cycles", "milliseconds")
NOT_MEANT = ("input-shape", "no-integers")  # errors of networks that a target is not for: no picture of three channels
PAGE = """# What runs where

{count} networks on {targets} targets, in float32 and int8. Each file is made by `export(target=...)` for its target,
and runs there beside the Keras model. The weights are calibrated: random kernels, gains and offsets, statistics
measured on pictures, a last layer that distinguishes ten patterns. int8 is made with `Tuning.plain()`.

Of {applicable} applicable cells {green} ({share:.1%}) work: the file loads and its outputs are as good as in
LiteRT, or, for an NPU, it compiles. {refused} are refused: `check` names the reason without the tool, and `export`
does not write the file. {run} fail when they run, which `export` and `check` see if the tool is installed.
{silent} have wrong outputs and are not refused.

Written by `python -m keras_cnns.maintenance.runs_there`, with {versions}.

## Same class

Fraction of at least {pictures} pictures that get the class of the Keras model. *compiles*: Vela compiles the file, and
nothing runs. A dash: the target is not for such a network, since it takes pictures of three channels (MediaPipe) or
integers (NPUs). An empty cell was not measured. If two sizes are given, the chips' cells are for the smaller one.

{classes}

## NPUs, int8 with integer inputs and outputs

Vela's estimates for one picture of the smaller size given above. *CPU*: operators that stay on the CPU.
*Stock*: cycles of the file that TensorFlow's converter makes of the same network.

{npus}

## Memory in tflite-micro

Arena and file, in KiB.

{memory}

## Failures

{failures}

## Not measured

{missing}
"""
VERSIONS = (
    "OpenVINO 2026.4.1, MediaPipe 1.2.3, tflite-micro 0.dev20261023182759, Vela 5.2.0, LiteRT.js 2.5.3 and LiteRT 2.3.0"
)


def npus() -> list[Target]:
    """The NPUs of the table."""
    return [t for name, t in table.TARGETS.items() if name.startswith("ethos") and name not in LEFT_OUT]


def written(rows: Rows, names: list[str], pictures: int) -> str:
    """The page. rows: "NAME SCHEME TARGET" -> cell. names: of the networks, in their order."""
    measured = list(dict.fromkeys(key.split()[0] for key in rows))
    missing = [name for name in names if name not in measured]
    names = [name for name in names if name in measured] + [name for name in measured if name not in names]
    kinds = Counter(kind(row) for key, row in rows.items() if key.split()[1] in SCHEMES and key.split()[0] in names)
    applicable = sum(kinds.values()) - kinds["not run"] - kinds["not meant"]
    return PAGE.format(
        count=len(names),
        targets=len({key.split()[2] for key in rows}),
        applicable=applicable,
        green=kinds["green"],
        share=kinds["green"] / applicable if applicable else 0.0,
        refused=kinds["refused"],
        run=kinds["fails"],
        silent=kinds["silently wrong"],
        versions=VERSIONS,
        pictures=pictures,
        classes="\n".join(_classes(rows, names)),
        npus="\n".join(_cycles(rows, names)),
        memory="\n".join(_memory(rows, names)),
        failures="\n".join(_failures(rows, names)) or "None.",
        missing=fill(", ".join(f"`{name}`" for name in missing), 118) or "None.",
    )


def kind(row: dict[str, Any]) -> str:
    """What a cell is: "green", "refused", "fails", "silently wrong", "not meant" or "not run"."""
    errors = set(row.get("errors", ()))
    if row["status"] == "not run":
        return "not run"
    if errors & set(NOT_MEANT):
        return "not meant"
    if row["status"] == "fail":
        return "refused" if errors else "fails"
    share = row.get("same_class")
    return "silently wrong" if share is not None and share < 0.5 else "green"


def _classes(rows: Rows, names: list[str]) -> Iterator[str]:
    targets = [name for name in table.TARGETS if name not in LEFT_OUT]
    yield _line("network", "pixels", "scheme", *targets)
    yield "| --- " * (3 + len(targets)) + "|"
    for name in names:
        for scheme in SCHEMES:
            cells = [rows.get(f"{name} {scheme} {target}") for target in targets]
            measured = [cell for cell in cells if cell]
            if not measured:
                continue
            words = [_class(cell, target, scheme) for cell, target in zip(cells, targets, strict=True)]
            sizes = {"x".join(map(str, cell.get("pixels", ()))) for cell in measured}
            yield _line(f"`{name}`", ", ".join(sorted(sizes)), scheme, *words)


def _class(cell: dict[str, Any] | None, target: str, scheme: str) -> str:
    if scheme == "float32" and target.startswith("ethos"):
        return "-"
    if cell is None or kind(cell) == "not run":
        return ""
    if kind(cell) == "not meant":
        return "-"
    if kind(cell) != "green":
        return kind(cell)
    share = cell.get("same_class")
    return "compiles" if target.startswith("ethos") else "runs" if share is None else f"{share:.2f}"


def _cycles(rows: Rows, names: list[str]) -> Iterator[str]:
    chips = [target.name for target in npus()]
    yield _line("network", *(words for chip in chips for words in (chip, "CPU", "SRAM, KiB", "stock")))
    yield "| --- |" + " --- |" * (4 * len(chips))
    for name in names:
        cells = []
        for chip in chips:
            cell, stock = rows.get(f"{name} int8 {chip}", {}), rows.get(f"{name} stock {chip}", {})
            if cell.get("cycles"):
                outside = ", ".join(f"{count} {operator}" for operator, count in cell["outside"].items()) or "none"
                cells += [f"{cell['cycles']:,}", outside, f"{cell['sram_bytes'] / 1024:,.0f}"]
            else:
                cells += ["", "", ""]
            cells.append(f"{stock['cycles']:,}" if stock.get("cycles") else "")
        if any(cells):
            yield _line(f"`{name}`", *cells)


def _memory(rows: Rows, names: list[str]) -> Iterator[str]:
    yield _line("network", *(f"{scheme}: {what}" for scheme in SCHEMES for what in ("arena", "file")))
    yield "| --- |" + " --- |" * (2 * len(SCHEMES))
    for name in names:
        cells = [rows.get(f"{name} {scheme} tflite-micro", {}) for scheme in SCHEMES]
        sizes = [cell.get(key) for cell in cells for key in ("arena_bytes", "flash_bytes")]
        if any(sizes):
            yield _line(f"`{name}`", *("" if size is None else f"{size / 1024:,.0f}" for size in sizes))


def _failures(rows: Rows, names: list[str]) -> Iterator[str]:
    for key, row in rows.items():
        name, scheme, target = key.split()
        if name in names and scheme in SCHEMES and kind(row) in ("refused", "fails", "silently wrong"):
            yield f"- `{name}`, {scheme}, {target}: {'; '.join(row['reasons'])}"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
