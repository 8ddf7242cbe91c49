"""How a file is judged: what its outputs are, how they compare with the model's, and with those before training."""

import numpy as np

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.inputs import pictures
from keras_cnns.tflite.inputs.gather import MADE_UP
from keras_cnns.tflite.network import Network
from keras_cnns.tflite.rewrite import ends
from keras_cnns.tflite.verify import measures, verdict


def kinds_of(network, said, given):
    """Output name -> (kind, its scores on the pictures where only numbers of classes come out, its labels)."""
    found, endings, original = {}, network.endings(said), network.answers(given.images)
    if said in (None, "boxes") and given.labels is None and measures.is_detector(original):
        return {"boxes": ("boxes", None, None)}
    for name, ending in zip(network.outputs, endings, strict=True):
        scores = None
        if ending.scores is not None:
            (scores,) = verdict.reference_outputs(ending.scores.build(), given.images, inputs=network.inputs).values()
        kind = ending.kind if said is not None else by_answers(ending.kind, original[name], given.labels)
        if kind in ("classifier", "logits") and original[name].shape[-1] == 1:
            kind = "multilabel"  # two classes in one number
        found[name] = (kind, scores)
    other = ("regression", "class_map")
    judged = [name for name in found if found[name][0] not in other] if len(found) > 1 else list(found)
    if given.labels is not None and len(judged) != 1:
        raise UserError(
            f"labels are for a classifier, and {network.model.name} has {len(found)} outputs: leave them out."
        )
    return {
        name: (kind, scores, _labels(given.labels, original[name], kind, scores) if name in judged else None)
        for name, (kind, scores) in found.items()
    }


def by_answers(kind, answers, labels=None):
    """What numbers are of which the graph's end does not tell: by what they add up to, and by the labels they have."""
    if kind != "regression" or answers.ndim < 2 or answers.shape[-1] < 2 or len(answers) < 4:
        return kind
    flat = np.asarray(answers, np.float64)
    if ends.sum_to_one(flat):  # a mean of several, a layer of somebody's own
        return "classifier" if flat.ndim == 2 else "segmentation"
    if flat.ndim == 2 and np.allclose(np.linalg.norm(flat, axis=-1), 1, atol=1e-3):
        return "embedding"
    if labels is not None and labels.dtype.kind in "iu" and labels.shape == flat.shape[:-1]:
        return "logits" if flat.ndim == 2 else "segmentation"
    return kind


def _labels(labels, original, kind, scores):
    return None if labels is None else pictures.check_labels(labels, original, kind, scores)


def compared(original, answers, kinds, given, scales):
    """A `Comparison` for each output of the file, and one of all three of a detector's.

    Raises:
      UserError: none of them has the name of one of the model's.
    """
    if [kind for kind, *_ in kinds.values()] == ["boxes"] and measures.is_detector(original):
        return (verdict.compare_boxes(original, answers),)
    if kinds and not set(kinds) & set(answers):
        raise UserError(f"the file's outputs are {', '.join(answers)}, where the model's are {', '.join(kinds)}.")
    return tuple(
        verdict.compare(
            name, original[name], answers[name], kind=kind, scores=scores, labels=labels, scale=scales[name]
        )
        for name, (kind, scores, labels) in kinds.items()
        if name in answers
    )


def beside_source(source, network, answers, kinds, given):
    """The file beside the model before `quantization_aware`, where that is known."""
    if source is None or not network.is_quantization_aware:
        return ()
    theirs = Network.of(source)
    original = verdict.reference_outputs(theirs.model, given.images, inputs=network.inputs)
    original = (
        dict(zip(network.outputs, original.values(), strict=False)) if len(original) == len(answers) else original
    )
    known = {name: kinds[name] for name in kinds if name in original and original[name].shape == answers[name].shape}
    return compared(original, answers, known, given, dict.fromkeys(known, 0.0))


def with_source(status, reasons, beside):
    """Training may change answers; it may not have made the network worse where labels show it."""
    for found in beside:
        shown = found.accuracy is not None and found.drop_low > 0 and found.accuracy_drop > verdict.SHOWN_DROP
        lost = found.loss_share is not None and found.loss_share > 0.5
        if shown or lost:
            why = found.remark if shown else f"gives away {found.loss_share:.0%} of its answers"
            reasons = (*reasons, f"beside the model before quantization-aware training: {why}")
            status = "fail" if shown else max(status, "warn", key=("pass", "warn", "fail").index)
    return status, reasons


def remarks(original, kinds, given, answers):
    """What each output was taken for, what the labels say, and why it may prove little."""
    found = []
    for name, (kind, _, labels) in kinds.items():
        if name not in answers:
            found.append(f"{name} is left out of the file: an auxiliary classifier, by its name and its shape")
            continue
        found.append(f"{name} is judged as {kind}: {ends.KINDS[kind]}")
        found += verdict.doubts(original[name], kind, labels) if MADE_UP not in given.notes else ()
    return tuple(found)


def differences(beside):
    for found in beside:
        figures = [f"{name.replace('_', ' ')} {value:.4g}" for name, value in found.judged().items()]
        yield f"{found.output} beside the model before quantization-aware training: {', '.join(figures)}"
