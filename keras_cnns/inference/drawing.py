"""What a network says of a picture's places: boxes in the picture's own pixels, a label for each of them, drawn."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from keras_cnns.data.augment.letterbox import fitting, place
from keras_cnns.data.sources.sample import Sample
from keras_cnns.support.atomic_files import written_aside

DETECTOR, SEGMENTER = "detector", "segmenter"
STRENGTH = 0.5  # of a mask's colour over the picture


def kind(shapes, size):
    """DETECTOR, SEGMENTER or None, by the outputs' shapes without the batch; size: the input's (height, width)."""
    flat = sorted(map(tuple, shapes), key=len)
    if len(flat) == 3 and len(flat[0]) == 1 and flat[0] == flat[1] and flat[2] == (*flat[0], 4):
        return DETECTOR
    if len(flat) == 1 and len(flat[0]) == 3 and flat[0][:2] == tuple(size) and flat[0][2] > 1:
        return SEGMENTER
    return None


def laid(pixels, size):
    """(the picture uint8 [H, W, 3] as the network sees it, how many times larger that is): as in its training."""
    scale = fitting(pixels.shape[:2], size)
    return place(Sample(pixels), size, scale).picture, scale


def found(outputs, scale, size, labels, least):
    """A detector's answer for one picture: [{"class", "number", "score", "box": [x1, y1, x2, y2]}], best first.

    outputs: {name: array} of one picture. scale: see `laid`. size: the picture's own (height, width). least: of the
    scores that are told.
    """
    boxes, classes, scores = _told_apart(outputs)
    height, width = size
    answers = []
    for box, number, score in zip(boxes, classes.astype(int), scores, strict=True):
        box = np.clip(box / scale, 0, [width, height, width, height])
        if number < 0 or not score >= max(least, 1e-6) or not (box[2:] > box[:2]).all():
            continue
        name = labels[number] if number < len(labels) else str(number)
        row = {"class": name, "number": int(number), "score": round(float(score), 6)}
        answers.append(row | {"box": [round(float(v), 2) for v in box]})
    return sorted(answers, key=lambda row: -row["score"])


def _told_apart(outputs):
    """Boxes, classes and scores by their names, and where a file does not keep them by what they hold."""
    if {"boxes", "classes", "scores"} <= set(outputs):
        return (outputs[name] for name in ("boxes", "classes", "scores"))
    boxes = next(x for x in outputs.values() if x.ndim == 2)
    flat = [x for x in outputs.values() if x.ndim == 1]
    whole = [x.dtype.kind in "iu" or (np.all(x == np.round(x)) and x.max(initial=0) != x.min(initial=1)) for x in flat]
    classes, scores = flat if whole[0] else flat[::-1]
    return boxes, classes, scores


def labelled(scores, scale, size):
    """A segmenter's answer for one picture, scores [H, W, classes], as labels of its own size, uint8 [h, w]."""
    height, width = (max(1, round(n * scale)) for n in size)
    mask = np.asarray(scores)[:height, :width].argmax(-1).astype("uint8")
    return np.asarray(Image.fromarray(mask).resize((size[1], size[0]), Image.Resampling.NEAREST))


def shares(mask, labels):
    """[(label, its share of the pixels)], the largest first, none of nothing."""
    counts = np.bincount(mask.ravel())
    order = [n for n in np.argsort(-counts, kind="stable") if counts[n]]
    return [(labels[n] if n < len(labels) else str(n), float(counts[n] / mask.size)) for n in order]


def colour(number):
    """PASCAL VOC's colour of a label, by the bits of its number: black, dark red, dark green, olive ..."""
    rgb = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            rgb[channel] |= ((number >> channel) & 1) << (7 - bit)
        number >>= 3
    return tuple(rgb)


def drawn_boxes(pixels, rows):
    """The picture with a frame around everything found, its class and score above it."""
    image = Image.fromarray(pixels)
    draw, thick = ImageDraw.Draw(image), max(1, round(min(image.size) / 200))
    for row in reversed(rows):  # the surest on top
        shade, (x1, y1, x2, y2) = colour(row["number"] + 1), row["box"]
        draw.rectangle((x1, y1, x2 - 1, y2 - 1), outline=shade, width=thick)
        text = f"{row['class']} {row['score']:.2f}"
        left, top, right, bottom = draw.textbbox((0, 0), text)
        y = y1 - (bottom - top) - 4
        y = y if y >= 0 else y1
        draw.rectangle((x1, y, x1 + right - left + 4, y + bottom - top + 4), fill=shade)
        light = sum(shade) > 384
        draw.text((x1 + 2 - left, y + 2 - top), text, fill="black" if light else "white")
    return image


def drawn_mask(pixels, mask):
    """The picture under the colours of its labels; the ground stays as it is."""
    palette = np.array([colour(n) for n in range(256)], "float32")
    share = np.where(mask > 0, STRENGTH, 0.0)[..., None]
    return Image.fromarray((pixels * (1 - share) + palette[mask] * share).round().astype("uint8"))


def mask_picture(mask):
    """The mask as PASCAL VOC keeps it: labels, with a palette."""
    image = Image.fromarray(mask)
    image.putpalette([v for n in range(256) for v in colour(n)])
    return image


def save(image, path):
    """Writes a picture, whole or not at all."""
    with written_aside(path) as temporary:
        image.save(temporary, "PNG")


def coco(answers, labels):
    """What was found on pictures, in COCO's form with a score each. answers: those of `predict` with a detector."""
    images, annotations = [], []
    for key, answer in enumerate(answers, start=1):
        height, width = answer["size"]
        images.append({"id": key, "file_name": Path(answer["picture"]).name, "height": height, "width": width})
        for row in answer["objects"]:
            x1, y1, x2, y2 = row["box"]
            box = [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)]
            annotation = {"id": len(annotations) + 1, "image_id": key, "category_id": row["number"] + 1, "bbox": box}
            area = round(box[2] * box[3], 2)
            annotations.append(annotation | {"area": area, "iscrowd": 0, "score": row["score"]})
    seen = max((row["number"] + 1 for answer in answers for row in answer["objects"]), default=0)
    names = [*labels, *(str(n) for n in range(len(labels), seen))]
    categories = [{"id": n, "name": name} for n, name in enumerate(names, start=1)]
    return {"images": images, "annotations": annotations, "categories": categories}
