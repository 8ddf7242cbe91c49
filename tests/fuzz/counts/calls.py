"""Calls of the public functions with one to three of their arguments replaced by odd or borrowed values.

Each call is sound before. It must end with an answer, or with a `UserError` of one line. Arguments that say how long to
work (steps, runs) are not made huge: such a call is not wrong, it takes long.
"""

import contextlib
import io
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from tests.fuzz.counts.children import Harness, main
from tests.fuzz.counts.watch import starts_allowed
from tests.fuzz.mutations import ODD_VALUES

ODD: tuple = (*ODD_VALUES, b"3", math.nan, (), (1, 2), np.zeros((0, 3)), np.ones((2, 2)), len, object(), Path("x"), 3)
ODD += (
    np.array(["a"]),
    np.array([None]),
    np.float32("inf"),
    np.int64(-3),
    range(3),
    {1, 2},
    1j,
    "é\u2028b",
    "-1",
    -1.5,
)
LONG = ("steps", "runs", "warmup", "seconds", "epochs", "count", "limit", "top", "batch_size", "size", "shape")
LONG += ("classes",)


SOUND_EXPORT = {"scheme": "float32", "batch": 1, "head": None}


@dataclass(frozen=True)
class Call:
    """A function, the arguments of a sound call, and how often it is drawn."""

    function: Callable
    arguments: dict[str, Any]
    weight: int = 4


def small_model() -> Any:
    """A classifier of 8 x 8 pictures with two convolutions, one of them behind a rectifier."""
    import keras

    image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(2, 3, activation="relu", name="conv")(image)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, keras.layers.Dense(3, activation="softmax", name="predictions")(x))


def of_insight(model: Any, pictures: np.ndarray) -> dict[str, Call]:
    """The maps and figures."""
    from keras_cnns import insight

    common = {"model": model, "pictures": pictures, "target": 0}
    own = {"grad_cam": {"layer": "conv"}, "occlusion": {"patch": 3, "stride": 3, "value": 0.0, "batch": 8}}
    own["integrated_gradients"] = {"steps": 2, "baseline": 0.0, "batch": 8}
    names = (
        "grad_cam",
        "grad_cam_plus_plus",
        "cam",
        "saliency",
        "guided_backprop",
        "occlusion",
        "integrated_gradients",
    )
    calls = {name: Call(getattr(insight, name), common | own.get(name, {})) for name in names}
    unit = {"model": model, "pictures": pictures, "layer": "conv"}
    calls["feature_maps"] = Call(insight.feature_maps, unit | {"batch": 4})
    calls["top_activations"] = Call(insight.top_activations, unit | {"channel": 0, "count": 2})
    calls["filters"] = Call(insight.filters, {"model": model, "layer": "conv"})
    order = {"model": model, "picture": pictures[0], "order": pictures[0, ..., 0], "target": 0, "steps": 3}
    calls["deletion"], calls["insertion"] = Call(insight.deletion, order), Call(insight.insertion, order)
    steps = {"model": model, "target": 0, "steps": 1, "rate": 1.0, "seed": 0, "low": 0.0, "high": 1.0}
    calls["maximize"] = Call(insight.maximize, steps, 2)
    for name, arguments in (("Class", {"index": 0, "output": None}), ("Unit", {"layer": "conv", "channel": 0})):
        make = getattr(insight, name)
        calls[name] = Call(lambda make=make, **k: insight.saliency(model, pictures, make(**k)), arguments)
    return calls


def of_files(model: Any, pictures: np.ndarray, folder: Path) -> dict[str, Call]:
    """Functions that read and write files."""
    import keras_cnns
    from keras_cnns import data, tflite, training, weights
    from keras_cnns.insight.report import report
    from keras_cnns.insight.search import Index

    file, picture, images = folder / "net.keras", folder / "set" / "a" / "0.png", f"folder:{folder / 'set'}"
    model.save(file)
    small = folder / "net.tflite"
    small.write_bytes(_tflite(model))
    run = folder / "run"
    run.mkdir()
    (run / "recipe.json").write_text(training.Recipe("lenet5", out=str(run)).json())
    (run / "history.csv").write_text("epoch,loss,accuracy\n1,0.5,0.8\n2,0.4,0.9\n")
    (run / "metrics.json").write_text('{"accuracy": 0.9}')
    for name, value in (("a", 20), ("b", 200)):
        (folder / "set" / name).mkdir(parents=True)
        for n in range(5):
            Image.new("L", (8, 8), value + n).save(folder / "set" / name / f"{n}.png")
    load = {"name": images, "size": 8, "channels": 1, "split": "train", "target": "label", "batch_size": 2}
    view = {"crop": "centre", "crop_fraction": 1.0}
    shown = {"model": file, "paths": [picture], "top": 1, "low": 0.0, "high": 1.0}
    exported = {"model": model, "path": folder / "out.tflite", "calibration": None, **SOUND_EXPORT}
    exported |= {"input_type": "float32", "k": 1, "names": None, "max_drop": 0.01, "target": "litert"}
    return {
        "load": Call(data.load, load | {"seed": 0, "start": 0, "skip_broken": 0, "augment": None, "shard": (0, 1)}),
        "load_arrays": Call(data.load_arrays, {name: load[name] for name in tuple(load)[:5]} | view),
        "read_picture": Call(data.read_picture, {"path": picture, "shape": (8, 8, 1)} | view, 12),
        "Augment": Call(data.Augment, {"crop": "random", "crop_fraction": 1.0, "pad": 1, "mirror": True}, 12),
        "predict": Call(keras_cnns.predict, shown),
        "load_model": Call(keras_cnns.load_model, {"path": file}),
        "read_card": Call(keras_cnns.read_card, {"path": file}),
        "load_weights": Call(keras_cnns.load_weights, {"model": model, "source": file}),
        "weights.read": Call(weights.read, {"path": file}),
        "report": Call(report, {"path": run, "out": None, "dataset": None, "data_dir": None}, 2),
        "Index": Call(Index, {"folder": folder / "set", "model": file, "low": 0.0, "high": 1.0}, 2),
        "export": Call(lambda **k: _refusing(tflite.export, k), exported),
        "tflite.predict": Call(tflite.predict, {"path": small, "images": pictures, "threads": 1}),
        "benchmark": Call(tflite.benchmark, {"paths": small, "threads": (1,), "runs": 1}),
    }


