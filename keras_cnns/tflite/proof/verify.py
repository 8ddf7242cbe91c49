"""Is the file still the network? Its answers beside the original's, in figures, and the limits they must keep."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.tflite.aware.fake_quant import FakeQuant
from keras_cnns.tflite.file.convert import serving_function
from keras_cnns.tflite.proof.pictures import batched


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


# Healthy int8 shows agreement 1.00, cosine .9998 and 33 dB; a calibration four times too wide .992, .993 and 18 dB;
# thirty times too wide .28, .28 and -7 dB. All are means: the worst single picture of a healthy file can look bad.
LIMITS = {
    "agreement": Limit(0.98, 0.95),
    "agreement_confident": Limit(0.99, 0.97),  # on the half of the pictures that the original is surest of
    "cosine": Limit(0.995, 0.98),
    "snr_db": Limit(20.0, 12.0),
    "accuracy_drop": Limit(0.01, 0.03, better=-1),
}
# Float files have nothing to lose but rounding.
FLOAT_LIMITS = {
    "float32": {**LIMITS, "largest_difference": Limit(1e-4, 1e-3, better=-1)},
    "float16": {**LIMITS, "snr_db": Limit(40.0, 30.0)},
}


@dataclass(frozen=True)
class Comparison:
    """One output of the file beside the original's; figures are None where they make no sense.

    cosine: mean over pictures. snr_db: energy of the original over energy of the difference. largest_difference: over
    all pictures, relative to the largest value. agreement, agreement_confident, accuracy, original_accuracy: for
    classifiers, and where labels were given; otherwise None.
    """

    output: str
    cosine: float | None = None
    snr_db: float | None = None
    largest_difference: float | None = None
    agreement: float | None = None
    agreement_confident: float | None = None
    accuracy: float | None = None
    original_accuracy: float | None = None

    @property
    def accuracy_drop(self):
        """How much of the accuracy the file lost; negative where it gained."""
        return None if self.accuracy is None else self.original_accuracy - self.accuracy

    def judge(self, scheme):
        """("pass" | "warn" | "fail", the reasons) by the limits of `scheme`."""
        worst, reasons = "pass", []
        for name, limit in FLOAT_LIMITS.get(scheme, LIMITS).items():
            value = getattr(self, name)
            verdict = "pass" if value is None else limit.judge(value)
            if verdict != "pass":
                sign = ">=" if limit.better > 0 else "<="
                reasons.append(f"{name.replace('_', ' ')} {value:.4g} (wanted {sign} {limit.passes:g})")
                worst = "fail" if "fail" in (worst, verdict) else "warn"
        return worst, tuple(reasons)


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


def reference_outputs(model, given, *, inputs=None, outputs=None, batch=32):
    """What the Keras model answers in inference, XLA off: `{output name: (N, ...) array}`.

    inputs, outputs: names in the place of the model's own.
    """
    function = serving_function(model, inputs, outputs)
    count = len(next(iter(given.values())))
    parts = [function(**{k: tf.convert_to_tensor(v) for k, v in some.items()}) for some in batched(given, batch)]
    return {name: np.concatenate([part[name].numpy() for part in parts])[:count] for name in parts[0]}


def is_classifier(model, outputs):
    """One vector of scores per picture: probabilities, or what a last Dense layer says without an activation."""
    if len(outputs) != 1:
        return False
    values = next(iter(outputs.values()))
    if values.ndim != 2 or values.shape[1] < 2 or not np.issubdtype(values.dtype, np.floating):
        return False
    return is_probability(model, values) or isinstance(_last_operation(model.outputs[0]), keras.layers.Dense)


def is_probability(model, values):
    """The rows are a softmax's answers: by the layers, or by their sums where the layers do not tell."""
    if values.ndim != 2 or values.shape[1] < 2 or len(model.outputs) != 1:
        return False
    last = _last_operation(model.outputs[0])
    named = getattr(last, "activation", None) is keras.activations.softmax or type(last).__name__ == "Softmax"
    return named or bool((values >= 0).all() and np.allclose(values.sum(axis=-1), 1, atol=1e-3))


def _last_operation(tensor):
    """The operation behind an output, inside nested models and before the rounding of quantization-aware training."""
    operation = tensor._keras_history.operation
    if isinstance(operation, keras.Model):
        return _last_operation(operation.outputs[tensor._keras_history.tensor_index])
    return _last_operation(operation.input) if isinstance(operation, FakeQuant) else operation


def logits(probabilities, scale=0.0):
    """Centred log-probabilities: the logits behind a softmax, up to a constant for each picture.

    scale: the step of an integer output. Below four steps its logarithm is mostly rounding, so that both sides end
      there; a float output ends where float32 does.
    """
    logs = np.log(np.maximum(probabilities.astype(np.float64), 4 * scale or 1e-30))
    return logs - logs.mean(axis=-1, keepdims=True)


def compare(output, original, answer, *, labels=None, classifier=False, probability=False, scale=0.0):
    """The `Comparison` of what the file answered with what the original did, both (N, ...).

    classifier: the highest value is the answer. probability: a softmax ends both. scale: the step of an integer output.
    """
    if np.issubdtype(original.dtype, np.integer):  # the classes themselves
        return Comparison(output, agreement=float((original == answer).mean()))
    a, b = original, answer
    if probability:
        a, b = logits(original, scale), logits(answer, scale)
    a, b = (v.reshape(len(v), -1).astype(np.float64) for v in (a, b))
    noise, energy = np.sum((a - b) ** 2), np.sum(a**2)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    same = np.all(a == b, axis=1)
    figures = {
        "cosine": float(np.mean(np.where(same, 1.0, np.sum(a * b, axis=1) / np.maximum(norms, 1e-30)))),
        "snr_db": float(10 * np.log10(energy / noise)) if noise and energy else (200.0 if not noise else -200.0),
        "largest_difference": float(np.abs(a - b).max() / (np.abs(a).max() or 1.0)),
    }
    if classifier:
        agrees = original.argmax(-1) == answer.argmax(-1)
        ordered = np.sort(original, axis=-1)
        margin = ordered[:, -1] - ordered[:, -2]
        figures["agreement"] = float(agrees.mean())
        figures["agreement_confident"] = float(agrees[margin >= np.median(margin)].mean())
        if labels is not None:
            figures["accuracy"] = float((answer.argmax(-1) == labels).mean())
            figures["original_accuracy"] = float((original.argmax(-1) == labels).mean())
    return Comparison(output, **figures)


def doubts(outputs, classifier, labels):
    """Why a good comparison may still prove little, in sentences."""
    if not classifier:
        return ()
    values = next(iter(outputs.values()))
    found = []
    if len(np.unique(values.argmax(-1))) == 1 and len(values) > 1:
        found.append("the original gives every picture the same class: agreement with it proves little")
    if labels is not None:
        right = float((values.argmax(-1) == labels).mean())
        if right < 2 / values.shape[1] and values.shape[1] > 2:
            found.append(f"the original itself is right on {right:.1%} only: are the pictures scaled as in training?")
    return tuple(found)
