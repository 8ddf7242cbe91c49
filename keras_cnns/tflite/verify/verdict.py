"""Judges a file by its comparison with the original: figures, and the limits that they must keep."""

from collections.abc import Sequence
from dataclasses import dataclass

from keras_cnns.support.deprecation import renamed_attribute
from keras_cnns.tflite.verify.columns import WorstColumns


@dataclass(frozen=True)
class Limit:
    """A figure passes at `passes` or better, is warned of down to `warns`, and fails beyond."""

    passes: float
    warns: float
    better: int = 1  # 1: more is better, -1: less is better

    def judge(self, value: float) -> str:
        """ "pass", "warn" or "fail"; NaN fails."""
        value = self.better * value + 1e-9  # 0.99 - 0.98 is a little more than 0.01
        if value >= self.better * self.passes:
            return "pass"
        return "warn" if value >= self.better * self.warns else "fail"


# Limits by kind of output, set on the healthy and broken files in docs/measurements/verdict.md. All
# are means: the worst single picture of a healthy file can look bad.
LIMITS = {
    "expected_loss": Limit(0.02, 0.05, better=-1),
    "expected_loss_share": Limit(0.10, 0.25, better=-1),
    "decision_loss": Limit(0.05, 0.15, better=-1),
    "error": Limit(0.10, 0.30, better=-1),
    "map_error": Limit(0.20, 0.30, better=-1),
    "scores_db": Limit(9.0, 5.0),  # of a classifier: easy pictures keep their class for long after the rest is lost
    "overlap": Limit(0.75, 0.50),
    "same_numbers": Limit(0.95, 0.80),
    "direction": Limit(0.98, 0.93),
    "correlation": Limit(0.93, 0.60),  # an error 9 and 2 dB below the variation
}
STATUSES = ("pass", "warn", "fail")
# nothing to lose but rounding
FLOAT32 = {"largest_difference": Limit(1e-4, 1e-3, better=-1), "overlap": Limit(0.99, 0.95)}
DROP, SHOWN_DROP = 0.01, 0.03  # of the accuracy: warned of where labels show more, refused where they show much more
DROP_EXCLUDED = 0.02  # labels that exclude a larger drop outweigh what the original's probabilities say


