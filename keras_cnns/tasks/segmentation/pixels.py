"""The four metrics of a segmentation. Long et al. 2015, 1411.4038, section 5."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_cnns.data.sources.sample import VOID  # a pixel that is neither trained on nor counted


def tally(scores: tf.Tensor, mask: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """The confusion matrix of the pixels, float64 [classes, classes]; rows are the true classes.

    Args:
      scores: [B, H, W, classes]; the first of equal scores counts, and NaN counts as class 0.
      mask: int [B, H, W]; pixels that are VOID do not count.
      weights: float32 [B]; a picture of weight 0 does not count.
    """
    classes = scores.shape[-1]
    mask = tf.cast(mask, tf.int64)
    counted = (mask != VOID) & (weights > 0)[:, None, None]
    true, predicted = tf.boolean_mask(mask, counted), tf.boolean_mask(tf.argmax(scores, -1), counted)
    # float64, since float32 cannot count all pixels of a batch exactly
    return tf.math.confusion_matrix(true, predicted, classes, dtype=tf.float64)


def report(confusion: Any, names: Sequence) -> dict[str, Any]:
    """The four metrics of a confusion matrix in which n_ij pixels of class i were predicted as class j.

    Returns:
      pixel_accuracy, mean_accuracy, mean_iou, frequency_weighted_iou (fractions, higher is better); classes, by name:
      accuracy, iou, pixels; pixels, their number; confusion, the matrix as lists. A class without true or predicted
      pixels has no part in the means.
    """
    n = np.asarray(confusion, "float64")
    correct, true, predicted = np.diag(n), n.sum(1), n.sum(0)
    union = true + predicted - correct
    with np.errstate(invalid="ignore", divide="ignore"):
        accuracy, iou = correct / true, correct / union
        shares = np.where(true > 0, true * iou, 0.0).sum() / true.sum()
        overall = correct.sum() / true.sum()
    return {
        "pixels": int(true.sum()),
        "pixel_accuracy": _number(overall),
        "mean_accuracy": _mean(accuracy),
        "mean_iou": _mean(iou),
        "frequency_weighted_iou": _number(shares),
        "classes": {
            str(name): {"accuracy": _number(a), "iou": _number(i), "pixels": int(t)}
            for name, a, i, t in zip(names, accuracy, iou, true, strict=True)
        },
        "confusion": n.astype("int64").tolist(),
    }


def _mean(values: np.ndarray) -> float:
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else 0.0


def _number(value: float) -> float:
    """0 if no pixel was counted."""
    return 0.0 if np.isnan(value) else float(value)
