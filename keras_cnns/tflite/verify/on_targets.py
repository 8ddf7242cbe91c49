"""Runs a file on the runtimes and chips that it is meant for, and judges its answers there."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from keras_cnns.support.errors import NotInstalled, UserError
from keras_cnns.tflite.file.contents import TFLiteFile
from keras_cnns.tflite.targets.target import CannotRun, Finding, Outputs, Placement, Target

# answers of a target -> (status, reasons), as `verdict.judge` gives them
Judge = Callable[[Outputs], tuple[str, tuple[str, ...]]]
STATUSES = ("pass", "warn", "fail", "not run")


@dataclass(frozen=True)
class TargetResult:
    """The result of one target for a file.

    Attributes:
      target: its name.
      status: "pass" (it ran there, or compiled for a chip that is not here), "warn" or "fail" by its answers and by the
        target's findings; "not run" if its tool is missing, which never counts as a pass.
      reasons: why the status is not "pass", one line each.
      findings: of its static rules.
      answered: whether answers of the target were compared.
      placement: where the operators run, and at what cost; None if the tool does not report it.
    """

    target: str
    status: str
    reasons: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    answered: bool = False
    placement: Placement | None = None
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def on_target(target: Target, file: TFLiteFile, inputs: dict[str, np.ndarray], judge: Judge) -> TargetResult:
    """Runs `file` on one target and judges its answers; whatever the runtime does, the outcome is a result.

    inputs: input name -> (N, ...) floats on the scale of the float model.
    """
    findings = tuple(target.findings(file))
    errors = tuple(finding.message for finding in findings if finding.severity == "error")
    warnings = tuple(finding.message for finding in findings if finding.severity == "warning")
    placement, answered = None, False
    notes: tuple[str, ...] = ()
    status, reasons = ("warn", warnings) if warnings else ("pass", ())
    try:
        placement = target.placement(file)
        outputs = target.run(file, inputs)
        answered = True
        judged, judged_reasons = judge(outputs)
        status, reasons = _worse(status, judged), (*judged_reasons, *reasons)
    except CannotRun as error:
        notes = (str(error),)
    except NotInstalled as error:
        status, reasons = "not run", (str(error), *warnings)
    except UserError as error:
        status, reasons = "fail", (*errors, str(error))
    if errors and status != "fail":
        status, reasons = "fail", (*errors, *(reason for reason in reasons if reason not in errors))
    return TargetResult(target.name, status, reasons, findings, answered, placement, notes)


def on_targets(
    targets: Iterable[Target], file: TFLiteFile, inputs: dict[str, np.ndarray], judge: Judge
) -> tuple[TargetResult, ...]:
    """`on_target` for each of several, one after the other."""
    return tuple(on_target(target, file, inputs, judge) for target in targets)


def renamed(results: Iterable[TargetResult], temporary: str, name: str) -> tuple[TargetResult, ...]:
    """The results of a file that had a temporary name when it ran, with its own name in the reasons."""
    return tuple(
        replace(result, reasons=tuple(reason.replace(temporary, name) for reason in result.reasons))
        for result in results
    )


def worst(statuses: Iterable[str]) -> str:
    """The worst of several statuses; "not run" does not count."""
    known = [status for status in statuses if status != "not run"]
    return max(known, key=STATUSES.index, default="not run")


def _worse(first: str, second: str) -> str:
    return max(first, second, key=STATUSES.index)


def targets_table(results: Iterable[TargetResult], *, title: str | None = None) -> Any:
    """A `rich.table.Table` with a row for each target: status, memory, time, operators not accelerated, reasons."""
    from rich.table import Table

    rows = Table(title=title, box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("target", "status", "arena", "SRAM", "flash", "cycles", "ms", "not accelerated", ""):
        rows.add_column(column, justify="left" if column in ("target", "status", "") else "right")
    for result in results:
        rows.add_row(result.target, result.status, *_figures(result.placement), "; ".join(_notes(result)))
    return rows


def _figures(placement: Placement | None) -> list[str]:
    if placement is None:
        return [""] * 6
    sizes = (placement.arena_bytes, placement.sram_bytes, placement.flash_bytes)
    words = ["" if size is None else f"{size / 1024:,.0f} KiB" for size in sizes]
    words.append(f"{placement.cycles:,}" if placement.cycles else "")
    words.append(f"{placement.milliseconds:.3g}" if placement.milliseconds else "")
    outside = sum(placement.outside.values())
    return [*words, f"{outside} of {placement.operators}" if outside else ""]


def _notes(result: TargetResult) -> list[str]:
    """Reasons and notes; the operators that are not accelerated, with the target's reason; the runtime's version."""
    notes = [*result.reasons, *result.notes]
    placement = result.placement
    if placement and placement.outside:
        reasons = {name: placement.reasons.get(name) for name in placement.outside}
        names = (f"{name} ({reason})" if reason else name for name, reason in reasons.items())
        notes.append(f"not accelerated: {', '.join(names)}")
    notes = notes or [finding.message for finding in result.findings]
    return [*notes, placement.runtime] if placement and placement.runtime else notes
