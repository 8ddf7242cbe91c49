"""`scheme="auto"`: the schemes that may do are made and measured; the fastest that is good enough is handed over."""

import tempfile
from dataclasses import dataclass, field, replace
from operator import le
from pathlib import Path

from keras_cnns.support.atomic_files import written_aside
from keras_cnns.support.errors import UserError
from keras_cnns.tflite.verify.report import Candidate

FOUR_BITS, INT8, INT16 = "weight_only_int4", "int8", "int16x8"
SPARED, IN_INT16, SMALLEST = "int8_float_mixed", "int8_int16_mixed", "weight_only_mixed"
WHOLE = ("float32", "float16", "weight_only_int8", FOUR_BITS, "dynamic_int8", INT8, "int8_float_islands")
SPARES = (0.5, 0.75, 0.9375)  # of int8's harm kept away: 3, 6 and 12 dB
AS_FAST = 1.05  # within this of the fastest, size decides: no shared machine measures finer


@dataclass
class _Walk:
    """What is tried, and what came of it. limits: (figure of a report, the most it may be)."""

    export: object
    folder: str
    limits: tuple
    calibrated: bool
    integer_io: bool
    tuning: object
    tried: list = field(default_factory=list)  # (name, report)
    left: list = field(default_factory=list)  # (name, why there is none)

    def try_it(self, scheme, because=None, name=None, **own):
        """Makes and measures a candidate; `because`: why not, where that is known before."""
        from keras_cnns.tflite.quantize.schemes import SCHEMES

        row, name = SCHEMES[scheme], name or scheme
        if row.calibrated and not self.calibrated:
            because = "needs calibration pictures"
        elif self.integer_io and not row.integer_io:
            because = "its inputs and outputs are floats"
        if because:
            self.left.append((name, f"not tried: {because}"))
            return
        how = self.tuning if self.calibrated and row.rounded else None
        if how is not None and not row.activations:
            how = replace(how, ranges="extremes")
        file = Path(self.folder, f"{len(self.tried)}.tflite")
        try:
            self.tried.append((name, self.export(path=file, scheme=scheme, force=True, tuning=how, **own)))
        except UserError as error:
            self.left.append((name, str(error)))

    def good(self, *names, but=()):
        """The reports within all limits, of these schemes or of all; `but`: figures that do not count."""
        limits = [(figure, most) for figure, most in self.limits if most is not None and figure not in but]
        found = [r for _, r in self.tried if r.status != "fail" and (not names or r.scheme in names)]
        return [r for r in found if all(getattr(r, figure) <= most for figure, most in limits)]

    def through(self, islands, max_size):
        """Whole files first; then mixtures, as far as what was found leaves room for them."""
        for name in WHOLE:
            self.try_it(name, **({"islands": islands} if name == "int8_float_islands" else {}))
        walked = None
        for share in SPARES:
            if why := self._why_not_spared():
                if walked is None:
                    self.try_it(SPARED, why)
                break
            walked = share
            self.try_it(SPARED, name=f"{SPARED}, spare {share:g}", spare=share)
        small = max_size is None or any(r.scheme != FOUR_BITS for r in self.good(but=("latency_ratio",)))
        why = "no size is asked for that eight bits do not have" if small else None
        self.try_it(SMALLEST, why, max_size=max_size)
        enough = "slow on CPUs, and others keep within the limits" if self.good() else None
        own = {"name": f"{IN_INT16}, spare {walked:g}", "spare": walked} if walked and not enough else {}
        self.try_it(IN_INT16, enough or (None if walked else self._why_not_spared()), **own)
        self.try_it(INT16, enough)

    def _why_not_spared(self):
        if self.good(INT8, "int8_float_islands", SPARED):
            return "int8 keeps within the limits"
        whole = [r for _, r in self.tried if r.scheme == INT8]
        if self.calibrated and not whole:
            return "int8 is not possible"
        if self.calibrated and not self._within(whole[0], "size_ratio", "latency_ratio"):
            return "int8 itself is too large or too slow"
        return None

    def _within(self, report, *figures):
        return all(getattr(report, f) <= most for f, most in self.limits if f in figures and most is not None)


