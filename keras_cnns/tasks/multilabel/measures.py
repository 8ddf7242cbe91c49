"""The metrics of several labels at once: average precision of each label, and decisions at probability 0.5."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score


def measure(labels: Any, probabilities: Any, names: Sequence | None = None) -> dict[str, Any]:
    """The metrics of probabilities [n, labels] against labels [n, labels] of 0 and 1, as plain values for JSON.

    A probability that is not finite counts as 0.

    Returns:
      examples: number of pictures.
      mean_average_precision: mean of scikit-learn's average_precision_score over the labels that some picture has; -1
        if no picture has a label.
      f1: of all decisions at 0.5 together.
      exact: fraction of the pictures with all decisions right.
      loss: binary cross-entropy, mean over the labels, in nats.
      classes: for each label by name average_precision (None if no picture has it), precision, recall and f1 at 0.5,
        and support, the number of pictures that have it.
    """
    true = np.asarray(labels, np.float64) > 0.5
    scores = np.nan_to_num(np.asarray(probabilities, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    names = [str(name) for name in (names or range(true.shape[1]))]
    decided = scores > 0.5
    hits, claimed, there = (true & decided).sum(0), decided.sum(0), true.sum(0)
    rows = {}
    for number, name in enumerate(names):
        precision = float(average_precision_score(true[:, number], scores[:, number])) if there[number] else None
        rows[name] = {
            "average_precision": precision,
            **_decisions(hits[number], claimed[number], there[number]),
            "support": int(there[number]),
        }
    known = [row["average_precision"] for row in rows.values() if row["average_precision"] is not None]
    certain = np.clip(scores, 1e-12, 1 - 1e-12)
    return {
        "examples": len(true),
        "mean_average_precision": float(np.mean(known)) if known else -1.0,
        "f1": _decisions(hits.sum(), claimed.sum(), there.sum())["f1"],
        "exact": float((true == decided).all(1).mean()),
        "loss": float(-np.where(true, np.log(certain), np.log1p(-certain)).mean()),
        "classes": rows,
    }


def _decisions(hits: Any, claimed: Any, there: Any) -> dict[str, float]:
    """Precision, recall and F1; 0 where they are not defined. claimed: predicted labels. there: true labels."""
    precision = float(hits / claimed) if claimed else 0.0
    recall = float(hits / there) if there else 0.0
    return {"precision": precision, "recall": recall, "f1": float(2 * hits / max(claimed + there, 1))}