@dataclass(frozen=True)
class Comparison:
    """One output of the file compared with the original's; figures are None where they make no sense.

    Attributes:
      output, kind: its name, and what it was judged as (`endings.KINDS`).
      cosine, snr_db: for information: mean cosine over pictures; energy of the original over that of the difference.
      largest_difference: over all pictures, divided by the largest value.
      agreement, agreement_confident: share of pictures with the same class, of all and of the half with the surest
        answers.
      expected_loss: expected accuracy loss, a fraction: how much less probable the file's classes are than the
        original's, by the original's probabilities.
      expected_loss_share: that loss divided by the loss of random answers.
      scores_db: `snr_db`, for classifiers.
      decision_loss, error, overlap: see `measures`.
      map_error: relative error of the class map of the answered class.
      same_numbers: share of equal class numbers.
      direction: mean cosine of embeddings.
      correlation, worst_columns: how well numbers or embeddings vary with the picture as the original's do, 1 at
        best; for numbers that of the worst columns, see `columns.worst_columns`.
      accuracy, original_accuracy, drop_low, drop_high: with labels; the drop's 95 % confidence interval.
      pictures_needed: to show a drop of one in a hundred.
      finite: whether all answers are finite.
    """

    output: str
    kind: str = "regression"
    cosine: float | None = None
    snr_db: float | None = None
    largest_difference: float | None = None
    agreement: float | None = None
    agreement_confident: float | None = None
    expected_loss: float | None = None
    expected_loss_share: float | None = None
    scores_db: float | None = None
    decision_loss: float | None = None
    error: float | None = None
    map_error: float | None = None
    overlap: float | None = None
    same_numbers: float | None = None
    direction: float | None = None
    correlation: float | None = None
    worst_columns: WorstColumns | None = None
    accuracy: float | None = None
    original_accuracy: float | None = None
    drop_low: float | None = None
    drop_high: float | None = None
    pictures_needed: int | None = None
    finite: bool = True

    loss = renamed_attribute("loss", "expected_loss")
    loss_share = renamed_attribute("loss_share", "expected_loss_share")
    lost = renamed_attribute("lost", "accuracy_loss")
    followed = renamed_attribute("followed", "correlation")
    remark = renamed_attribute("remark", "accuracy_note")

    @property
    def accuracy_drop(self) -> float | None:
        """The original's accuracy minus the file's, a fraction; negative if the file is better."""
        return (
            None if self.accuracy is None or self.original_accuracy is None else self.original_accuracy - self.accuracy
        )

    @property
    def accuracy_loss(self) -> float:
        """The loss by which "auto" compares files, a fraction: the drop if labels show one, else the expected loss."""
        if self.kind == "boxes":
            return 1.0 - (self.overlap or 0.0)
        drop = self.accuracy_drop
        if drop is not None and (self.drop_low or 0.0) > 0:
            return drop
        figures = (self.expected_loss, self.decision_loss, self.error)
        expected = next((value for value in figures if value is not None), 0.0)
        return expected if drop is None else min(max(drop, 0.0), expected)

    def judged(self) -> dict[str, float]:
        """The figures it is judged by: name -> value."""
        return {name: value for name in (*LIMITS, "accuracy") if (value := getattr(self, name)) is not None}

    def judge(self, scheme: str) -> tuple[str, tuple[str, ...]]:
        """("pass" | "warn" | "fail", reasons): by labels that show or exclude a drop, else by the other figures."""
        if not self.finite:
            return "fail", ("it answers NaN or infinity where the original does not, or the original itself does",)
        limits = {**LIMITS, **FLOAT32} if scheme == "float32" else LIMITS
        if self.accuracy is not None and scheme != "float32":
            shown = self._shown()
            if shown or (self.drop_high is not None and self.drop_high <= DROP_EXCLUDED):
                return shown or ("pass", ())
        worst, reasons = "pass", []
        for name, limit in limits.items():
            value = getattr(self, name)
            verdict = "pass" if value is None else limit.judge(value)
            if verdict != "pass":
                sign = ">=" if limit.better > 0 else "<="
                reason = f"{name.replace('_', ' ')} {value:.4g} (required: {sign} {limit.passes:g})"
                if name == "correlation" and self.worst_columns is not None:
                    reason += f": {self.worst_columns.explained()}"
                reasons.append(reason)
                worst = "fail" if "fail" in (worst, verdict) else "warn"
        return worst, tuple(reasons)

    def _shown(self) -> tuple[str, tuple[str, ...]] | None:
        """The verdict of labels that show a drop; None where they show none."""
        drop = self.accuracy_drop
        if self.drop_low is None or drop is None or self.drop_low <= 0 or drop <= DROP:
            return None
        between = f"{self.drop_low:.3f} to {self.drop_high:.3f} with 95 % confidence"
        return "fail" if drop > SHOWN_DROP else "warn", (
            f"accuracy {self.accuracy:.4f}, the original's {self.original_accuracy:.4f}: a drop of {between}",
        )

    @property
    def scales_differ(self) -> bool:
        """Whether columns are wrong because others have a larger scale."""
        worst = self.worst_columns
        return worst is not None and worst.scales_differ and LIMITS["correlation"].judge(worst.correlation) != "pass"

    @property
    def varies_too_little(self) -> bool:
        """Whether numbers are wrong because they vary little compared with their size."""
        worst = self.worst_columns
        return worst is not None and worst.varies_little and LIMITS["correlation"].judge(worst.correlation) != "pass"

    @property
    def judged_as(self) -> str:
        """What the output was judged as, and how to state another kind."""
        other = "logits" if self.kind == "regression" else "regression"
        return f'it was judged as {self.kind}; if that is wrong, say what it is, such as outputs="{other}"'

    @property
    def accuracy_note(self) -> str | None:
        """The accuracy drop that the labels show, as a sentence; None without labels."""
        drop = self.accuracy_drop
        if drop is None:
            return None
        return (
            f"accuracy drop {0 + drop:+.4f}, between {self.drop_low:+.4f} and {self.drop_high:+.4f} with "
            f"95 % confidence; {self.pictures_needed} pictures would show a drop of {DROP:g}"
        )


def judge(comparisons: Sequence[Comparison], scheme: str, *, name_kinds: bool = True) -> tuple[str, tuple[str, ...]]:
    """The worst verdict over all outputs, and every reason.

    name_kinds: whether the reasons of a failure end with what the output was judged as.
    """
    verdicts = [comparison.judge(scheme) for comparison in comparisons]
    worst = max((verdict for verdict, _ in verdicts), key=STATUSES.index)
    several = len(comparisons) > 1
    reasons: list[str] = []
    for comparison, (status, own_reasons) in zip(comparisons, verdicts, strict=True):
        if name_kinds and status == "fail" and comparison.finite:
            own_reasons = (*own_reasons, comparison.judged_as)
        reasons += [f"{comparison.output}: {reason}" if several else reason for reason in own_reasons]
    return worst, tuple(reasons)
