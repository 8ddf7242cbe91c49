"""A run in one piece and the same in two, for the tests of every task."""

import numpy as np
import pytest

from keras_cnns.training import train
from keras_cnns.training.report import Report


def whole_and_resumed(recipe, folder, monkeypatch, step=3):
    """The `Result`s of a whole run and of one that was stopped at `step` and started again; their weights are equal."""
    uninterrupted = train(recipe.but(out=str(folder / "whole")), quiet=True)

    def stop(self, values, *_):
        if values["step"] == step:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Report, "step", stop)
        train(recipe.but(out=str(folder / "parts")), quiet=True)
    parts = train(recipe.but(out=str(folder / "parts")), quiet=True)
    for a, b in zip(uninterrupted.model.get_weights(), parts.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    return uninterrupted, parts