def pick(
    export,
    path,
    *,
    max_drop,
    calibrated,
    integer_io,
    max_size=None,
    max_latency=None,
    tuning=None,
    islands=None,
    **options,
):
    """Exports candidates with `export`, and puts the best at `path`.

    max_drop: of the accuracy where labels show a drop, else of what is given away by the original's own answers.
    calibrated: pictures are there, so that schemes that need them can be tried. integer_io: only schemes whose inputs
      and outputs can be integers. max_size, max_latency: shares of the float32 file's, or None. tuning: of those that
      round.

    Returns: the report of the best, whose `candidates` are all that were thought of.

    Raises:
      UserError: no scheme is good enough.
    """
    limits = (("lost", max_drop), ("size_ratio", max_size), ("latency_ratio", max_latency))
    told = _limits(max_drop, max_size, max_latency)
    with tempfile.TemporaryDirectory() as folder:
        make = lambda **own: export(**own, **options)  # noqa: E731
        walk = _Walk(make, folder, limits, calibrated, integer_io, tuning)
        walk.through(islands, max_size)
        good = walk.good()
        if not good:
            found = "; ".join(map(_sentence, candidates(walk.tried, walk.left)))
            raise UserError(f"no scheme keeps within {told}: {found}")
        fastest = min(report.latency_ratio for report in good)
        best = min((r for r in good if r.latency_ratio <= AS_FAST * fastest), key=lambda r: r.size_bytes)
        with written_aside(path) as temporary:
            temporary.write_bytes(Path(best.path).read_bytes())
    why = f"auto chose {best.scheme}, the fastest within {told}"
    found = candidates(walk.tried, walk.left, best)
    return replace(best, path=str(path), notes=(why, *best.notes), candidates=found)


def candidates(tried, left, best=None):
    """A `Candidate` for each: what nothing beats first, by time, then what is beaten, refused, or was not made."""
    found = [
        Candidate(
            name=name,
            status=report.status,
            remark=_remark(report, beaten(report, tried)),
            beaten_by=beaten(report, tried),
            chosen=report is best,
            **{figure: getattr(report, figure) for figure in FIGURES},
        )
        for name, report in tried
    ]
    found.sort(key=lambda c: (c.status == "fail", c.beaten_by is not None, c.latency_ratio))
    return (*found, *(Candidate(name, "none", why) for name, why in left))


FIGURES = ("size_bytes", "size_ratio", "latency_ms", "latency_ratio", "lost", "accuracy_drop", "agreement", "snr_db")


def beaten(report, tried):
    """The name of another that is no worse in time, size and loss, and better in one of them; None if none is.

    What is left are the Pareto-optimal ones: each is the choice for some limits.
    """

    def figures(one):
        return one.latency_ratio, one.size_ratio, one.lost

    sound = [(name, one) for name, one in tried if one.status != "fail" and figures(one) != figures(report)]
    return next((name for name, one in sound if all(map(le, figures(one), figures(report)))), None)


def _remark(report, better):
    if report.status == "fail":
        return f"refused: {'; '.join(report.reasons)}"
    return f"beaten by {better}" if better else ""


def _sentence(candidate):
    if candidate.status == "none":
        return f"{candidate.name}: {candidate.remark}"
    figures = f"time {candidate.latency_ratio:.2f}, size {candidate.size_ratio:.2f}, loses {candidate.lost:.4f}"
    remark = f", {candidate.remark}" if candidate.remark else ""
    return f"{candidate.name}: {figures}{remark}"


def _limits(max_drop, max_size, max_latency):
    told = [f"a loss of {max_drop:g}"]
    shares = ((max_size, "size"), (max_latency, "time"))
    return ", ".join((*told, *(f"{share:g} of the {what}" for share, what in shares if share is not None)))
