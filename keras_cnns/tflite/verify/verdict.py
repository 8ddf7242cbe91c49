"""Is the file still the network? Its answers beside the original's, in figures, and the limits they must keep."""

from dataclasses import dataclass

import numpy as np

from keras_cnns.support.deprecation import renamed_attribute
from keras_cnns.support.probabilities import sum_to_one
from keras_cnns.tflite.verify import measures


@dataclass(frozen=True)
class Limit:
    """A figure passes at `passes` or better, is warned of down to `warns`, and fails beyond."""

    passes: float
    warns: float
    better: int = 1  # 1: more is better, -1: less is better

    def judge(self, value):
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
    "followed": Limit(0.80, 0.40),  # half and a sixth of the ups and downs
}
# nothing to lose but rounding
FLOAT32 = {"largest_difference": Limit(1e-4, 1e-3, better=-1), "overlap": Limit(0.99, 0.95)}
DROP, SHOWN_DROP = 0.01, 0.03  # of the accuracy: warned of where labels show more, refused where they show much more
NUMBERS = 16  # so many beside each other may each mean something of their own; more are features or a map
NO_HARM = 0.02  # labels that exclude a larger drop outweigh what the original's probabilities say


@dataclass(frozen=True)
class Comparison:
    """One output of the file beside the original's; figures are None where they make no sense.

    kind: what it was judged as (`ends.KINDS`). For information: cosine, mean over pictures; snr_db, energy of the
    original over energy of the difference; agreement and agreement_confident (on the half of the pictures that the
    original is surest of). largest_difference: over all pictures, relative to the largest value.
    expected_loss: expected accuracy loss, a fraction: how much less probable the file's class is than the original's
    own, by the original's probabilities, on average. expected_loss_share: that loss over the loss of random answers.
    scores_db: snr_db where it is judged by.
    decision_loss, error, overlap: as in `measures`; map_error: that of the map of the class answered. same_numbers:
    share of equal whole numbers. direction: mean cosine of embeddings. followed: of numbers and embeddings, what of the
    change from picture to picture is in the file's answers too. accuracy, original_accuracy, drop_low, drop_high
    (95 % interval of the drop), pictures_needed (to show a drop of one in a hundred): where labels were given. finite:
    whether all answers are.
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
    followed: float | None = None
    accuracy: float | None = None
    original_accuracy: float | None = None
    drop_low: float | None = None
    drop_high: float | None = None
    pictures_needed: int | None = None
    finite: bool = True

    loss = renamed_attribute("loss", "expected_loss")
    loss_share = renamed_attribute("loss_share", "expected_loss_share")
    lost = renamed_attribute("lost", "accuracy_loss")

    @property
    def accuracy_drop(self):
        """How much of the accuracy the file lost; negative where it gained."""
        return None if self.accuracy is None else self.original_accuracy - self.accuracy

    @property
    def accuracy_loss(self) -> float:
        """What "auto" compares files by, a fraction: the drop where labels show one, else the expected loss."""
        if self.kind == "boxes":
            return 1.0 - (self.overlap or 0.0)
        if self.accuracy is not None and (self.drop_low or 0.0) > 0:
            return self.accuracy_drop
        figures = (self.expected_loss, self.decision_loss, self.error)
        expected = next((value for value in figures if value is not None), 0.0)
        return expected if self.accuracy is None else min(max(self.accuracy_drop, 0.0), expected)

    def judged(self):
        """The figures it is judged by: name -> value."""
        return {name: value for name in (*LIMITS, "accuracy") if (value := getattr(self, name)) is not None}

    def judge(self, scheme):
        """("pass" | "warn" | "fail", the reasons) by what labels show, and where they cannot tell by the measures."""
        if not self.finite:
            return "fail", ("it answers NaN or infinity where the original does not, or the original itself does",)
        limits = {**LIMITS, **FLOAT32} if scheme == "float32" else LIMITS
        if self.accuracy is not None and scheme != "float32":
            shown = self._shown()
            if shown or self.drop_high <= NO_HARM:
                return shown or ("pass", ())
        worst, reasons = "pass", []
        for name, limit in limits.items():
            value = getattr(self, name)
            verdict = "pass" if value is None else limit.judge(value)
            if verdict != "pass":
                sign = ">=" if limit.better > 0 else "<="
                reasons.append(f"{name.replace('_', ' ')} {value:.4g} (wanted {sign} {limit.passes:g})")
                worst = "fail" if "fail" in (worst, verdict) else "warn"
        return worst, tuple(reasons)

    def _shown(self):
        """The verdict of labels that show a drop; None where they show none."""
        if self.drop_low <= 0 or self.accuracy_drop <= DROP:
            return None
        between = f"{self.drop_low:.3f} to {self.drop_high:.3f} with 95 % confidence"
        return "fail" if self.accuracy_drop > SHOWN_DROP else "warn", (
            f"accuracy {self.accuracy:.4f}, the original's {self.original_accuracy:.4f}: a drop of {between}",
        )

    @property
    def remark(self):
        """What the labels show, as a sentence; None without labels."""
        if self.accuracy is None:
            return None
        return (
            f"accuracy drop {0 + self.accuracy_drop:+.4f}, between {self.drop_low:+.4f} and {self.drop_high:+.4f} with "
            f"95 % confidence; {self.pictures_needed} pictures would show a drop of {DROP:g}"
        )


def judge(comparisons, scheme):
    """The worst verdict over all outputs, and every reason."""
    verdicts = [comparison.judge(scheme) for comparison in comparisons]
    worst = max((verdict for verdict, _ in verdicts), key=("pass", "warn", "fail").index)
    several = len(comparisons) > 1
    reasons = [
        f"{comparison.output}: {reason}" if several else reason
        for comparison, (_, found) in zip(comparisons, verdicts, strict=True)
        for reason in found
    ]
    return worst, tuple(reasons)


def compare(output, original, answer, *, kind="regression", labels=None, scores=None, scale=0.0):
    """The `Comparison` of what the file answered with what the original did, both (N, ...).

    kind: a key of `ends.KINDS`. scores: (N, ..., classes) of the original behind whole numbers. scale: the step of an
    integer output. labels: (N,) class numbers, (N, labels) of zeros and ones, or (N, H, W) classes of pixels.
    """
    kept = measures.comparable(original, answer)
    if kept is None:
        return Comparison(output, kind, finite=False)
    original, answer, numbers = kept
    labels, scores = (None if some is None else some[numbers] for some in (labels, scores))
    if kind == "multilabel" and original.size and not 0 <= original.min() <= original.max() <= 1:
        original, answer = (1 / (1 + np.exp(-np.clip(v, -60.0, 60.0))) for v in (original, answer))  # before a sigmoid
    figures = {} if kind == "classes" else _information(original, answer, kind, scale)
    if kind in ("classifier", "logits", "segmentation", "classes"):
        figures |= _of_classes(original, answer, kind, scores, scale)
    elif kind == "multilabel":
        figures |= {"decision_loss": measures.decision_loss(original, answer)}
        figures |= {"agreement": float(((original > 0.5) == (answer > 0.5)).mean())}
        figures |= {"error": float(np.abs(original - answer).mean()) * 2}  # of probabilities, whose middle is one half
        spread = float(np.abs(original - original.mean(0)).mean())
        if len(np.unique(original > 0.5)) == 1 and spread > max(4 * scale, 0.02):  # nothing can flip
            figures["error"] = max(figures["error"], measures.relative_error(original, answer))
    elif kind == "embedding":
        figures |= {"direction": figures["cosine"], "followed": measures.followed(original, answer, together=True)}
    elif kind == "class_map":
        figures["map_error"] = measures.relative_error(*measures.of_answered(original, answer))
    else:
        figures["error"] = measures.relative_error(original, answer)
        if original.ndim <= 2 and original.size <= NUMBERS * len(original):
            figures["followed"] = measures.followed(original, answer)
    if labels is not None:
        figures |= _by_labels(*(measures.right(v, labels, kind) for v in (original, answer)))
    return Comparison(output, kind, **figures)


def compare_boxes(original, answer):
    """The `Comparison` of a detector's file: see `measures.boxes_alike`."""
    if not all(np.isfinite(array).all() for array in answer.values()):
        return Comparison("boxes", "boxes", finite=False)
    return Comparison("boxes", "boxes", overlap=measures.boxes_alike(original, answer))


