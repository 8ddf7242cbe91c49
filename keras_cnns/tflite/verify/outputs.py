"""How each output of a model is judged, and the notes on the comparison."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_cnns.support.errors import UserError
from keras_cnns.support.probabilities import sum_to_one
from keras_cnns.tflite.inputs import pictures
from keras_cnns.tflite.rewrite.endings import KINDS, Ending
from keras_cnns.tflite.verify import measures, verdict
from keras_cnns.tflite.verify.columns import WRONG
from keras_cnns.tflite.verify.compare import compare, compare_boxes, doubts
from keras_cnns.tflite.verify.float_answers import float_answers

Arrays = dict[str, np.ndarray]
BEFORE = "the model before quantization-aware training"


@dataclass(frozen=True)
class Output:
    """How an output is judged.

    Attributes:
      kind: a key of `endings.KINDS`.
      scores: (N, ..., classes) before an output of class numbers; None for any other output.
      labels: of the pictures; None without labels, or if they belong to another output.
      or_kind: another kind that its graph allows: a linear layer may give scores of classes or a regression. A file
        passes if it is right as either.
    """

    kind: str
    scores: np.ndarray | None = None
    labels: np.ndarray | None = None
    or_kind: str | None = None


def judged_outputs(
    endings: list[Ending],
    original: Arrays,
    images: Arrays,
    labels: Any = None,
    *,
    stated: Any = None,
    name: str = "the model",
) -> dict[str, Output]:
    """Output name -> how it is judged.

    Args:
      endings: of the outputs, in the order of `original`.
      original: (N, ...) answers of the model.
      images: (N, ...) by input name, which it answered.
      labels: of the images.
      stated: the caller's kinds of the outputs; None lets the answers decide where the graph does not.
      name: of the model.

    Raises:
      UserError: labels do not fit, or they could belong to several outputs.
    """
    if stated in (None, "boxes") and labels is None and measures.is_detector(original):
        return {"boxes": Output("boxes")}
    outputs = {}
    for (output, answers), ending in zip(original.items(), endings, strict=True):
        scores = None
        if ending.scores is not None:
            (scores,) = float_answers(ending.scores.build(), images, inputs=list(images)).values()
        kind = ending.kind if stated is not None else by_answers(ending.kind, answers, labels)
        if kind in ("classifier", "logits") and answers.shape[-1] == 1:
            kind = "multilabel"  # two classes in one number
        ambiguous = kind == "logits" and not ending.certain and labels is None
        outputs[output] = Output(kind, scores, or_kind="regression" if ambiguous else None)
    if labels is None:
        return outputs
    several = len(outputs) > 1
    labelled = [n for n in outputs if not several or outputs[n].kind not in ("regression", "class_map")]
    if len(labelled) != 1:
        raise UserError(f"labels are for a classifier, and {name} has {len(outputs)} outputs: leave them out.")
    (output,) = labelled
    kind, scores = outputs[output].kind, outputs[output].scores
    outputs[output] = Output(kind, scores, pictures.check_labels(labels, original[output], kind, scores))
    return outputs


def by_answers(kind: str, answers: np.ndarray, labels: np.ndarray | None = None) -> str:
    """The kind of an output that the graph does not show: by the sums of its answers, and by the labels."""
    if kind != "regression" or answers.ndim < 2 or answers.shape[-1] < 2 or len(answers) < 4:
        return kind
    flat = np.asarray(answers, np.float64)
    if sum_to_one(flat):  # a mean of several, a custom layer
        return "classifier" if flat.ndim == 2 else "segmentation"
    if flat.ndim == 2 and np.allclose(np.linalg.norm(flat, axis=-1), 1, atol=1e-3):
        return "embedding"
    if labels is not None and labels.dtype.kind in "iu" and labels.shape == flat.shape[:-1]:
        return "logits" if flat.ndim == 2 else "segmentation"
    return kind


def compare_outputs(
    original: Arrays,
    answers: Arrays,
    outputs: dict[str, Output],
    scales: dict[str, float],
    *,
    are_noise: bool = False,
) -> tuple[verdict.Comparison, ...]:
    """A `Comparison` for each output of the file; a single one for the three outputs of a detector.

    scales: the step of each output that is or was an integer, 0 for floats. are_noise: the images are noise.

    Raises:
      UserError: the file has no output with a name of the model's.
    """
    if [output.kind for output in outputs.values()] == ["boxes"] and measures.is_detector(original):
        return (compare_boxes(original, answers),)
    if outputs and not set(outputs) & set(answers):
        raise UserError(f"the file's outputs are {', '.join(answers)}, where the model's are {', '.join(outputs)}.")
    comparisons = []
    for name, output in outputs.items():
        if name not in answers:
            continue
        options: dict[str, Any] = {"scores": output.scores, "labels": output.labels, "scale": scales[name]}
        options["are_noise"] = are_noise
        both = (
            compare(name, original[name], answers[name], kind=kind, **options)
            for kind in (output.kind, output.or_kind)
            if kind is not None
        )
        comparisons.append(_better(*both, one_class=len(np.unique(original[name].argmax(-1))) == 1))
    return tuple(comparisons)


def _better(
    first: verdict.Comparison, second: verdict.Comparison | None = None, *, one_class: bool
) -> verdict.Comparison:
    """Of the comparisons as two kinds that an output could be, the one with the better status; the first if equal.

    one_class: the same number is the highest on every picture. As scores of classes that shows nothing, so that the
      file has to be right as a regression, the second. So do numbers that vary too little for an integer scale.
    """
    if second is None:
        return first
    ranks = [verdict.STATUSES.index(comparison.judge("int8")[0]) for comparison in (first, second)]
    as_regression = (one_class or second.varies_too_little) and 0 < ranks[1] >= ranks[0]
    return second if ranks[1] < ranks[0] or as_regression else first


def with_source(
    status: str, reasons: tuple[str, ...], beside: tuple[verdict.Comparison, ...]
) -> tuple[str, tuple[str, ...]]:
    """The verdict, extended by the comparison with the model before quantization-aware training.

    Training may change answers, but must not lower an accuracy that labels show.
    """
    for comparison in beside:
        drop = comparison.accuracy_drop
        shown = drop is not None and (comparison.drop_low or 0) > 0 and drop > verdict.SHOWN_DROP
        large = (comparison.expected_loss_share or 0.0) > 0.5
        if shown or large:
            why = comparison.accuracy_note if shown else f"an expected accuracy loss of {comparison.expected_loss:.0%}"
            reasons = (*reasons, f"beside {BEFORE}: {why}")
            status = "fail" if shown else max(status, "warn", key=verdict.STATUSES.index)
        worst = comparison.worst_columns
        if worst is not None and (comparison.scales_differ or comparison.varies_too_little):
            reasons = (*reasons, f"beside {BEFORE}: correlation {worst.correlation:.4g}: {worst.explained()}")
            status = "fail" if worst.correlation < WRONG else max(status, "warn", key=verdict.STATUSES.index)
    return status, reasons


def notes(
    original: Arrays,
    answers: Arrays,
    outputs: dict[str, Output],
    comparisons: tuple[verdict.Comparison, ...],
    are_noise: bool = False,
) -> Iterator[str]:
    """Notes: the kind as which each output was compared, and reasons why the comparison may show little.

    are_noise: the images are noise, which shows nothing about classes.
    """
    kinds = {comparison.output: comparison.kind for comparison in comparisons}
    for name, output in outputs.items():
        if name not in answers:
            yield f"{name} is left out of the file: an auxiliary classifier, by its name and its shape"
            continue
        kind = kinds.get(name, output.kind)
        yield f"the output {name} is compared as {kind} ({KINDS[kind]})"
        if output.or_kind is not None:
            other = output.kind if kind == output.or_kind else output.or_kind
            yield f'the output {name} may also be {other}; if it is, set outputs="{other}"'
        if not are_noise:
            yield from doubts(original[name], kind, output.labels)


def source_notes(beside: tuple[verdict.Comparison, ...]) -> Iterator[str]:
    """The figures of the comparison with the model before quantization-aware training."""
    for comparison in beside:
        figures = [f"{name.replace('_', ' ')} {value:.4g}" for name, value in comparison.judged().items()]
        yield f"{comparison.output} beside {BEFORE}: {', '.join(figures)}"
