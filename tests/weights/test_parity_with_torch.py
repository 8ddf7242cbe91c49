"""Weights that came through torchvision's (.pth) and timm's (.safetensors) files give their logits."""

import pytest

from keras_cnns.registry.registry import entry
from tests.weights.parity import ALIKE, ROWS, TASKS, TOLERANCE, difference, shapes

pytest.importorskip("torch")

LARGE = {"bit_r152x4"}  # 936 million weights: five minutes and 9 GiB
TORCH = [
    pytest.param(*row, marks=[pytest.mark.slow] if row[1] in LARGE else [], id=f"{row[0]}-{row[1]}-{row[2]}")
    for row in ROWS + ALIKE
    if row[0] != "keras"
]


@pytest.mark.parametrize(("origin", "name", "theirs"), TORCH)
def test_published_and_odd_size(origin, name, theirs, tmp_path):
    for shape in shapes(name):
        assert difference(origin, name, theirs, shape, tmp_path) < TOLERANCE, shape


@pytest.mark.parametrize(("origin", "name", "theirs"), TASKS, ids=[name for _, name, _ in TASKS])
@pytest.mark.parametrize("shape", [(128, 192, 3), (75, 97, 3)])
def test_scores_of_pixels_and_boxes(origin, name, theirs, shape, tmp_path):
    """Of every pixel; of proposals and of given boxes. The second size is padded to one that halves evenly.

    An SSD has one size: its default boxes are made for it.
    """
    if name.startswith("ssd"):
        shape = entry(name).variant.input_shape
    assert difference(origin, name, theirs, shape, tmp_path) < TOLERANCE
