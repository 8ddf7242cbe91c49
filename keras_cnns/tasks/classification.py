"""Classification: one label a picture. Its loss, what is counted of its answers, the measures made of the counts."""

import numpy as np
import tensorflow as tf
from sklearn.metrics import classification_report

from keras_cnns.data import classes
from keras_cnns.support import plots
from keras_cnns.tasks.losses import LOSSES
from keras_cnns.tasks.task import Task


class Classification(Task):
    """A target is a label, int64 [B], or mixed labels, float32 [B, classes]. The network under training answers logits;
    further outputs are auxiliary classifiers."""

    logged = ("loss", "accuracy")
    held_out = ("loss", "accuracy")
    score = "accuracy"
    class_weights = None  # float32 [classes], where the recipe asks for them

    def prepare(self, training):
        if self.recipe.class_weights == "none":
            return {}
        self.class_weights = classes.balanced(classes.count(training.source))
        said = zip(map(str, training.names), self.class_weights.tolist(), strict=True)
        return {"class_weights": {name: round(weight, 6) for name, weight in said}}

    def loss(self, model, image, target):
        outputs = [tf.cast(o, tf.float32) for o in tf.nest.flatten(model(image, training=True))]
        onehot = probabilities(target, outputs[0].shape[-1], self.recipe.label_smoothing)
        losses = [LOSSES[self.recipe.loss](onehot, output) for output in outputs]
        right = tf.cast(tf.argmax(outputs[0], -1) == tf.argmax(onehot, -1), tf.float32)
        whole = losses[0] + self.recipe.auxiliary_weight * tf.add_n(losses[1:]) if losses[1:] else losses[0]
        if self.class_weights is not None:  # what is logged stays comparable with the held-out loss
            whole *= tf.linalg.matvec(probabilities(target, outputs[0].shape[-1]), self.class_weights)
        return whole, {"loss": losses[0], "accuracy": right}

    def count(self, model, image, target, weight):
        logits = tf.nest.flatten(model(image, training=False))[0]
        return tally(tf.nn.softmax(tf.cast(logits, tf.float32)), target, weight)

    def zeros(self, names):
        return tf.zeros([len(names), len(names)]), tf.zeros([2], tf.float64)

    def measure(self, counts, names):
        return report(counts, names)

    def survey(self, targets, names):
        labels = np.concatenate([np.asarray(label) for label in targets])
        unseen = [str(name) for number, name in enumerate(names) if not (labels == number).any()]
        many = len(names) * 5 > len(labels)  # too few pictures to tell
        said = (
            f"never seen in {len(labels)} pictures: {', '.join(unseen[:5])}"
            if unseen
            else f"all {len(names)} are there"
        )
        yield "classes", said, not unseen or many

    def draw(self, metrics, names, folder, title):
        plots.confusion(metrics["confusion"], names, folder / "confusion.png", title)


def probabilities(labels, count, smoothing=0.0):
    """Labels as probabilities [batch, count]: class numbers become one-hot; mixed labels stay as they are.

    smoothing: this share of the probability is spread over all classes (Szegedy et al. 2015, 1512.00567, section 7).
    """
    onehot = labels if labels.shape.rank == 2 else tf.one_hot(labels, count)
    onehot = tf.cast(onehot, tf.float32)
    return onehot * (1.0 - smoothing) + smoothing / count if smoothing else onehot


def measure(labels, probabilities, names=None):
    """Metrics of probabilities [n, classes] against labels [n], as plain values for JSON: see `report`."""
    probabilities = np.asarray(probabilities, "float32")
    names = names or range(probabilities.shape[1])
    return report(tally(probabilities, np.asarray(labels, "int64"), np.ones(len(labels), "float32")), names)


def tally(probabilities, labels, weights):
    """Counts over a batch, which may be added to those of other batches and replicas.

    Args:
      probabilities: float32 [n, classes]. An answer that is not finite counts as wrong.
      labels: int64 [n].
      weights: float32 [n]; 0 marks what only fills a batch up.

    Returns:
      (confusion float32 [classes, classes], its rows the true classes; float64 [2]: the summed cross-entropy, and how
      many true classes are not among the five most likely; ties and NaN count against them)
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


def report(counts, names):
    """Metrics of summed `tally`s.

    Keys: examples, accuracy, top1_error, top5_error, loss (cross-entropy), macro and classes (precision, recall,
    f1 from scikit-learn; classes by name, with support), confusion (rows: true class). A class's precision is 0
    where nothing was assigned to it.
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


def _scores(row):
    return {"precision": float(row["precision"]), "recall": float(row["recall"]), "f1": float(row["f1-score"])}
