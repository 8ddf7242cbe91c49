"""A first try in a minute: LeNet-5 is trained on handwritten digits, exported in four schemes and verified."""

from os import PathLike
from pathlib import Path
from typing import Any

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


def demo(out: str | PathLike = "runs/demo", *, quiet: bool = False) -> tuple[dict[str, Any], list[Any], Path]:
    """Trains, exports and verifies in the folder `out`; a finished training is not repeated.

    Args:
      out: folder for the files.
      quiet: show no progress.

    Returns:
      (training metrics, one export report for each scheme, path of report.json)

    Raises:
      UserError: the folder contains another run, or cannot be written.
    """
    folder = Path(out)
    result = train(RECIPE.but(out=str(folder)), quiet=quiet)
    reports = ship(Shipment(checkpoint=str(folder / "model.keras"), out=str(folder), dataset=RECIPE.dataset))
    path = folder / "report.json"
    write_json(path, {"training": result.metrics, "exports": [report.to_dict() for report in reports]})
    return result.metrics, reports, path
