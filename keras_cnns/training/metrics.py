"""What a classifier's probabilities are worth, given the labels."""

import numpy as np
from sklearn.metrics import classification_report, confusion_matrix


def measure(labels, probabilities, names=None):
    """Metrics of probabilities [n, classes] against labels [n], as plain values for JSON.

    Keys: examples, accuracy, top1_error, top5_error, loss (cross-entropy), macro and classes (precision, recall,
    f1 from scikit-learn; classes by name, with support), confusion (rows: true class). A class's precision is 0
    where nothing was assigned to it. An answer that is not finite counts as wrong.
    """
    labels, probabilities = np.asarray(labels, "int64"), np.asarray(probabilities, "float64")
    classes = probabilities.shape[1]
    names = [str(n) for n in names or range(classes)]
    true = probabilities[np.arange(len(labels)), labels]
    beaten = (true[:, None] > probabilities).sum(1)  # ties and NaN count against the true class
    predicted = np.where(np.isfinite(probabilities).all(1), probabilities.argmax(1), (labels + 1) % classes)
    every = list(range(classes))
    report = classification_report(labels, predicted, labels=every, output_dict=True, zero_division=0.0)
    accuracy = float(np.mean(predicted == labels))
    return {
        "examples": len(labels),
        "accuracy": accuracy,
        "top1_error": 1.0 - accuracy,
        "top5_error": float(np.mean(beaten < classes - min(5, classes))),
        "loss": float(np.mean(-np.log(np.maximum(true, 1e-12)))),
        "macro": _scores(report["macro avg"]),
        "classes": {
            n: {**_scores(report[str(i)]), "support": int(report[str(i)]["support"])} for i, n in enumerate(names)
        },
        "confusion": confusion_matrix(labels, predicted, labels=every).tolist(),
    }


def _scores(row):
    return {"precision": float(row["precision"]), "recall": float(row["recall"]), "f1": float(row["f1-score"])}
