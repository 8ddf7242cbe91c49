"""`scheme="auto"`: files of several schemes are made and measured; the best one within the limits is written."""

from dataclasses import dataclass, field, replace
from operator import le
from pathlib import Path
from typing import Any, Protocol

from keras_cnns.support import progress
from keras_cnns.support.atomic_files import written_aside
from keras_cnns.support.errors import BadArgument, UserError
from keras_cnns.support.temporary_folders import temporary_folder
from keras_cnns.tflite.auto_costs import LITERT_COSTS, Costs, costs_of, placement_on, target_excess
from keras_cnns.tflite.quantize.schemes import SCHEMES
from keras_cnns.tflite.quantize.settings import FileSettings
from keras_cnns.tflite.settings import SMALLEST as SMALLEST_FILE
from keras_cnns.tflite.settings import Limits
from keras_cnns.tflite.targets.target import Target
from keras_cnns.tflite.verify.report import Candidate, Report

FOUR_BITS, INT8, INT16 = "weight_only_int4", "int8", "int16x8"
FLOAT_MIXED, INT16_MIXED, SMALLEST = "int8_float_mixed", "int8_int16_mixed", "weight_only_mixed"
UNIFORM = ("float32", "float16", "weight_only_int8", FOUR_BITS, "dynamic_int8", INT8, "int8_float_islands")
SHARES_AVOIDED = (0.5, 0.75, 0.9375)  # of int8's error: 3, 6 and 12 dB less
AS_SMALL = 1.01  # within this of the smallest, cost decides


class Exports(Protocol):
    """What makes the candidates: an `Exporter`."""

    pictures: Any
    other_targets: list[Target]

    def export(self, path: Path, scheme: str, settings: FileSettings, *, force: bool) -> Report: ...


@dataclass
class _Search:
    """Which candidates are made, and what came of them.

    Attributes:
      folder: where the candidates' files are written.
      settings: of every candidate.
      tried: (name, report) of each candidate that was made.
      untried: (name, reason) of each one that was not.
    """

    exporter: Exports
    folder: Path
    limits: Limits
    settings: FileSettings
    tried: list[tuple[str, Report]] = field(default_factory=list)
    untried: list[tuple[str, str]] = field(default_factory=list)

    @property
    def calibrated(self) -> bool:
        """Whether there are calibration pictures, so that schemes that need them can be tried."""
        return self.exporter.pictures.calibration is not None

    @property
    def limits_of_reports(self) -> dict[str, float]:
        """{figure of a report: the most that it may be}, without figures that have no limit."""
        limits = {
            "accuracy_loss": self.limits.max_drop,
            "size_ratio": self.limits.max_size,
            "latency_ratio": self.limits.max_latency,
        }
        return {figure: limit for figure, limit in limits.items() if limit is not None}

    def consider(self, scheme: str, reason: str | None = None, name: str | None = None, **changes: Any) -> None:
        """Makes and measures a candidate, unless there is a reason not to.

        changes: settings of this candidate that differ from those of all.
        """
        row, name = SCHEMES[scheme], name or scheme
        if row.calibrated and not self.calibrated:
            reason = "needs calibration pictures"
        elif self.settings.integer_io and not row.integer_io:
            reason = "its inputs and outputs are floats"
        if reason:
            self.untried.append((name, f"not tried: {reason}"))
            return
        tuning = self.settings.tuning if self.calibrated and row.rounded else None
        if tuning is not None and not row.activations:
            tuning = replace(tuning, ranges="usual")
        islands = self.settings.islands if scheme == "int8_float_islands" else None
        settings = replace(self.settings, **{"tuning": tuning, "islands": islands, **changes})
        file = self.folder / f"{len(self.tried)}.tflite"
        try:
            with progress.step(f"candidate {len(self.tried) + 1}, {name}"):
                self.tried.append((name, self.exporter.export(file, scheme, settings, force=True)))
        except UserError as error:
            self.untried.append((name, str(error)))

    def good(self, *schemes: str, ignoring: tuple[str, ...] = ()) -> list[Report]:
        """The reports within all limits, of these schemes or of all. ignoring: figures whose limits do not count."""
        figures = [figure for figure in self.limits_of_reports if figure not in ignoring]
        sound = [r for _, r in self.tried if r.status != "fail" and (not schemes or r.scheme in schemes)]
        sound = [r for r in sound if not target_excess(r, self.limits)]
        return [r for r in sound if self._within(r, *figures)]

    def run(self) -> None:
        """Makes uniform files first, and mixtures if no uniform file keeps within the limits."""
        for scheme in progress.track(UNIFORM, "schemes"):
            self.consider(scheme)
        share = None
        for share_now in SHARES_AVOIDED:
            if reason := self._why_no_mixture():
                if share is None:
                    self.consider(FLOAT_MIXED, reason)
                break
            share = share_now
            self.consider(FLOAT_MIXED, name=f"{FLOAT_MIXED}, error_avoided {share:g}", error_avoided=share)
        self.consider(SMALLEST, self._why_no_mixed_weights(), max_size=self.limits.max_size)
        enough = "slow on CPUs, and others keep within the limits" if self.good() else None
        if share and not enough:
            self.consider(INT16_MIXED, name=f"{INT16_MIXED}, error_avoided {share:g}", error_avoided=share)
        else:
            self.consider(INT16_MIXED, enough or self._why_no_mixture())
        self.consider(INT16, enough)

    def _why_no_mixed_weights(self) -> str | None:
        good = {report.scheme for report in self.good(ignoring=("latency_ratio",))}
        if self.limits.goal == SMALLEST_FILE:
            return "four bits everywhere keep within the limits" if FOUR_BITS in good else None
        if self.limits.max_size is None or good - {FOUR_BITS}:
            return "no size is asked for that eight bits do not have"
        return None

    def _why_no_mixture(self) -> str | None:
        if self.good(INT8, "int8_float_islands", FLOAT_MIXED):
            return "int8 keeps within the limits"
        int8 = [r for _, r in self.tried if r.scheme == INT8]
        if self.calibrated and not int8:
            return "int8 is not possible"
        if self.calibrated and not self._within(int8[0], "size_ratio", "latency_ratio"):
            return "int8 itself is too large or too slow"
        return None

    def _within(self, report: Report, *figures: str) -> bool:
        limits = self.limits_of_reports
        return all(getattr(report, figure) <= limits[figure] for figure in figures if figure in limits)


