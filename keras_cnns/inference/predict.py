"""Pictures in; labels, boxes or masks out: with a `.keras` or a `.tflite` file."""

import sys
from pathlib import Path

import numpy as np

from keras_cnns.data.pictures import pixels, read_picture
from keras_cnns.data.sources import walk
from keras_cnns.inference import drawing
from keras_cnns.saving.card import read_card
from keras_cnns.support.errors import UserError
from keras_cnns.support.untrusted import read_bytes
from keras_cnns.support.validation import kind, number, path_of, short, whole


def predict(model, paths, *, top=5, low=0.0, high=255.0, least=0.5, out=None):
    """What the model says of each picture, which is cut and scaled as in the evaluation of the model's training.

    Args:
      model: the path of a `.keras` or `.tflite` file of a classifier, a detector or a segmenter.
      paths: of pictures, or of folders of them; "-" is one on the standard input.
      top: so many classes of each picture.
      low, high: what black and white are for the model; 0 and 255 where it has its preprocessing inside.
      least: of the scores of boxes that are told.
      out: a folder for the pictures with their boxes or masks drawn on them, and for the masks (NAME_mask.png).

    Returns:
      One dict for each picture: "picture", and of a classifier "classes", a list of (label, score), best first; of a
      detector "size" (height, width) and "objects", see `places.found`; of a segmenter "size" and "classes", a list of
      (label, share of the pixels). Labels are the file's own, or class numbers where it has none. Scores are the
      model's outputs.

    Raises:
      UserError: a file is missing, damaged, or none of these; a picture is no picture.
    """
    model = path_of(model, "model")
    paths = [paths] if isinstance(paths, (str, Path)) else paths
    if not isinstance(paths, (list, tuple)):
        raise UserError(f"pictures are given as a list of paths, not as {kind(paths)}.")
    if not paths:
        raise UserError("no picture to look at: give one or more.")
    paths = [each for path in paths for each in _pictures(path_of(path, "a picture"))]
    if not whole(top, 1):
        raise UserError(f"top is {short(top)}: give a whole number from 1.")
    if not number(low) or not number(high):
        raise UserError(f"black and white are {short(low)} and {short(high)}: give two numbers.")
    if not number(least):
        raise UserError(f"least is {short(least)}: give a score, such as 0.5.")
    out = out if out is None else path_of(out, "out")
    shape, answers, run = _opened(model)
    if len(shape) != 3 or None in shape:
        raise UserError(f"{model} takes inputs of {shape}: pictures of a fixed size are needed.")
    card = read_card(model)
    does = drawing.kind(answers, shape[:2])
    if does:
        return [_placed(path, shape, does, run, card.labels, (low, high), least, out) for path in paths]
    pictures = np.stack([read_picture(_picture(path), shape, **card.view()) for path in paths])
    scores = _only(run(pictures * ((high - low) / 255) + low), model)
    if scores.ndim != 2:
        raise UserError(f"{model} answers with shape {scores.shape[1:]} for each picture: it is no classifier.")
    labels = card.labels or tuple(str(i) for i in range(scores.shape[1]))
    if len(labels) != scores.shape[1]:
        raise UserError(f"{model} has {len(labels)} labels for {scores.shape[1]} outputs.")
    best = np.argsort(-scores, axis=1)[:, :top]
    return [
        {"picture": str(path), "classes": [(labels[i], float(row[i])) for i in order]}
        for path, row, order in zip(paths, scores, best, strict=True)
    ]


def _placed(path, shape, does, run, labels, pixels, least, out):
    """A detector's or segmenter's answer for one picture, drawn where `out` is a folder."""
    shown = _shown(path, shape[2])
    seen, scale = drawing.laid(shown, shape[:2])
    low, high = pixels
    outputs = run(seen[None, ..., : shape[2]].astype("float32") * ((high - low) / 255) + low)
    size = shown.shape[:2]
    if does == drawing.DETECTOR:
        rows = drawing.found({name: np.asarray(x)[0] for name, x in outputs.items()}, scale, size, labels, least)
        answer, drawn = {"objects": rows}, lambda: drawing.drawn_boxes(shown, rows)
    else:
        (scores,) = outputs.values() if isinstance(outputs, dict) else (outputs,)
        mask = drawing.labelled(np.asarray(scores)[0], scale, size)
        answer, drawn = {"classes": drawing.shares(mask, labels)}, lambda: drawing.drawn_mask(shown, mask)
    if out is not None:
        stem = "picture" if str(path) == "-" else Path(path).stem
        drawing.save(drawn(), Path(out) / f"{stem}.png")
        if does == drawing.SEGMENTER:
            drawing.save(drawing.mask_picture(mask), Path(out) / f"{stem}_mask.png")
    return {"picture": str(path), "size": list(size), **answer}


def _shown(path, channels):
    """What a picture shows at its own size, uint8 [h, w, 3]; grey for a model of one channel."""
    data = _picture(path)
    try:
        data = data if isinstance(data, bytes) else read_bytes(data)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from None
    return np.repeat(pixels(data, path, channels), 3 // channels, axis=-1)


def _pictures(path):
    """A picture, or those in a folder and below."""
    if str(path) == "-" or not path.is_dir():
        return [path]
    found = walk.pictures(path)
    if not found:
        raise UserError(f"there are no pictures in {path}.")
    return found


def _picture(path):
    """A path, or the bytes of the picture that is piped in."""
    return sys.stdin.buffer.read() if str(path) == "-" else path


def _opened(model):
    """The input's shape without the batch, those of the outputs, and a function from pictures to outputs."""
    if model.suffix == ".tflite":
        from keras_cnns.tflite.targets import runner

        if not model.is_file():
            raise UserError(f"there is no file {model}.")
        described = runner.ask("describe", file=str(model.resolve()))[0]
        shapes = described["inputs"].values()
        if len(shapes) != 1:
            raise UserError(f"{model} has {len(shapes)} inputs: a classifier has one.")
        (shape,) = (tuple(None if n < 0 else n for n in shape[1:]) for shape in shapes)
        answers = [tuple(row["shape"][1:]) for row in described["output_details"] if row["name"] != runner.CLASS_MAP]

        def run(pictures):
            found = runner.predict(model, pictures)
            return {k: v for k, v in found.items() if k != runner.CLASS_MAP} if isinstance(found, dict) else found

        return shape, answers, run
    if model.suffix == ".keras":
        from keras_cnns.saving.keras_file import load_model

        network = load_model(model)
        if not getattr(network, "inputs", None):  # subclassed, or not built yet
            raise UserError(f"{model} does not say what it takes: give it a keras.Input, and save it again.")
        shape = tuple(network.input_shape[1:]) if isinstance(network.input_shape, tuple) else ()
        answers = [tuple(x.shape[1:]) for x in network.outputs]
        return shape, answers, lambda pictures: network.predict(pictures, verbose=0)
    raise UserError(f"{model} is neither a .keras nor a .tflite file.")


def _only(outputs, model):
    outputs = list(outputs.values()) if isinstance(outputs, dict) else outputs
    if isinstance(outputs, list | tuple):
        if len(outputs) != 1:
            raise UserError(f"{model} has {len(outputs)} outputs: a classifier has one.")
        outputs = outputs[0]
    return np.asarray(outputs)
