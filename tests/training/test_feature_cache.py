"""Training on kept features ends with the weights of training on pictures, and never takes another network's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_cnns import tasks
from keras_cnns.support.errors import UserError
from keras_cnns.tasks.base import recipe_model
from keras_cnns.training import Recipe, feature_cache, train
from keras_cnns.training.feature_cache import FeatureCache
from keras_cnns.training.optimizers import Optimizer
from keras_cnns.training.report import Report
from keras_cnns.training.steps import Steps

RECIPE = Recipe(
    model="simple_cnn",
    input_shape=(12, 12, 1),
    freeze="features",
    batch_size=8,
    epochs=3,
    learning_rate=0.02,
    weight_decay=1e-3,
    ema=0.9,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Forty pictures of two classes to train, and twelve held out, 20 x 24 pixels; the training classes are uneven."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for split, count in (("train", 40), ("test", 12)):
        for number in range(count):
            file = root / split / ("dark" if number % 3 else "light") / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 120, (20, 24, 1)) + (0 if number % 3 else 100)
            file.write_bytes(tf.io.encode_png(pixels.astype(np.uint8)).numpy())
    return root


def cache_of(recipe, seed=0):
    """A cache with the network of a recipe, as the trainer makes it."""
    keras.utils.set_random_seed(seed)
    model = recipe_model.build_for_training(recipe, 2)
    return FeatureCache(recipe, tasks.of(recipe), model, tf.distribute.get_strategy())


def weights(result):
    return result.model.get_weights()


@pytest.mark.slow
def test_steps_on_features_are_steps_on_pictures(folder, tmp_path):
    """Six steps, into the second epoch; then the held-out pictures are counted."""

    def trained(recipe):
        cache = cache_of(recipe)
        optimizer = Optimizer(recipe, cache.network.trainable_variables)
        place, names = tf.distribute.get_strategy(), ("dark", "light")
        steps = Steps(recipe, cache.task, place, cache.network, optimizer, names, [], [], cache.task.finish(2))
        steps.train(iter(cache.load("train", 8).batches), tf.constant([0.02] * 6))
        held_out = cache.load("test", 8)
        counts = steps.evaluate(iter(held_out.batches), tf.constant(held_out.steps))
        return [variable.numpy() for variable in optimizer.order], cache.task.measure(counts, names)

    recipe = RECIPE.but(dataset=f"folder:{folder}")
    (pictures, measured), (kept, counted) = trained(recipe), trained(recipe.but(cache_features=str(tmp_path)))
    assert len(pictures) == 2 and len(list(tmp_path.iterdir())) == 2
    for ours, theirs in zip(kept, pictures, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert counted["loss"] == pytest.approx(measured["loss"], abs=1e-5) and counted["examples"] == 12


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"accumulate": 2, "class_weights": "balanced", "optimizer": "adam"},
        {"precision": "mixed_bfloat16"},
        {"model": "mobilenet_v3_small", "input_shape": (32, 32, 3), "hold_statistics": True},  # dropout after features
        {"model": "mobilenet_v3_small", "input_shape": (32, 32, 3), "freeze": "until:block4", "epochs": 1},
    ],
    ids=["plain", "parts", "bfloat16", "dropout", "part of the features"],
)
def test_the_weights_are_those_of_training_on_pictures(folder, tmp_path, change):
    recipe = RECIPE.but(dataset=f"folder:{folder}", **change)
    pictures = train(recipe.but(out=str(tmp_path / "pictures")), quiet=True)
    kept = train(recipe.but(out=str(tmp_path / "kept"), cache_features=str(tmp_path / "cache")), quiet=True)
    for ours, theirs in zip(weights(kept), weights(pictures), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6, rtol=1e-5)
    assert kept.metrics["loss"] == pytest.approx(pictures.metrics["loss"], rel=1e-4)
    assert [row["loss"] for row in kept.history] == pytest.approx([row["loss"] for row in pictures.history], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("cached", [True, False])
def test_the_held_out_pictures_are_loaded_once(cached, folder, tmp_path, monkeypatch):
    task, splits = tasks.of(RECIPE.but(dataset=f"folder:{folder}")), []

    original = type(task).load

    def load(self, split, *args, **kwargs):
        splits.append(split)
        return original(self, split, *args, **kwargs)

    monkeypatch.setattr(type(task), "load", load)
    cache = {"cache_features": str(tmp_path / "cache")} if cached else {}
    train(RECIPE.but(dataset=f"folder:{folder}", epochs=1, out=str(tmp_path / "run"), **cache), quiet=True)
    assert sorted(splits) == ["test", "train"]


class Killed(Exception):
    pass


@pytest.mark.slow
def test_a_stopped_run_resumes_with_its_features_or_without(folder, tmp_path, monkeypatch):
    recipe = RECIPE.but(dataset=f"folder:{folder}", checkpoint_every=2, steps_per_call=2)
    pictures = train(recipe.but(out=str(tmp_path / "pictures")), quiet=True)
    kept = recipe.but(out=str(tmp_path / "kept"), cache_features=str(tmp_path / "cache"))

    def stop(self, values, *rest):
        if values["step"] >= 6:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Report, "step", stop)
        train(kept, quiet=True)
    files = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").iterdir()}
    assert len(files) == 2
    resumed = train(kept, quiet=True)
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").iterdir()} == files
    for ours, theirs in zip(weights(resumed), weights(pictures), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.slow
def test_features_are_computed_once_and_of_all_pictures(folder, tmp_path, monkeypatch):
    recipe = RECIPE.but(dataset=f"folder:{folder}", cache_features=str(tmp_path))
    cache = cache_of(recipe)
    data = cache.load("train", 8)
    assert data.count == 40 and data.steps == 5
    image, label, _ = next(iter(data.batches))
    picture, theirs, chance = next(iter(cache.task.load("train", 8).batches))
    np.testing.assert_allclose(image, cache._constant(picture), atol=1e-5)
    np.testing.assert_array_equal(label, theirs)
    monkeypatch.setattr(FeatureCache, "_compute", None)
    again = next(iter(cache_of(recipe).load("train", 8).batches))
    np.testing.assert_array_equal(again[0], image)


def test_other_weights_pictures_views_and_networks_have_features_of_their_own(folder, tmp_path):
    recipe = RECIPE.but(dataset=f"folder:{folder}", cache_features=str(tmp_path / "cache"))
    cache = cache_of(recipe)
    data = cache.task.load("test", 8)
    keys = [cache._key("test", data)]
    assert cache_of(recipe)._key("test", data) == keys[0]
    keys += [cache._key("train", data), cache_of(recipe, seed=1)._key("test", data)]
    others = ({"precision": "mixed_float16"}, {"freeze": "until:pool1"}, {"augment": {"crop_fraction": 0.5}})
    keys += [cache_of(recipe.but(**change))._key("test", data) for change in others]
    cache._constant.weights[-1].assign_add(1e-3 * tf.ones_like(cache._constant.weights[-1].value))
    keys.append(cache._key("test", data))
    file = folder / "test" / "dark" / "1.png"
    before = file.read_bytes()
    try:
        file.write_bytes((folder / "train" / "dark" / "1.png").read_bytes())
        keys.append(cache_of(recipe)._key("test", cache.task.load("test", 8)))
    finally:
        file.write_bytes(before)
    assert len({*keys}) == len(keys) == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"augment": {"crop": "random_resized", "mirror": True}}, "set augment.mirror False, augment.crop 'centre'"),
        ({"augment": {"mixup": 0.2}}, "set augment.mixup 0.0"),
        ({"freeze": ""}, "freeze features"),
        ({"cache_features": ""}, "give its name"),
        ({"prune": 0.5}, "cannot be used with prune"),
        ({"sizes": (12, 16)}, "cannot be used with sizes"),
    ],
)
def test_recipes_whose_features_change_are_refused(change, message):
    with pytest.raises(UserError, match=message) as error:
        RECIPE.but(**{"cache_features": "cache", **change})
    assert "\n" not in str(error.value)


def test_other_tasks_are_refused_and_a_disk_without_room(folder, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="for classifiers"):
        recipe = RECIPE.but(model="unet", input_shape=(32, 32, 3), cache_features=str(tmp_path))
        FeatureCache(recipe, tasks.of(recipe), None, tf.distribute.get_strategy())
    monkeypatch.setattr(feature_cache.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    with pytest.raises(UserError, match="the features need 45.5 KiB, and 1000 bytes are free") as error:
        cache_of(RECIPE.but(dataset=f"folder:{folder}", cache_features=str(tmp_path / "cache"))).load("train", 8)
    assert "\n" not in str(error.value) and not (tmp_path / "cache").exists()
