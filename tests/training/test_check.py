"""The self-check: eight pictures are learned by heart, and what is off gets a line."""

import pytest

from keras_cnns.training import Recipe
from keras_cnns.training.check import check
from keras_cnns.training.script import run

SCENES = {"dataset": "scenes", "input_shape": (64, 64, 3), "optimizer": "adam", "learning_rate": 3e-3}
BACKBONE = {"backbone": "vgg11_bn", "columns": {"widths": (8, 16, 16, 32, 32)}}
DETECTOR = {**BACKBONE, "level": "C2", "rpn": 16, "scales": (10, 17, 28), "before": 150, "proposals": 30, "fc": (64,)}


def findings(recipe, **options):
    return {what: (how, fine) for what, how, fine in check(recipe, **options)}


@pytest.mark.slow
def test_scales_that_miss_the_boxes_are_named():
    wrong = Recipe(model="faster_rcnn", overrides={**DETECTOR, "scales": (200, 300, 400)}, **SCENES)
    result = findings(wrong, seconds=0.5)
    how, fine = result["anchors"]
    assert not fine and "200 300 400" in how and "try --overrides scales 10 16 25" in how
    assert result["pictures without boxes"][1] and result["classes"][1]
    assert findings(wrong.but(overrides=DETECTOR), seconds=0.5)["anchors"][1]


@pytest.mark.slow
def test_a_learning_rate_of_nothing_learns_nothing():
    recipe = Recipe(model="fcn8s", overrides=BACKBONE, **{**SCENES, "learning_rate": 0.0})
    how, fine = findings(recipe, seconds=2)["eight pictures"]
    assert not fine and "not learned" in how and "learning rate" in how


@pytest.mark.slow
@pytest.mark.parametrize(("model", "overrides"), [("fcn8s", BACKBONE), ("faster_rcnn", DETECTOR)])
def test_eight_pictures_are_learned_by_heart(model, overrides):
    how, fine = findings(Recipe(model=model, overrides=overrides, **SCENES), seconds=120)["eight pictures"]
    assert fine, how


@pytest.mark.slow
def test_the_script_prints_each_finding_and_its_status_shows_a_fault(capsys, monkeypatch):
    import keras_cnns.training.check as module

    monkeypatch.setattr(module, "_by_heart", lambda *_: ("eight pictures", "learned by heart", True))
    recipe = Recipe(model="lenet5", input_shape=(32, 32, 1))
    assert run(recipe, ["--check"]) == 0
    assert "ok  classes: all 10" in capsys.readouterr().out
    monkeypatch.setattr(module, "_by_heart", lambda *_: ("eight pictures", "not learned", False))
    assert run(recipe, ["--check"]) == 1
    assert "OFF eight pictures: not learned" in capsys.readouterr().out
