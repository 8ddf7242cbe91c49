"""The command `keras-cnns predict`: classes, boxes or masks of pictures. A `.tflite` file is run without TensorFlow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_cnns.support.console import Json, print_json, show, table_of
from keras_cnns.support.streams import import_tensorflow


def predict(
    pictures: tuple[str, ...],
    /,
    *,
    model: str,
    top: int = 5,
    pixels: tuple[float, float] = (0.0, 255.0),
    least: float = 0.5,
    out: str | None = None,
    as_json: Json = False,
) -> None:
    """The most likely classes of pictures, a detector's boxes, or the fraction of pixels of each class.

    Args:
        pictures: files in any common format, or folders of them; - reads one from the standard input
        model: a .keras or .tflite file
        top: number of classes for each picture
        pixels: the model's values for black and white, such as 0 1, if it has no preprocessing inside
        least: smallest score of the boxes to show
        out: folder for copies of the pictures with boxes or masks drawn on them
    """
    if Path(model).suffix != ".tflite":
        import_tensorflow()
    from keras_cnns.inference.drawing import coco
    from keras_cnns.inference.predict import predict as run
    from keras_cnns.saving.card import read_card

    answers = run(model, pictures, top=top, low=pixels[0], high=pixels[1], least=least, out=out)
    boxes = "objects" in answers[0]
    if as_json:
        return print_json(coco(answers, read_card(model).labels) if boxes else answers)
    table = table_of("picture", ">", "class", ">score", *(["box"] if boxes else []))
    for answer in answers:
        rows = _box_rows(answer["objects"]) if boxes else _class_rows(answer["classes"])
        for number, row in enumerate(rows):
            table.add_row("" if number else answer["picture"], *row)
    return show(table)


def _box_rows(objects: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (str(rank), row["class"], f"{row['score']:.4f}", ", ".join(f"{value:.0f}" for value in row["box"]))
        for rank, row in enumerate(objects, start=1)
    ]
    return rows or [("", "nothing found", "", "")]


def _class_rows(classes: Sequence[tuple[str, float]]) -> list[tuple[str, ...]]:
    return [(str(rank), label, f"{score:.4f}") for rank, (label, score) in enumerate(classes, start=1)]