def choose(exporter: Exports, path: Path, limits: Limits, settings: FileSettings) -> Report:
    """Makes candidates with `exporter`, and puts the best one within the limits at `path`.

    Returns: its report, whose `candidates` are all that were considered.

    Raises:
      UserError: no file keeps within the limits.
    """
    if settings.error_avoided is not None:
        raise UserError(
            '"auto" tries several values of error_avoided: leave it out, or choose a scheme such as int8_float_mixed.'
        )
    if limits.of_target and not exporter.other_targets:
        raise BadArgument("max_milliseconds, ram and flash are limits of a target: name one besides litert.")
    with temporary_folder() as folder:
        search = _Search(exporter, folder, limits, replace(settings, max_size=None))
        search.run()
        good = search.good()
        if not good:
            all_candidates = "; ".join(map(_sentence, candidates(search.tried, search.untried, limits=limits)))
            raise UserError(f"no scheme keeps within {_limits(limits)}: {all_candidates}")
        costs = costs_of(good)
        best = _best(good, limits.goal, costs)
        with written_aside(path) as temporary:
            temporary.write_bytes(Path(best.path).read_bytes())
    words = limits.goal if limits.goal == SMALLEST_FILE else costs.words
    note = f"auto chose {best.scheme}, the {words} within {_limits(limits)}"
    chosen_from = candidates(search.tried, search.untried, best, limits=limits, costs=costs)
    return replace(best, path=str(path), notes=(note, *best.notes), candidates=chosen_from)


def _best(good: list[Report], goal: str, costs: Costs) -> Report:
    """By the goal; of reports that are alike in it, the better one in the other."""
    if goal == SMALLEST_FILE:
        least = min(report.size_bytes for report in good)
        return min((r for r in good if r.size_bytes <= AS_SMALL * least), key=costs.of)
    lowest = min(map(costs.of, good))
    return min((r for r in good if costs.of(r) <= costs.tolerance * lowest), key=lambda r: r.size_bytes)


def candidates(
    tried: list[tuple[str, Report]],
    untried: list[tuple[str, str]],
    best: Report | None = None,
    *,
    limits: Limits | None = None,
    costs: Costs = LITERT_COSTS,
) -> tuple[Candidate, ...]:
    """A `Candidate` for each scheme: Pareto-optimal files by cost, then beaten or rejected ones, then the rest."""
    limits = limits or Limits()
    rows: list[tuple[bool, bool, float, int, Candidate]] = []
    for name, report in tried:
        better = beaten(report, tried, costs)
        placement = placement_on(report, costs.target) if costs.target else None
        row = Candidate(
            name=name,
            status=report.status,
            note=_note(report, better, limits),
            beaten_by=better,
            chosen=report is best,
            target_milliseconds=placement.milliseconds if placement else None,
            target_ram_bytes=placement.ram_bytes if placement else None,
            **{figure: getattr(report, figure) for figure in FIGURES},
        )
        rows.append((row.status == "fail", row.beaten_by is not None, costs.of(report), len(rows), row))
    return (*(row for *_, row in sorted(rows)), *(Candidate(name, "none", why) for name, why in untried))


FIGURES = (
    "size_bytes",
    "size_ratio",
    "latency_ms",
    "latency_ratio",
    "accuracy_loss",
    "accuracy_drop",
    "agreement",
    "snr_db",
)


def beaten(report: Report, tried: list[tuple[str, Report]], costs: Costs = LITERT_COSTS) -> str | None:
    """The name of a file that is no worse in cost, size and loss, and better in one of them; None if there is none.

    Those with None are the Pareto-optimal files: each is the choice for some limits.
    """

    def figures(other: Report) -> tuple[float, float, float]:
        return costs.of(other), other.size_ratio, other.accuracy_loss or 0.0

    sound = [(name, other) for name, other in tried if other.status != "fail" and figures(other) != figures(report)]
    return next((name for name, other in sound if all(map(le, figures(other), figures(report)))), None)


def _note(report: Report, better: str | None, limits: Limits) -> str:
    if report.status == "fail":
        return f"refused: {'; '.join(report.reasons)}"
    return target_excess(report, limits) or (f"beaten by {better}" if better else "")


def _sentence(candidate: Candidate) -> str:
    if candidate.status == "none":
        return f"{candidate.name}: {candidate.note}"
    figures = f"time {candidate.latency_ratio:.2f}, size {candidate.size_ratio:.2f}"
    figures += f", accuracy loss {candidate.accuracy_loss:.4f}"
    note = f", {candidate.note}" if candidate.note else ""
    return f"{candidate.name}: {figures}{note}"


def _limits(limits: Limits) -> str:
    shares = ((limits.max_size, "size"), (limits.max_latency, "time"))
    words = (f"{share:g} of the {what}" for share, what in shares if share is not None)
    return ", ".join((f"a loss of {limits.max_drop:g}", *words))
