"""A network's boxes and masks in the pixels of the original picture, and drawn on it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from keras_cnns.data.augment.letterbox import fitting, place
from keras_cnns.data.sources.class_names import voc_colour
from keras_cnns.data.sources.sample import Sample
from keras_cnns.support.atomic_files import written_aside

DETECTOR, SEGMENTER = "detector", "segmenter"
READABLE = 400  # pixels of a picture's shorter side from which text beside boxes takes little room
OPACITY = 0.5  # of a mask over the picture

Size = tuple[int, int]


def kind_of_outputs(shapes: Sequence[Sequence[int]], size: Sequence[int]) -> str | None:
    """DETECTOR, SEGMENTER or None, judged by the shapes of the outputs.

    Args:
      shapes: of the outputs, without the batch.
      size: (height, width) of the input.
    """
    flat = sorted(map(tuple, shapes), key=len)
    if len(flat) == 3 and len(flat[0]) == 1 and flat[0] == flat[1] and flat[2] == (*flat[0], 4):
        return DETECTOR
    if len(flat) == 1 and len(flat[0]) == 3 and flat[0][:2] == tuple(size) and flat[0][2] > 1:
        return SEGMENTER
    return None


def letterbox(pixels: np.ndarray, size: Size) -> tuple[np.ndarray, float]:
    """Resizes a picture to fit into `size` (height, width) and pads it with grey, as in training.

    Returns:
      (uint8 [*size, 3], the factor by which the picture was enlarged)
    """
    scale = fitting(pixels.shape[:2], size)
    return place(Sample(pixels), size, scale).picture, scale


def boxes_of(
    outputs: Mapping[str, np.ndarray], scale: float, size: Size, labels: Sequence[str], least: float
) -> list[dict[str, Any]]:
    """The boxes that a detector predicts for one picture.

    Args:
      outputs: {name: array} of one picture.
      scale: as returned by `letterbox`.
      size: (height, width) of the original picture.
      labels: names of the classes.
      least: smallest score in the result.

    Returns:
      [{"class", "number", "score", "box": [x1, y1, x2, y2] in pixels of the original}], highest score first.
    """
    boxes, classes, scores = _distinguish(outputs)
    height, width = size
    rows: list[dict[str, Any]] = []
    for box, number, score in zip(boxes, classes.astype(int), scores, strict=True):
        box = np.clip(box / scale, 0, [width, height, width, height])
        if number < 0 or not score >= max(least, 1e-6) or not (box[2:] > box[:2]).all():
            continue
        name = labels[number] if number < len(labels) else str(number)
        row = {"class": name, "number": int(number), "score": round(float(score), 6)}
        rows.append(row | {"box": [round(float(v), 2) for v in box]})
    return sorted(rows, key=lambda row: -row["score"])


def _distinguish(outputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes, classes and scores: by their names, or by their values if the file has lost the names."""
    if {"boxes", "classes", "scores"} <= set(outputs):
        return outputs["boxes"], outputs["classes"], outputs["scores"]
    boxes = next(x for x in outputs.values() if x.ndim == 2)
    flat = [x for x in outputs.values() if x.ndim == 1]
    integral = [
        x.dtype.kind in "iu" or (np.all(x == np.round(x)) and x.max(initial=0) != x.min(initial=1)) for x in flat
    ]
    classes, scores = flat if integral[0] else flat[::-1]
    return boxes, classes, scores


def mask_of(scores: np.ndarray, scale: float, size: Size) -> np.ndarray:
    """A segmenter's scores [H, W, classes] as class numbers at the size of the original picture, uint8 [h, w]."""
    height, width = (max(1, round(n * scale)) for n in size)
    mask = np.asarray(scores)[:height, :width].argmax(-1).astype("uint8")
    return np.asarray(Image.fromarray(mask).resize((size[1], size[0]), Image.Resampling.NEAREST))


def class_shares(mask: np.ndarray, labels: Sequence[str]) -> list[tuple[str, float]]:
    """[(label, fraction of the pixels)] of the classes in the mask, largest first."""
    counts = np.bincount(mask.ravel())
    order = [n for n in np.argsort(-counts, kind="stable") if counts[n]]
    return [(labels[n] if n < len(labels) else str(n), float(counts[n] / mask.size)) for n in order]


def draw_boxes(pixels: np.ndarray, rows: Sequence[Mapping[str, Any]]) -> Image.Image:
    """The picture with the boxes of `boxes_of`, and class and score above each.

    Small pictures are enlarged by a whole number, so that the text does not hide the objects.
    """
    times = max(1, -(-READABLE // min(pixels.shape[:2])))
    image = Image.fromarray(pixels.repeat(times, 0).repeat(times, 1))
    draw, thick = ImageDraw.Draw(image), max(1, round(min(image.size) / 200))
    for row in reversed(rows):  # the highest score on top
        shade, (x1, y1, x2, y2) = voc_colour(row["number"] + 1), (times * side for side in row["box"])
        draw.rectangle((x1, y1, x2 - 1, y2 - 1), outline=shade, width=thick)
        text = f"{row['class']} {row['score']:.2f}"
        left, top, right, bottom = draw.textbbox((0, 0), text)
        y = y1 - (bottom - top) - 4
        y = y if y >= 0 else y1
        draw.rectangle((x1, y, x1 + right - left + 4, y + bottom - top + 4), fill=shade)
        light = sum(shade) > 384
        draw.text((x1 + 2 - left, y + 2 - top), text, fill="black" if light else "white")
    return image


def draw_mask(pixels: np.ndarray, mask: np.ndarray) -> Image.Image:
    """The picture under the colours of its classes; the background (class 0) is unchanged."""
    palette = np.array([voc_colour(n) for n in range(256)], "float32")
    share = np.where(mask > 0, OPACITY, 0.0)[..., None]
    return Image.fromarray((pixels * (1 - share) + palette[mask] * share).round().astype("uint8"))


def mask_picture(mask: np.ndarray) -> Image.Image:
    """The mask in PASCAL VOC's format: class numbers with a palette."""
    image = Image.fromarray(mask)
    image.putpalette([v for n in range(256) for v in voc_colour(n)])
    return image


def save(image: Image.Image, path: str | Path) -> None:
    """Writes a .png file, completely or not at all."""
    with written_aside(path) as temporary:
        image.save(temporary, "PNG")


def coco(answers: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """A detector's predictions in COCO's format, with scores. answers: the result of `predict`."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
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
