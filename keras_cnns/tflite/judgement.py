"""How a file is judged: what its outputs are, how they compare with the model's, and with those before training."""

from keras_cnns.errors import UserError
from keras_cnns.tflite.given import MADE_UP
from keras_cnns.tflite.graph import ends
from keras_cnns.tflite.network import Network
from keras_cnns.tflite.proof import measures, pictures, verify


def kinds_of(network, said, given):
    """Output name -> (kind, its scores on the pictures where only numbers of classes come out, its labels)."""
    if said in (None, "boxes") and given.labels is None and measures.is_detector(network.answers(given.images)):
        return {"boxes": ("boxes", None, None)}
    found, endings = {}, network.endings(said)
    for name, ending in zip(network.outputs, endings, strict=True):
        scores = None
        if ending.scores is not None:
            (scores,) = verify.reference_outputs(ending.scores.build(), given.images, inputs=network.inputs).values()
        found[name] = (ending.kind, scores)
    judged = (
        [name for name in found if found[name][0] not in ("regression", "class_map")] if len(found) > 1 else list(found)
    )
    if given.labels is not None and len(judged) != 1:
        raise UserError(
            f"labels are for a classifier, and {network.model.name} has {len(found)} outputs: leave them out."
        )
    original = network.answers(given.images)
    return {
        name: (kind, scores, _labels(given.labels, original[name], kind, scores) if name in judged else None)
        for name, (kind, scores) in found.items()
    }


def _labels(labels, original, kind, scores):
    return None if labels is None else pictures.check_labels(labels, original, kind, scores)


def compared(original, answers, kinds, given, scales):
    """A `Comparison` for each output of the file, and one of all three of a detector's."""
    if [kind for kind, *_ in kinds.values()] == ["boxes"] and measures.is_detector(original):
        return (verify.compare_boxes(original, answers),)
    return tuple(
        verify.compare(name, original[name], answers[name], kind=kind, scores=scores, labels=labels, scale=scales[name])
        for name, (kind, scores, labels) in kinds.items()
        if name in answers
    )


def beside_source(source, network, answers, kinds, given):
    """The file beside the model before `quantization_aware`, where that is known."""
    if source is None or not network.is_quantization_aware:
        return ()
    theirs = Network.of(source)
    original = verify.reference_outputs(theirs.model, given.images, inputs=network.inputs)
    original = (
        dict(zip(network.outputs, original.values(), strict=False)) if len(original) == len(answers) else original
    )
    known = {name: kinds[name] for name in kinds if name in original and original[name].shape == answers[name].shape}
    return compared(original, answers, known, given, dict.fromkeys(known, 0.0))


def with_source(status, reasons, beside):
    """Training may change answers; it may not have made the network worse where labels show it."""
    for found in beside:
        shown = found.accuracy is not None and found.drop_low > 0 and found.accuracy_drop > verify.SHOWN_DROP
        lost = found.loss_share is not None and found.loss_share > 0.5
        if shown or lost:
            why = found.remark if shown else f"gives away {found.loss_share:.0%} of its answers"
            reasons = (*reasons, f"beside the model before quantization-aware training: {why}")
            status = "fail" if shown else max(status, "warn", key=("pass", "warn", "fail").index)
    return status, reasons


def remarks(original, kinds, given):
    """What each output was taken for, what the labels say, and why it may prove little."""
    found = []
    for name, (kind, _, labels) in kinds.items():
        found.append(f"{name} is judged as {kind}: {ends.KINDS[kind]}")
        found += verify.doubts(original[name], kind, labels) if MADE_UP not in given.notes else ()
    return tuple(found)


def differences(beside):
    for found in beside:
        figures = [f"{name.replace('_', ' ')} {value:.4g}" for name, value in found.judged().items()]
        yield f"{found.output} beside the model before quantization-aware training: {', '.join(figures)}"
