"""The whole road in a minute: LeNet-5 is trained on handwritten digits, exported in every scheme, verified."""

from dataclasses import replace
from pathlib import Path

from keras_cnns.card import read_card
from keras_cnns.files import write_json
from keras_cnns.tflite import export
from keras_cnns.tflite.convert import load
from keras_cnns.training import Augment, Recipe, train
from keras_cnns.training.data import load_arrays

RECIPE = Recipe(
    model="lenet5",
    input_shape=(32, 32, 1),
    dataset="digits",
    augment=Augment(pad=4),
    optimizer="adamw",
    learning_rate=3e-3,
    weight_decay=0.05,
    schedule="cosine",
    warmup_epochs=1,
    epochs=80,
    batch_size=32,
    steps_per_call=44,  # an epoch
    out="runs/demo",
)
SCHEMES = ("float32", "float16", "weight_only_int8", "int8")


def demo(out="runs/demo", *, quiet=False):
    """Trains, exports and verifies under `out`; what is there already is not done again.

    Returns:
      (training metrics, export reports, the path of report.json)

    Raises:
      UserError: the folder holds another run, or cannot be written.
    """
    result = train(replace(RECIPE, out=str(out)), quiet=quiet)
    folder = Path(out)
    height, width, channels = RECIPE.input_shape
    training, _, _ = load_arrays(RECIPE.dataset, "train", size=(height, width), channels=channels, limit=200)
    images, labels, names = load_arrays(RECIPE.dataset, "test", size=(height, width), channels=channels)
    model, card = load(folder / "model.keras"), read_card(folder / "model.keras")
    reports = [
        export(
            model,
            folder / f"lenet5_{scheme}.tflite",
            scheme=scheme,
            calibration=training,
            images=images,
            labels=labels,
            names=names,
            card=card,
        )
        for scheme in SCHEMES
    ]
    path = folder / "report.json"
    write_json(path, {"training": result.metrics, "exports": [report.to_dict() for report in reports]})
    return result.metrics, reports, path
