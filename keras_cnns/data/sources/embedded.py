"""The data sets that come with the package. They are written once, in the format of tensorflow-datasets."""

import io
import os
from contextlib import redirect_stdout
from pathlib import Path

from keras_cnns.data.sources import cards, digits
from keras_cnns.support.streams import stderr_closed
from keras_cnns.support.temporary_folders import temporary_folder

SETS = {part.NAME: part for part in (digits, cards)}
VERSION = "1.0.0"


def prepare(name: str, data_dir: str | os.PathLike[str]) -> Path:
    """Writes the data set `name` (one of SETS) below `data_dir` unless it exists, and returns its folder.

    It is written to a temporary folder and renamed, so two processes may prepare it at once, and a killed one leaves
    nothing incomplete.
    """
    folder = Path(data_dir) / name / VERSION
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(data_dir, prefix=f".{name}-") as aside:
        _write(name, aside)
        try:
            os.rename(aside / name / VERSION, folder)
        except OSError:
            if not folder.exists():  # another process was first, and its copy is the same
                raise
    return folder


def _write(name: str, data_dir: Path) -> None:
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    arrays = SETS[name].arrays()
    features = {
        "image": tfds.features.Image(shape=arrays["train"][0].shape[1:]),
        "label": tfds.features.ClassLabel(names=[str(label) for label in range(SETS[name].CLASSES)]),
    }
    splits = {
        split: [(i, {"image": images[i], "label": int(labels[i])}) for i in range(len(labels))]
        for split, (images, labels) in arrays.items()
    }
    with redirect_stdout(io.StringIO()), stderr_closed():  # messages about a download and an incomplete folder
        tfds.dataset_builders.store_as_tfds_dataset(
            name=name,
            version=VERSION,
            data_dir=data_dir,
            features=tfds.features.FeaturesDict(features),
            split_datasets=splits,
            description=SETS[name].DESCRIPTION,
            homepage=digits.HOMEPAGE,
            disable_shuffling=True,
        )
