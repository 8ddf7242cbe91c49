"""Weights that came through torchvision's (.pth) and timm's (.safetensors) files give their logits."""

import pytest

from tests.weights.parity import REASONS, ROWS, TOLERANCE, difference, shapes

pytest.importorskip("torch")

TORCH = [row for row in ROWS if row[0] != "keras"]


@pytest.mark.parametrize(("origin", "name", "theirs"), TORCH, ids=[f"{origin}-{name}" for origin, name, _ in TORCH])
def test_published_and_odd_size(origin, name, theirs, tmp_path):
    if (origin, name) in REASONS:
        pytest.skip(REASONS[origin, name])
    for shape in shapes(name):
        assert difference(origin, name, theirs, shape, tmp_path) < TOLERANCE, shape
