"""Weights that came through keras.applications' own file give its logits, also at an odd size."""

import pytest

from tests.weights.parity import ROWS, TOLERANCE, difference, shapes

KERAS = [(name, theirs) for origin, name, theirs in ROWS if origin == "keras"]


# the larger sisters of networks that the default run has: the same file, the same rules
LARGE = {"resnet101", "resnet152", "resnet101_v2", "resnet152_v2", "densenet169", "densenet201", "inception_resnet_v2"}
LARGE |= {f"efficientnet_v2_{size}" for size in ("b1", "b2", "b3", "s", "m", "l")} | {"nasnet_mobile", "nasnet_large"}
LARGE |= {f"efficientnet_b{size}" for size in range(1, 8)} | {"vgg19"}
LARGE |= {f"convnext_{size}" for size in ("small", "base", "large", "xlarge")}


@pytest.mark.parametrize(
    ("name", "theirs"),
    [pytest.param(*row, marks=[pytest.mark.slow] if row[0] in LARGE else [], id=row[0]) for row in KERAS],
)
def test_odd_size(name, theirs, tmp_path):
    _, odd = shapes(name)
    assert difference("keras", name, theirs, odd, tmp_path) < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize(("name", "theirs"), KERAS, ids=[name for name, _ in KERAS])
def test_published_size(name, theirs, tmp_path):
    published, _ = shapes(name)
    assert difference("keras", name, theirs, published, tmp_path) < TOLERANCE
