"""Compares one output of a file with the original's: the figures by which `verdict` judges it, from plain arrays."""

from typing import Any

import numpy as np

from keras_cnns.support.probabilities import sum_to_one
from keras_cnns.tflite.verify import columns, measures
from keras_cnns.tflite.verify.verdict import DROP, Comparison

NOISE_VARIATION = 1e-2  # relative to size: answers to noise that vary less show nothing


def compare(
    output: str,
    original: np.ndarray,
    answer: np.ndarray,
    *,
    kind: str = "regression",
    labels: np.ndarray | None = None,
    scores: np.ndarray | None = None,
    scale: float = 0.0,
    are_noise: bool = False,
) -> Comparison:
    """The `Comparison` of a file's answers with the original's, both (N, ...).

    Args:
      output: name of the output.
      original, answer: of the model and of the file.
      kind: a key of `endings.KINDS`.
      labels: (N,) class numbers, (N, labels) of zeros and ones, or (N, H, W) classes of pixels.
      scores: (N, ..., classes), the original's scores where its answers are class numbers.
      scale: the step of an integer output.
      are_noise: the images are noise, to which answers hardly differ.
    """
    comparable = measures.comparable(original, answer)
    if comparable is None:
        return Comparison(output, kind, finite=False)
    original, answer, numbers = comparable
    labels, scores = (None if some is None else some[numbers] for some in (labels, scores))
    if kind == "multilabel" and original.size and not 0 <= original.min() <= original.max() <= 1:
        original, answer = (1 / (1 + np.exp(-np.clip(v, -60.0, 60.0))) for v in (original, answer))  # before a sigmoid
    figures = {} if kind == "classes" else _information(original, answer, kind, scale)
    variation = NOISE_VARIATION if are_noise else columns.SAME_ANSWER
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
        figures |= {"direction": figures["cosine"], "correlation": columns.joint_correlation(original, answer)}
    elif kind == "class_map":
        figures["map_error"] = measures.relative_error(*measures.of_answered(original, answer))
    else:
        figures["error"] = measures.relative_error(original, answer)
        if worst := columns.worst_columns(original, answer, variation=variation):
            figures |= {"correlation": worst.correlation, "worst_columns": worst}
    if labels is not None:
        figures |= by_labels(*(measures.right(v, labels, kind) for v in (original, answer)))
    return Comparison(output, kind, **figures)


def compare_boxes(original: dict[str, np.ndarray], answer: dict[str, np.ndarray]) -> Comparison:
    """The `Comparison` of a detector's file: see `measures.boxes_alike`."""
    if not all(np.isfinite(array).all() for array in answer.values()):
        return Comparison("boxes", "boxes", finite=False)
    return Comparison("boxes", "boxes", overlap=measures.boxes_alike(original, answer))


def _information(original: np.ndarray, answer: np.ndarray, kind: str, scale: float) -> dict[str, Any]:
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


def _of_classes(
    original: np.ndarray, answer: np.ndarray, kind: str, scores: np.ndarray | None, scale: float
) -> dict[str, Any]:
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


def by_labels(before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    """Figures of accuracy. before, after: (N,) the share of each picture that is right, 0 to 1."""
    _, low, high = measures.paired_drop(before, after)
    figures = {"accuracy": float(after.mean()), "original_accuracy": float(before.mean())}
    return {
        **figures,
        "drop_low": low,
        "drop_high": high,
        "pictures_needed": measures.pictures_needed(before, after, DROP),
    }


def doubts(original: np.ndarray, kind: str, labels: np.ndarray | None) -> tuple[str, ...]:
    """Reasons why a good comparison may still show little, as sentences. original: (N, ...)."""
    missing = int(np.isnan(original.reshape(len(original), -1)).any(1).sum())
    doubtful = []
    if missing:
        doubtful.append(f"the original answers NaN on {missing} of {len(original)} pictures: they are not counted")
    if kind not in ("classifier", "logits"):
        return tuple(doubtful)
    if len(np.unique(original.argmax(-1))) == 1 and len(original) > 1:
        doubtful.append("the original gives every picture the same class: agreement with it proves little")
    if labels is not None:
        right = float((original.argmax(-1) == labels).mean())
        if right < 2 / original.shape[1] and original.shape[1] > 2:
            doubtful.append(
                f"the original itself is right on {right:.1%} only: are the pictures scaled as in training?"
            )
    return tuple(doubtful)
