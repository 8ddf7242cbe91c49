"""Training at several sizes in turn: which sizes the network sees, and which networks can."""

import numpy as np
import pytest
import tensorflow as tf

from keras_cnns.support.errors import UserError
from keras_cnns.training import Recipe, train
from keras_cnns.training.trainer import Run

SPPNET = Recipe(
    model="sppnet_zf",
    overrides={
        "backbone": "vgg11_bn",
        "columns": {"widths": (4, 4, 8, 8, 8)},
        "level": "C3",
        "fc": (8,),
        "min_size": 32,
    },
    input_shape=(40, 40, 3),
    optimizer="adam",
    learning_rate=1e-3,
    epochs=1,
    max_steps=5,
    batch_size=16,
)


def watched(run, seen):
    """The run, noting in `seen` the size of each step's pictures."""
    loss = run.task.loss

    def noting(model, image, target):
        tf.py_function(lambda shape: seen.append(tuple(shape.numpy())), [tf.shape(image)], [])
        return loss(model, image, target)

    run.task.loss = noting
    return run


@pytest.mark.slow
def test_pictures_come_in_each_size_in_turn_also_after_a_stop(tmp_path, monkeypatch):
    recipe, seen = SPPNET.but(sizes=(32, 56), checkpoint_every=1, out=str(tmp_path / "run")), []

    def stopped(run):
        save(run)
        if run.values["step"] == 3:
            raise KeyboardInterrupt

    save = Run._checkpoint
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Run, "_checkpoint", stopped)
        watched(Run(recipe, quiet=True), seen).result()
    result = watched(Run(recipe, quiet=True), seen).result()
    assert seen == [(16, side, side, 3) for side in (32, 56, 32, 56, 32)]
    assert result.model.input_shape == (None, 40, 40, 3)  # the saved and measured network has the recipe's
    assert result.metrics["examples"] == 360


@pytest.mark.slow
def test_in_parts_too(tmp_path):
    recipe, seen = SPPNET.but(sizes=(32, 56), max_steps=2, accumulate=2, out=str(tmp_path / "run")), []
    watched(Run(recipe, quiet=True), seen).result()
    assert seen == [(8, side, side, 3) for side in (32, 32, 56, 56)]


@pytest.mark.slow
def test_its_own_size_alone_changes_nothing(tmp_path):
    plain, resized = (
        train(SPPNET.but(sizes=sizes, optimizer="sgd", out=str(tmp_path / f"{sizes}")), quiet=True).model.get_weights()
        for sizes in ((), (40,))
    )
    for a, b in zip(plain, resized, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "lenet5", "overrides": {}, "input_shape": (32, 32, 1), "sizes": (32, 48)}, "lenet5"),
        ({"model": "fcn8s", "overrides": {"backbone": "resnet18"}, "dataset": "scenes", "sizes": (64, 96)}, "zoom"),
        ({"sizes": (0, 32)}, "at least 1"),
    ],
)
def test_a_network_of_fixed_size_is_refused_in_one_line(tmp_path, change, message):
    with pytest.raises(UserError, match=message) as refused:
        train(SPPNET.but(out=str(tmp_path / "run"), **change), quiet=True)
    assert "\n" not in str(refused.value)
