"""The command `keras-cnns predict`: classes, boxes or masks of pictures, as a table or as JSON."""

from keras_cnns.support.console import Json, print_json, table_of
from keras_cnns.support.console import show as show_


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
):
    """The most likely classes of pictures, the boxes of a detector, or the shares of a segmenter's classes.

    Args:
        pictures: files in any common format, or folders of them
        model: a .keras or .tflite file
        top: so many classes each
        pixels: what black and white are for a model that has no preprocessing inside
        least: the smallest score of a box that is told
        out: a folder for the pictures with boxes or masks drawn on them
    """
    from keras_cnns.inference.drawing import coco
    from keras_cnns.inference.predict import predict as run
    from keras_cnns.saving.card import read_card

    found = run(model, pictures, top=top, low=pixels[0], high=pixels[1], least=least, out=out)
    boxes = "objects" in found[0]
    if as_json:
        return print_json(coco(found, read_card(model).labels) if boxes else found)
    table = table_of("picture", ">", "class", ">score", *(["box"] if boxes else []))
    for row in found:
        for place, one in enumerate(row["objects"] if boxes else (), start=1):
            box = ", ".join(f"{v:.0f}" for v in one["box"])
            table.add_row(row["picture"] if place == 1 else "", str(place), one["class"], f"{one['score']:.4f}", box)
        if boxes and not row["objects"]:
            table.add_row(row["picture"], "", "nothing", "", "")
        for place, (label, score) in enumerate(() if boxes else row["classes"], start=1):
            table.add_row(row["picture"] if place == 1 else "", str(place), label, f"{score:.4f}")
    show_(table)
