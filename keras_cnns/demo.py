"""The whole road in a minute: LeNet-5 is trained on handwritten digits, exported in every scheme, verified."""

from pathlib import Path

from keras_cnns.export_scripts.script import Shipment, ship
from keras_cnns.support.atomic_files import write_json
from keras_cnns.training import Augment, Recipe, train

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


def demo(out="runs/demo", *, quiet=False):
    """Trains, exports and verifies under `out`; what is trained there already is not trained again.

    Returns:
      (training metrics, export reports, the path of report.json)

    Raises:
      UserError: the folder holds another run, or cannot be written.
    """
    out = Path(out)
    result = train(RECIPE.but(out=str(out)), quiet=quiet)
    reports = ship(Shipment(checkpoint=str(out / "model.keras"), out=str(out), dataset=RECIPE.dataset))
    path = out / "report.json"
    write_json(path, {"training": result.metrics, "exports": [report.to_dict() for report in reports]})
    return result.metrics, reports, path
