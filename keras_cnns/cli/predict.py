"""The command `keras-cnns predict`: classes, boxes or masks of pictures. A `.tflite` file is run without TensorFlow."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
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
    results: str | None = None,
    shard: str = "1/1",
    as_json: Json = False,
) -> None:
    """Predicts the classes of pictures, a detector's boxes, or the fraction of pixels of each class.

    Args:
        pictures: files in any common format, folders of them, tar archives or TFRecord files; - reads one picture
            from the standard input
        model: a .keras or .tflite file
        top: number of classes for each picture
        pixels: the model's values for black and white, such as 0 1, if it has no preprocessing inside
        least: smallest score of the boxes to show
        out: folder for copies of the pictures with boxes or masks drawn on them
        results: write a .jsonl or .parquet file instead of a table, for any number of pictures; a run that was
            stopped continues
        shard: predict one of several equal shares of the pictures, such as 3/16
    """
    if Path(model).suffix != ".tflite":
        import_tensorflow()
    if results is not None:
        options = {"top": top, "low": pixels[0], "high": pixels[1], "least": least, "out": out and Path(out)}
        return _write(results, model, pictures, options, shard, as_json=as_json)
    from keras_cnns.inference.predict import predict as run

    answers = run(model, pictures, top=top, low=pixels[0], high=pixels[1], least=least, out=out, shard=shard)
    boxes = bool(answers) and "objects" in answers[0]
    if as_json and boxes:
        from keras_cnns.inference.drawing import coco
        from keras_cnns.saving.card import read_card

        return print_json(coco(answers, read_card(model).labels))
    if as_json:
        return print_json(answers)
    table = table_of("picture", ">", "class", ">score", *(["box"] if boxes else []))
    for answer in answers:
        rows = _box_rows(answer["objects"]) if boxes else _class_rows(answer["classes"])
        for number, row in enumerate(rows):
            table.add_row("" if number else answer["picture"], *row)
    return show(table)


def _write(
    results: str, model: str, pictures: Sequence[str], options: Mapping[str, Any], shard: str, *, as_json: bool
) -> None:
    from keras_cnns.inference.items import Shard
    from keras_cnns.inference.predict import Options
    from keras_cnns.inference.results import write

    written = write(model, list(pictures), results, Options(**options), Shard.of(shard))
    if as_json:
        return print_json(asdict(written))
    words = f"{written.pictures:,} pictures"
    if written.before:
        words += f", {written.before:,} of them before this run"
    if written.broken:
        words += f'; {written.broken:,} cannot be read (their rows have "error")'
    print(f"{written.file}: {words}")
    return None


def _box_rows(objects: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (str(rank), row["class"], f"{row['score']:.4f}", ", ".join(f"{value:.0f}" for value in row["box"]))
        for rank, row in enumerate(objects, start=1)
    ]
    return rows or [("", "nothing found", "", "")]


def _class_rows(classes: Sequence[tuple[str, float]]) -> list[tuple[str, ...]]:
    return [(str(rank), label, f"{score:.4f}") for rank, (label, score) in enumerate(classes, start=1)]