def _information(original, answer, kind, scale):
    a, b = original, answer
    if kind in ("classifier", "segmentation") and sum_to_one(original, 1e-2):
        a, b = measures.logits(original, scale), measures.logits(answer, scale)
    a, b = (v.reshape(len(v), -1).astype(np.float64) for v in (a, b))
    noise, energy = np.sum((a - b) ** 2), np.sum(a**2)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    same = np.all(a == b, axis=1)
    return {
        "cosine": float(np.mean(np.where(same, 1.0, np.sum(a * b, axis=1) / np.maximum(norms, 1e-30)))),
        "snr_db": float(10 * np.log10(energy / noise)) if noise and energy else (200.0 if not noise else -200.0),
        "largest_difference": float(np.abs(a - b).max() / (np.abs(a).max() or 1.0)),
    }


def _of_classes(original, answer, kind, scores, scale):
    """Figures of an output whose highest value, or whose whole number, is the answer."""
    behind = original if scores is None else scores
    if kind == "classes" and scores is not None and scores.ndim == original.ndim:  # the k best: the best of them
        original, answer = original[..., 0], answer[..., 0]
    if kind == "classes" and (scores is None or scores.shape[:-1] != original.shape):
        return {"agreement": float((original == answer).mean()), "same_numbers": float((original == answer).mean())}
    classes = behind.shape[-1]
    flat = behind.reshape(-1, classes).astype(np.float64)
    distribution = sum_to_one(flat, 1e-2)
    probabilities = flat if distribution else measures.softmax(flat)
    choice = (answer if kind == "classes" else answer.argmax(-1)).reshape(-1).astype(int)
    own = flat.argmax(-1)
    ordered = np.sort(flat, axis=-1)
    margin = ordered[:, -1] - ordered[:, -2]
    figures = {"agreement": float((own == choice).mean())}
    figures["agreement_confident"] = float((own == choice)[margin >= np.median(margin)].mean())
    loss, could = measures.expected_loss(probabilities, np.clip(choice, 0, classes - 1))
    if kind != "classes":
        same = np.array_equal(original, answer)
        figures["scores_db"] = 200.0 if same else _information(original, answer, kind, scale)["snr_db"]
    figures |= {"expected_loss": loss, "expected_loss_share": loss / max(could, 1e-9) if loss > 1e-9 else 0.0}
    if kind in ("segmentation", "classes") and original.ndim > 2:
        figures["overlap"] = measures.overlap(own, choice)
    if (could < 0.05 or len(np.unique(own)) == 1) and kind != "classes":  # the loss says nothing: the scores themselves
        a, b = (measures.logits(v, scale) for v in (original, answer)) if distribution else (original, answer)
        figures["error"] = measures.relative_error(a, b)
    return figures


def _by_labels(before, after):
    _, low, high = measures.paired_drop(before, after)
    figures = {"accuracy": float(after.mean()), "original_accuracy": float(before.mean())}
    return {
        **figures,
        "drop_low": low,
        "drop_high": high,
        "pictures_needed": measures.pictures_needed(before, after, DROP),
    }


def doubts(original, kind, labels):
    """Why a good comparison may still prove little, in sentences. original: (N, ...)."""
    missing = int(np.isnan(original.reshape(len(original), -1)).any(1).sum())
    found = [f"the original answers NaN on {missing} of {len(original)} pictures: they count for nothing"] * bool(
        missing
    )
    if kind not in ("classifier", "logits"):
        return tuple(found)
    if len(np.unique(original.argmax(-1))) == 1 and len(original) > 1:
        found.append("the original gives every picture the same class: agreement with it proves little")
    if labels is not None:
        right = float((original.argmax(-1) == labels).mean())
        if right < 2 / original.shape[1] and original.shape[1] > 2:
            found.append(f"the original itself is right on {right:.1%} only: are the pictures scaled as in training?")
    return tuple(found)
