"""The metrics of saved models on held-out pictures, with one view of each picture or averaged over several views."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from keras_cnns import tasks
from keras_cnns.data.batches import Data
from keras_cnns.data.broken import explained
from keras_cnns.data.classes import check as check_classes
from keras_cnns.data.pipeline import load
from keras_cnns.data.views import multi_scale, ten_crops
from keras_cnns.graph.fully_convolutional import to_fully_convolutional
from keras_cnns.saving.card import read_card
from keras_cnns.saving.keras_file import load_model
from keras_cnns.support.atomic_files import write_json
from keras_cnns.support.devices import compile_with_xla
from keras_cnns.support.errors import BadArgument, UnsupportedModel, UserError, first_line
from keras_cnns.tasks.base.task import Task
from keras_cnns.tasks.classification.measures import report, tally
from keras_cnns.training.recipe import Recipe

CLASSIFICATION = ("accuracy", "top1_error", "top5_error", "loss")


def evaluate(models: Any, data: Data, views: Callable | None = None) -> dict[str, Any]:
    """The metrics of a classifier on `data`, by name: see `tasks.classification.measures.report`.

    Args:
      models: a Keras model that returns probabilities, or a list of them: an ensemble, whose probabilities are averaged
        (Krizhevsky et al. 2012, section 6).
      data: pictures with labels.
      views: a function from pictures to a list of views (see `data.views`). The probabilities are averaged over the
        views, too.

    >>> data = keras_cnns.data.load("digits", size=32, channels=1, batch_size=32, split="test")
    >>> keras_cnns.training.evaluate(model, data)["accuracy"]
    0.9944...
    """
    models = models if isinstance(models, list | tuple) else [models]

    @tf.function(jit_compile=compile_with_xla())
    def probabilities(view: tf.Tensor) -> tf.Tensor:
        answers = [tf.cast(model(view, training=False), tf.float32) for model in models]
        return tf.add_n([_over_positions(answer) for answer in answers]) / len(models)

    @tf.function(reduce_retracing=True)
    def counts(image: tf.Tensor, label: tf.Tensor, weight: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        seen = views(image) if views else [image]
        return tally(tf.add_n([probabilities(view) for view in seen]) / len(seen), label, weight)

    sums: Any = None
    for image, label, *weight in data.dataset:
        more = counts(image, label, weight[0] if weight else tf.ones(tf.shape(label)[0]))
        sums = more if sums is None else [a + b for a, b in zip(sums, more, strict=True)]
    return report(sums, data.names)


def evaluate_task(model: keras.Model, task: Task, data: Data) -> dict[str, Any]:
    """The metrics of a segmenter or a detector on `data`, as the trainer measures them.

    task: must have loaded `data` as its test split, and `model` must be attached to it.
    """
    count = tf.function(lambda image, target, weight: task.count(model, image, target, weight))
    sums = task.zeros(data.names)
    with explained():
        for image, target, weight in data.batches:
            sums = tuple(a + b for a, b in zip(sums, count(image, target, weight), strict=True))
    return {"examples": data.count, **task.measure(sums, data.names)}


def evaluate_files(
    files: Sequence[Any], recipe: Recipe, views: str = "centre", scales: Sequence[int] = ()
) -> dict[str, Any]:
    """Measures `.keras` files on the held-out pictures of `recipe`, and writes the metrics into its run folder.

    Args:
      files: one or several classifiers (an ensemble), or one segmenter or detector.
      recipe: the recipe of the files, whose data they are measured on.
      views: for classifiers. "centre": as the trainer measures. "ten_crops": ten crops of the centred square, of which
        the recipe's crop_fraction is one. "multi_scale": this square, resized to each of `scales`; the networks are
        applied fully convolutionally.
      scales: sides in pixels, for "multi_scale".

    Returns:
      The metrics, and two more keys: "file", the name of the JSON file in the run folder that contains them, and
      "printed", the names of the most important ones.

    Raises:
      UserError: a file or the data cannot be used; the models do not fit the recipe or its classes.
    """
    task = tasks.of(recipe)
    models = [load_model(file) for file in files]
    for file, model in zip(files, models, strict=True):
        if tuple(model.inputs[0].shape[1:]) != recipe.input_shape:
            raise UnsupportedModel(
                f"{file} takes {model.inputs[0].shape[1:]}: give --input-shape as it was trained with."
            )
    printed: tuple[str, ...]
    if task.target == "label":
        metrics, printed = _classifiers(files, models, recipe, views, scales), CLASSIFICATION
    else:
        metrics, printed = _annotated(files, models, recipe, views, task), task.held_out
    name = f"evaluation_{views}.json"
    metrics = {"models": [str(file) for file in files], "views": views, "scales": list(scales), **metrics}
    write_json(Path(recipe.out) / name, metrics)
    return {**metrics, "file": name, "printed": printed}


def _annotated(
    files: Sequence[Any], models: Sequence[keras.Model], recipe: Recipe, views: str, task: Task
) -> dict[str, Any]:
    if len(models) > 1 or views != "centre":
        raise UserError(
            f"several files and views are for classifiers: {recipe.model} is measured with one file and --views centre."
        )
    (file,), (model,) = files, models
    try:
        task.attach(model)
    except ValueError as error:
        raise UserError(f"{file} is not a model like {recipe.model}: {first_line(error)}") from error
    data = task.load("test", recipe.batch_size // recipe.accumulate)
    check_classes(file, read_card(file).labels, recipe.dataset, data.names)
    if task.target in ("mask", "labels") and model.output_shape[-1] != data.classes:
        raise UserError(
            f"{file} has {model.output_shape[-1]} classes, and {recipe.dataset} {data.classes}: give its own data."
        )
    return evaluate_task(model, task, data)


def _classifiers(
    files: Sequence[Any], models: Sequence[keras.Model], recipe: Recipe, views: str, scales: Sequence[int]
) -> dict[str, Any]:
    size, fraction = recipe.input_shape[:2], recipe.augment.crop_fraction
    seen, loaded = None, size
    if views == "ten_crops":
        if fraction == 1:
            raise UserError("ten crops are cut from a larger picture: give --augment.crop-fraction, such as 0.875.")
        loaded, fraction = (round(size[0] / fraction), round(size[1] / fraction)), 1.0
        seen = partial(ten_crops, size=size)
    elif views == "multi_scale":
        scales = scales or tuple(round(min(size) * factor) for factor in (1, 8 / 7, 2))
        if min(scales) < min(size):
            raise BadArgument(f"scale {min(scales)} is below the network's input: at least {min(size)}.")
        loaded, fraction = (max(scales), max(scales)), 1.0
        seen, models = partial(multi_scale, short_sides=scales), [_sliding(model) for model in models]
    data = load(
        recipe.dataset,
        size=loaded,
        channels=recipe.input_shape[2],
        batch_size=recipe.batch_size // recipe.accumulate,
        split="test",
        augment={"crop": recipe.augment.crop, "crop_fraction": fraction},
        data_dir=recipe.data_dir,
        download=recipe.download,
        skip_broken=recipe.skip_broken,
    )
    for file, model in zip(files, models, strict=True):
        if model.output_shape[-1] != data.classes:
            raise UserError(
                f"{file} has {model.output_shape[-1]} classes, and {recipe.dataset} {data.classes}: give its own data."
            )
        check_classes(file, read_card(file).labels, recipe.dataset, data.names)
    return evaluate(models, data, seen)


def _sliding(model: keras.Model) -> keras.Model:
    try:
        return to_fully_convolutional(model)
    except UserError as error:
        raise UserError(f"{error} Take --views ten_crops.") from error


def _over_positions(answer: tf.Tensor) -> tf.Tensor:
    """The mean over the positions of a fully convolutional network, [B, h, w, classes] -> [B, classes]."""
    return tf.reduce_mean(answer, (1, 2)) if answer.shape.rank == 4 else answer