def _tflite(model: Any) -> bytes:
    """The model as a `.tflite` file."""
    import tensorflow as tf

    signature = [tf.TensorSpec((1, *model.input_shape[1:]))]
    function = tf.function(model, input_signature=signature).get_concrete_function()
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())


def _refusing(function: Callable, arguments: dict[str, Any]) -> None:
    """Calls it only if it will look at more than sound arguments: an export takes seconds."""
    if all(arguments[name] is SOUND_EXPORT[name] for name in ("scheme", "batch", "head")):
        arguments = arguments | {"scheme": "int9"}
    function(**arguments)


def of_names() -> dict[str, Call]:
    """Functions that take names and numbers."""
    import keras_cnns
    from keras_cnns import tasks, training, weights
    from keras_cnns.insight import compare

    built = {"weights": None, "include_top": True, "input_shape": (32, 32, 1), "classes": 3, "pooling": None}
    built |= {"classifier_activation": "softmax", "include_preprocessing": False, "preprocessing": "none", "name": "a"}
    recipe = {"model": "lenet5", "dataset": "digits", "out": "run", "learning_rate": 0.1, "schedule": "cosine"}
    sound = training.Recipe("lenet5")
    recipe |= {name: getattr(sound, name) for name in ("input_shape", "sizes", "overrides", "freeze")}
    recipe |= {"epochs": 1, "batch_size": 4, "ema": 0.0, "layer_rates": {}, "decay_rate": 0.1, "decay_epochs": (1.0,)}
    recipe |= {"replicas": 0, "seed": 0, "augment": {}, "momentum": 0.9, "patience": 0, "checkpoint_every": 0}
    predictions = np.full((2, 1000), 1e-3, np.float32)
    return {
        "build": Call(lambda network, **k: keras_cnns.build(network, **k), {"network": "lenet5"} | built, 6),
        "info": Call(keras_cnns.info, {"name": "lenet5"}, 8),
        "list_models": Call(keras_cnns.list_models, {"pattern": "res*"}, 8),
        "decode_predictions": Call(keras_cnns.decode_predictions, {"preds": predictions, "top": 2}, 12),
        "published": Call(weights.published, {"name": "resnet50"}, 8),
        "find_recipe": Call(training.find_recipe, {"name": "lenet5_digits"}, 8),
        "Recipe": Call(training.Recipe, recipe, 30),
        "Recipe.from_json": Call(training.Recipe.from_json, {"text": sound.json()}, 8),
        "tasks.of": Call(tasks.of, {"recipe": sound}, 4),
        "compare": Call(lambda pattern: compare.compare(pattern), {"pattern": "lenet*"}, 2),
        "command": Call(command, {"words": "list", "more": "lenet*", "last": "--json"}, 12),
    }


def command(**words: Any) -> None:
    """`keras-cnns` with these words; a usage message is an answer, too."""
    from keras_cnns.cli import commands

    out, err = io.StringIO(), io.StringIO()
    line = [str(word) for word in words.values() if "\0" not in str(word)]
    if line[:1] == ["demo"]:
        return
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            commands.main(line)
        except SystemExit as end:
            assert end.code in (0, 1, 2, None), end.code
    assert "Traceback" not in err.getvalue(), err.getvalue()[-300:]


class World:
    """Models, files and the calls, made once in each child."""

    calls: dict[str, Call] = {}
    names: list[str] = []

    @classmethod
    def make(cls, folder: Path) -> None:
        import keras

        keras.utils.set_random_seed(0)
        model, pictures = small_model(), np.random.default_rng(0).uniform(0, 1, (2, 8, 8, 1)).astype("float32")
        cls.calls = of_insight(model, pictures) | of_files(model, pictures, folder) | of_names()
        cls.names = [name for name, call in cls.calls.items() for _ in range(call.weight)]


def case(random: Random, folder: Path) -> str:
    os.chdir(folder)
    call = World.calls[random.choice(World.names)]
    arguments = dict(call.arguments)
    for name in random.sample(sorted(arguments), min(len(arguments), random.choice((1, 1, 1, 2, 3)))):
        if random.random() < 0.2:
            value = random.choice(list(World.calls[random.choice(World.names)].arguments.values()) or [None])
        else:
            value = random.choice(ODD)
        if name == "out" and str(value).startswith(".."):  # a caller may write where it says
            continue
        huge = isinstance(value, (int, float)) and abs(value) > 1000
        if not (huge and any(word in name for word in LONG)):
            arguments[name] = value
    with starts_allowed():  # of the process that runs a .tflite file
        call.function(**arguments)
    return "answer"


if __name__ == "__main__":
    main(Harness("calls", case, prepare=World.make, batch=2500, reads=False), "calls of public functions", 20_000)
