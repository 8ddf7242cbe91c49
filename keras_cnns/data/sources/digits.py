"""The UCI handwritten digits that scikit-learn ships, stored once as tensorflow-datasets stores its own.

1,797 scanned digits, 8x8, 17 grey levels (Alpaydin & Kaynak 1998, doi.org/10.24432/C50P49). Nothing is downloaded.
"""

import io
import os
import shutil
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

NAME, VERSION, CLASSES = "digits", "1.0.0", 10
SEED, HELD_OUT = 0, 0.2


def prepare(data_dir):
    """Writes the data set below `data_dir` unless it is there, and returns its folder.

    It is built aside and renamed, so two processes may prepare it at once and a killed one leaves nothing half done.
    """
    folder = Path(data_dir) / NAME / VERSION
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".digits-", dir=data_dir))
    try:
        _write(aside)
        os.rename(aside / NAME / VERSION, folder)
    except OSError:
        if not folder.exists():  # another process was first: its copy is as good as ours
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def arrays():
    """The digits as `{"train": (images, labels), "test": (images, labels)}`: uint8 [N, 8, 8, 1], int64 [N].

    A fifth is held out, stratified by class, with a fixed seed.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    images = np.round(images.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    labels = labels.astype(np.int64)
    train, test = train_test_split(np.arange(len(labels)), test_size=HELD_OUT, random_state=SEED, stratify=labels)
    return {"train": (images[train], labels[train]), "test": (images[test], labels[test])}


def _write(data_dir):
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    features = {
        "image": tfds.features.Image(shape=(8, 8, 1)),
        "label": tfds.features.ClassLabel(names=[str(digit) for digit in range(CLASSES)]),
    }
    splits = {
        split: [(i, {"image": images[i], "label": int(labels[i])}) for i in range(len(labels))]
        for split, (images, labels) in arrays().items()
    }
    with redirect_stdout(io.StringIO()):  # it announces a download that there is not
        tfds.dataset_builders.store_as_tfds_dataset(
            name=NAME,
            version=VERSION,
            data_dir=data_dir,
            features=tfds.features.FeaturesDict(features),
            split_datasets=splits,
            description="Handwritten digits, 8x8, 17 grey levels; the copy that scikit-learn ships, a fifth held out.",
            homepage="https://doi.org/10.24432/C50P49",
            disable_shuffling=True,
        )
