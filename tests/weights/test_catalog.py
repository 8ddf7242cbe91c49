"""The catalog's rows are complete, and match how the models are built for them."""

from dataclasses import fields

import numpy as np
import pytest

from keras_cnns.blocks.preprocessing import PREPROCESSING
from keras_cnns.registry.registry import entry
from keras_cnns.weights.catalog import SOURCES, Published, catalog
from keras_cnns.weights.renaming import columns, peer

ROWS = [(name, source, row) for name, rows in catalog().items() for source, row in rows.items()]
IDS = [f"{source}-{name}" for name, source, _ in ROWS]


def test_there_are_many():
    assert len(ROWS) >= 100
    assert {source for _, source, _ in ROWS} == set(SOURCES)


@pytest.mark.parametrize(("name", "source", "row"), ROWS, ids=IDS)
def test_row(name, source, row):
    assert peer(name, source), "no rename table"
    assert row.address.startswith("https://")
    assert row.digest is None or row.digest.split(":")[0] in ("sha256", "md5")
    assert row.licence
    assert row.evaluation
    assert (row.crop is None) == (source == "keras")
    assert row.top1 is None or 50 < row.top1 < 90
    assert row.top5 is None or row.top1 < row.top5 < 100
    assert {f.name for f in fields(Published)} == set(vars(row))


@pytest.mark.parametrize(("name", "source", "row"), ROWS, ids=IDS)
def test_preprocessing_comes_with_the_weights(name, source, row):
    """What the catalog says of mean and standard deviation is what `build(name, weights=source)` computes."""
    preprocessing = columns(name, source).get("preprocessing", entry(name).variant.preprocessing)
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 2, 2, 3)).astype("float32")
    low, high = row.range
    channels = pixels[..., ::-1] if row.bgr else pixels
    expected = (channels / 255 * (high - low) + low - np.array(row.mean)) / np.array(row.std)
    preprocess = PREPROCESSING[preprocessing] if isinstance(preprocessing, str) else preprocessing
    np.testing.assert_allclose(np.asarray(preprocess(pixels)), expected, rtol=0, atol=1e-3)
