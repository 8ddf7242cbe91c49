"""One run: what it leaves, that it can be stopped anywhere, and what it refuses."""

import csv
import json
import resource

import keras
import numpy as np
import pytest

from keras_cnns.data.pipeline import load
from keras_cnns.saving.card import read_card
from keras_cnns.support.errors import UserError
from keras_cnns.tasks.base import recipe_model
from keras_cnns.training import Augment, Recipe, distribute, evaluate, train
from keras_cnns.training.report import Report
from keras_cnns.training.trainer import Run

LENET = Recipe(
    model="lenet5", input_shape=(32, 32, 1), optimizer="adam", learning_rate=3e-3, batch_size=64, epochs=2, ema=0.9
)


def held_out():
    return load("digits", size=(32, 32), channels=1, batch_size=64, split="test")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(LENET.but(out=str(tmp_path_factory.mktemp("run") / "lenet")), quiet=True)


def test_learns(run):
    assert run.metrics["accuracy"] > 0.8 and run.metrics["examples"] == 360
    assert run.history[1]["loss"] < run.history[0]["loss"]


def test_leaves_a_folder_that_says_everything(run):
    assert Recipe.from_json((run.folder / "recipe.json").read_text()) == run.recipe
    rows = list(csv.DictReader((run.folder / "history.csv").open()))
    assert [int(row["epoch"]) for row in rows] == [1, 2]
    metrics = json.loads((run.folder / "metrics.json").read_text())
    assert metrics["accuracy"] == run.metrics["accuracy"] and "keras" in metrics["versions"]
    for picture in ("curve.png", "confusion.png"):
        assert (run.folder / picture).read_bytes().startswith(b"\x89PNG")
    assert list((run.folder / "log").glob("events*")) and not list(run.folder.glob(".*"))


def test_the_file_handed_over_takes_raw_pixels_and_has_the_metrics_of_the_run(run):
    model = keras.saving.load_model(run.folder / "model.keras")
    metrics = evaluate(model, held_out())
    assert metrics["accuracy"] == pytest.approx(run.metrics["accuracy"])
    assert metrics["loss"] == pytest.approx(run.metrics["loss"], rel=1e-4)
    card = read_card(run.folder / "model.keras")
    assert card.labels == tuple("0123456789") and card.source["recipe"]["epochs"] == 2


@pytest.mark.slow
def test_an_ensemble_answers_the_mean(run):
    first, other = (keras.saving.load_model(run.folder / f"{name}.keras") for name in ("model", "model"))
    other.set_weights([w * 0.7 for w in other.get_weights()])
    (image, label, weight), *_ = held_out().dataset
    both = evaluate([first, other], held_out())
    alone = [evaluate(m, held_out())["loss"] for m in (first, other)]
    assert both["loss"] < max(alone) and both["loss"] != pytest.approx(alone[0])


@pytest.mark.slow
def test_evaluation_is_traced_once(tmp_path):
    first = Run(LENET.but(out=str(tmp_path / "run"), batch_size=700), True)
    assert [row["epoch"] for row in first.result().history] == [1, 2]
    assert first.steps.evaluate.experimental_get_tracing_count() == 1


@pytest.mark.slow
def test_pictures_finished_before_they_reach_the_device_give_the_same_network(tmp_path, monkeypatch):
    """As on a TPU, whose compiler has to know every shape."""
    recipe = LENET.but(augment=Augment(pad=2, policy="randaugment", mixup=0.2), epochs=1)
    here = train(recipe.but(out=str(tmp_path / "here")), quiet=True)
    monkeypatch.setattr(distribute, "dynamic_shapes", lambda strategy: False)
    before = Run(recipe.but(out=str(tmp_path / "before")), True)
    assert before.steps.finish is None
    for first, other in zip(here.model.get_weights(), before.result().model.get_weights(), strict=True):
        np.testing.assert_allclose(first, other, atol=1e-5)


def test_running_again_only_reads(run):
    before = (run.folder / "metrics.json").read_bytes()
    again = train(run.recipe, quiet=True)
    assert again.history == run.history
    assert json.loads(before)["confusion"] == again.metrics["confusion"]


def test_the_run_folder_of_another_recipe_is_refused(run):
    with pytest.raises(UserError, match="augment.pad 0 there and 2 here, epochs 2 there and 3 here"):
        train(run.recipe.but(epochs=3, augment=Augment(pad=2)), quiet=True)


SMALL = Recipe(
    model="resnet20_cifar",
    overrides={"n": 1, "drop_rate": 0.3},
    input_shape=(12, 12, 3),
    augment=Augment(pad=2),
    learning_rate=0.02,
    batch_size=32,
    max_steps=13,
    ema=0.9,
)


class Stopped(Exception):
    pass


def stop_after(monkeypatch, step):
    """The process ends after `step`, from the run's point of view."""

    def stop(self, values, *rest):
        if values["step"] >= step:
            raise Stopped

    monkeypatch.setattr(Report, "step", stop)


