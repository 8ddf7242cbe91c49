"""The metrics of a classifier, computed from counts that are summed over batches and replicas."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.metrics import classification_report


def probabilities(labels: tf.Tensor, count: int, smoothing: float = 0.0) -> tf.Tensor:
    """Labels as probabilities [batch, count]: class numbers become one-hot; mixed labels stay as they are.

    smoothing: the fraction of the probability that is spread over all classes (Szegedy et al. 2015, 1512.00567, 7).
    """
    onehot = labels if labels.shape.rank == 2 else tf.one_hot(labels, count)
    onehot = tf.cast(onehot, tf.float32)
    return onehot * (1.0 - smoothing) + smoothing / count if smoothing else onehot


def measure(labels: Any, probabilities: Any, names: Sequence | None = None) -> dict[str, Any]:
    """The metrics of probabilities [n, classes] against labels [n], as plain values for JSON: see `report`."""
    probabilities = np.asarray(probabilities, "float32")
    names = names or range(probabilities.shape[1])
    return report(tally(probabilities, np.asarray(labels, "int64"), np.ones(len(labels), "float32")), names)


def tally(probabilities: Any, labels: Any, weights: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """The counts of a batch. They are summed over batches and replicas.

    Args:
      probabilities: float32 [n, classes]. A row that is not finite counts as wrong.
      labels: int64 [n].
      weights: float32 [n]; 0 marks the padding of a batch.

    Returns:
      (confusion float32 [classes, classes], a row for each true class; float64 [2]: the summed cross-entropy, and the
      number of pictures whose true class is not among the five most probable; ties and NaN count as not among them)
    """
    classes = probabilities.shape[1]
    real = tf.boolean_mask(tf.range(tf.shape(weights)[0]), weights > 0)
    probabilities, labels = tf.gather(probabilities, real), tf.gather(labels, real)
    finite = tf.reduce_all(tf.math.is_finite(probabilities), axis=1)
    predicted = tf.where(finite, tf.argmax(probabilities, 1), (labels + 1) % classes)
    true = tf.gather(probabilities, labels, batch_dims=1)
    beaten = tf.reduce_sum(tf.cast(true[:, None] > probabilities, tf.int32), 1)
    beyond = tf.cast(beaten < classes - min(5, classes), tf.float64)
    loss = -tf.math.log(tf.maximum(tf.cast(true, tf.float64), 1e-12))
    confusion = tf.math.confusion_matrix(labels, predicted, classes, dtype=tf.float32)
    return confusion, tf.stack([tf.reduce_sum(loss), tf.reduce_sum(beyond)])


def report(counts: Sequence, names: Sequence) -> dict[str, Any]:
    """The metrics of summed `tally`s.

    Returns:
      examples, accuracy, top1_error, top5_error (fractions), loss (cross-entropy, in nats), macro and classes
      (precision, recall, f1 of scikit-learn; classes by name, with support), confusion (rows: true class). The
      precision of a class that was never predicted is 0.
    """
    confusion = np.asarray(counts[0]).astype("int64")
    loss, beyond = np.asarray(counts[1]) / confusion.sum()
    names = [str(name) for name in names]
    true, predicted = np.nonzero(confusion)
    often = confusion[true, predicted]
    every = list(range(len(names)))
    scores = classification_report(
        true, predicted, labels=every, sample_weight=often, output_dict=True, zero_division=0.0
    )
    accuracy = float(np.trace(confusion) / confusion.sum())
    return {
        "examples": int(confusion.sum()),
        "accuracy": accuracy,
        "top1_error": 1.0 - accuracy,
        "top5_error": float(beyond),
        "loss": float(loss),
        "macro": _scores(scores["macro avg"]),
        "classes": {
            n: {**_scores(scores[str(i)]), "support": int(scores[str(i)]["support"])} for i, n in enumerate(names)
        },
        "confusion": confusion.tolist(),
    }


def _scores(row: dict[str, Any]) -> dict[str, float]:
    return {"precision": float(row["precision"]), "recall": float(row["recall"]), "f1": float(row["f1-score"])}
