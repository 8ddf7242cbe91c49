"""How well every pixel's label is told: FCN's four measures. Long et al. 2015, 1411.4038, section 5."""

import numpy as np
import tensorflow as tf

from keras_cnns.data.sources.sample import VOID  # such a pixel is not trained on and not counted


def tally(answer, mask, weights):
    """How many pixels of each class were given each class, float64 [classes, classes], its rows the true classes.

    Args:
      answer: scores [B, H, W, classes]; of equal ones the first counts, and NaN is an answer of class 0.
      mask: int [B, H, W]; VOID does not count.
      weights: float32 [B]; a picture of weight 0 does not count.
    """
    classes = answer.shape[-1]
    mask = tf.cast(mask, tf.int64)
    counted = (mask != VOID) & (weights > 0)[:, None, None]
    true, told = tf.boolean_mask(mask, counted), tf.boolean_mask(tf.argmax(answer, -1), counted)
    # float64: a batch's pixels are more than float32 counts without gaps
    return tf.math.confusion_matrix(true, told, classes, dtype=tf.float64)


def report(confusion, names):
    """The four measures of a confusion matrix in which n_ij pixels of class i were given class j.

    Keys: pixel_accuracy, mean_accuracy, mean_iou, frequency_weighted_iou; classes (by name: accuracy, iou, pixels);
    pixels; confusion. A class that is neither shown nor told has no part in the means.
    """
    n = np.asarray(confusion, "float64")
    right, true, told = np.diag(n), n.sum(1), n.sum(0)
    union = true + told - right
    with np.errstate(invalid="ignore", divide="ignore"):
        accuracy, iou = right / true, right / union
        shares = np.where(true > 0, true * iou, 0.0).sum() / true.sum()
        overall = right.sum() / true.sum()
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


def _mean(values):
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else 0.0


def _number(value):
    """0 where nothing was counted."""
    return 0.0 if np.isnan(value) else float(value)