def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path, monkeypatch):
    uninterrupted = train(SMALL.but(out=str(tmp_path / "whole")), quiet=True)
    recipe = SMALL.but(out=str(tmp_path / "parts"), checkpoint_every=3)
    for step in (2, 5, 10):
        with monkeypatch.context() as patch, pytest.raises(Stopped):
            stop_after(patch, step)
            train(recipe, quiet=True)
    parts = train(recipe.but(steps_per_call=2), quiet=True)
    for a, b in zip(uninterrupted.model.get_weights(), parts.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert uninterrupted.metrics == parts.metrics
    assert uninterrupted.history[0]["loss"] == pytest.approx(parts.history[0]["loss"], rel=1e-6)


def test_a_full_disk_is_reported_and_the_training_is_kept(tmp_path, monkeypatch):
    """Files may grow to a few kilobytes only, which is what a full disk does to a writer."""
    recipe = LENET.but(out=str(tmp_path / "full"), max_steps=4, epochs=1, checkpoint_every=1)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_after(patch, 2)
        train(recipe, quiet=True)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(UserError, match="cannot|no checkpoint|no room") as error:
            train(recipe, quiet=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(error.value)
    resumed = train(recipe, quiet=True)
    uninterrupted = train(recipe.but(out=str(tmp_path / "whole")), quiet=True)
    for a, b in zip(uninterrupted.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_several_steps_a_call_are_the_same_steps(tmp_path):
    first, five = (train(SMALL.but(out=str(tmp_path / str(n)), steps_per_call=n), quiet=True) for n in (1, 5))
    for a, b in zip(first.model.get_weights(), five.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_batch_in_parts_is_the_same_batch(tmp_path):
    recipe = LENET.but(optimizer="sgd", learning_rate=0.05, max_steps=5)
    first, four = (train(recipe.but(out=str(tmp_path / str(n)), accumulate=n), quiet=True) for n in (1, 4))
    for a, b in zip(first.model.get_weights(), four.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.slow
def test_float16_with_a_scaled_loss_learns_the_same(tmp_path):
    recipe = LENET.but(optimizer="sgd", learning_rate=0.05, max_steps=8, weight_decay=1e-3, clip_norm=1.0, ema=0.0)
    runs = [train(recipe.but(out=str(tmp_path / p), precision=p), quiet=True) for p in ("float32", "mixed_float16")]
    exact, half = (result.model.get_weights() for result in runs)
    keras.utils.set_random_seed(recipe.seed)
    start = recipe_model.build_for_training(recipe, 10).get_weights()
    assert max(np.abs(a - b).max() for a, b in zip(exact, half, strict=True)) < 2e-3
    assert max(np.abs(a - b).max() for a, b in zip(exact, start, strict=True)) > 0.01
    assert runs[1].metrics["loss"] == pytest.approx(runs[0].metrics["loss"], abs=0.02)


def test_a_run_from_another_ones_file_with_frozen_features(run, tmp_path):
    recipe = LENET.but(weights=str(run.folder / "model.keras"), freeze="until:C5", max_steps=3, ema=0.0)
    tuned = train(recipe.but(out=str(tmp_path / "tuned")), quiet=True)
    for layer, before in zip(tuned.model.layers, run.model.layers, strict=True):
        same = [np.array_equal(a, b) for a, b in zip(layer.get_weights(), before.get_weights(), strict=True)]
        assert all(same) if layer.name[:2] in ("C1", "S2", "C3", "S4", "C5") else not any(same), layer.name


@pytest.mark.slow
def test_mixed_pictures_and_bfloat16_and_a_plateau(tmp_path):
    recipe = LENET.but(
        out=str(tmp_path / "mix"),
        augment=Augment(mixup=0.2),
        precision="mixed_bfloat16",
        schedule="plateau",
        decay_epochs=(1,),
        epochs=2,
        optimizer="rmsprop",
        learning_rate=0.01,
        clip_norm=1.0,
    )
    result = train(recipe, quiet=True)
    assert result.metrics["accuracy"] > 0.5
    assert all(w.dtype == "float32" for w in result.model.get_weights())


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    with pytest.raises(UserError, match="not finite.*--learning-rate"):
        train(LENET.but(out=str(tmp_path / "nan"), optimizer="sgd", learning_rate=1e38), quiet=True)
    assert not (tmp_path / "nan" / "model.keras").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 5000}, "batch_size 5000 is more than the 1437"),
        ({"model": "lenet6"}, "lenet6.*lenet5"),
        ({"dataset": "diggits"}, "diggits"),
        ({"strategy": "multi_worker"}, "TF_CONFIG"),
        ({"replicas": 3}, "fresh"),
    ],
)
def test_refuses_in_one_line(tmp_path, change, message):
    with pytest.raises(UserError, match=message) as error:
        train(LENET.but(out=str(tmp_path / "bad"), **change), quiet=True)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_folder_in_which_nothing_was_trained_takes_another_recipe(tmp_path):
    with pytest.raises(UserError, match="batch_size"):
        train(LENET.but(out=str(tmp_path / "run"), batch_size=5000), quiet=True)
    train(LENET.but(out=str(tmp_path / "run"), max_steps=1), quiet=True)


def test_an_unreadable_checkpoint_is_named(tmp_path):
    recipe = LENET.but(out=str(tmp_path / "cut"), max_steps=1)
    train(recipe, quiet=True)
    for file in (tmp_path / "cut" / "checkpoints").glob("*.index"):
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match="checkpoint.*cannot be read"):
        train(recipe, quiet=True)


@pytest.mark.slow
def test_a_run_without_progress_ends_early_and_stays_ended(tmp_path):
    recipe = Recipe("lenet5", learning_rate=0.0, input_shape=(32, 32, 1), batch_size=512, epochs=9, patience=2)
    recipe = recipe.but(out=str(tmp_path / "run"), strategy="one")
    first = train(recipe, quiet=True)
    assert [row["epoch"] for row in first.history] == [1, 2, 3]  # the first is the best, and two more are waited for
    assert train(recipe, quiet=True).history == first.history
