"""A model's, or an ensemble's, metrics on a data set, over one view of every picture or the mean of several."""

from functools import partial
from pathlib import Path

import tensorflow as tf

from keras_cnns.data.classes import check as check_classes
from keras_cnns.data.pipeline import load
from keras_cnns.data.views import multi_scale, ten_crops
from keras_cnns.graph.fully_convolutional import to_fully_convolutional
from keras_cnns.registry.registry import entry
from keras_cnns.saving.card import read_card
from keras_cnns.saving.keras_file import load_model
from keras_cnns.support.atomic_files import write_json
from keras_cnns.support.devices import compile_with_xla
from keras_cnns.support.errors import UserError
from keras_cnns.tasks.classification.measures import report, tally


def evaluate(models, data, views=None):
    """Metrics (see `tasks.classification.report`) of a Keras model on `data.dataset`: (image, label[, weight]) batches.

    models: one model that answers probabilities, or several: their mean probability is measured, which is how
      checkpoints are put together as an ensemble (Krizhevsky et al. 2012, section 6).
    views: pictures -> their views (see `views.py`), over which the probabilities are averaged as well.
    """
    models = models if isinstance(models, list | tuple) else [models]

    @tf.function(jit_compile=compile_with_xla())
    def probabilities(view):
        answers = [tf.cast(model(view, training=False), tf.float32) for model in models]
        return tf.add_n([_over_positions(answer) for answer in answers]) / len(models)

    @tf.function(reduce_retracing=True)
    def counts(image, label, weight):
        seen = views(image) if views else [image]
        return tally(tf.add_n([probabilities(view) for view in seen]) / len(seen), label, weight)

    sums = None
    for image, label, *weight in data.dataset:
        more = counts(image, label, weight[0] if weight else tf.ones(tf.shape(label)[0]))
        sums = more if sums is None else [a + b for a, b in zip(sums, more, strict=True)]
    return report(sums, data.names)


def _sliding(model):
    try:
        return to_fully_convolutional(model)
    except UserError as error:
        raise UserError(f"{error} Take --views ten_crops.") from error


def _over_positions(answer):
    """[B, classes]: a fully convolutional network answers at every position, [B, h, w, classes]."""
    return tf.reduce_mean(answer, (1, 2)) if answer.shape.rank == 4 else answer


def evaluate_files(files, recipe, views="centre", scales=()):
    """Metrics of `.keras` files, several together as an ensemble, on the held-out pictures of `recipe`.

    views: "centre": what the trainer measures. "ten_crops": of the centred square the recipe's crop_fraction is cut
      from. "multi_scale": that square resized to `scales`, the networks applied fully convolutionally.

    Returns:
      The metrics, and under "file" the name of the JSON file in the run folder that holds them.

    Raises:
      UserError: a file or the data cannot be used; the models do not fit the recipe or its labels.
    """
    task = entry(recipe.model).task
    if task != "classification":
        raise UserError(f"--evaluate measures networks that tell classes, and {recipe.model} is for {task}.")
    models = [load_model(file) for file in files]
    size, fraction = recipe.input_shape[:2], recipe.augment.crop_fraction
    for file, model in zip(files, models, strict=True):
        if model.input_shape[1:] != recipe.input_shape:
            raise UserError(f"{file} takes {model.input_shape[1:]}: give --input-shape as it was trained with.")
    seen, loaded = None, size
    if views == "ten_crops":
        if fraction == 1:
            raise UserError("ten crops are cut from a larger picture: give --augment.crop-fraction, such as 0.875.")
        loaded, fraction = tuple(round(side / fraction) for side in size), 1.0
        seen = partial(ten_crops, size=size)
    elif views == "multi_scale":
        scales = scales or tuple(round(min(size) * factor) for factor in (1, 8 / 7, 2))
        if min(scales) < min(size):
            raise UserError(f"scale {min(scales)} is below the network's input: at least {min(size)}.")
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
            raise UserError(f"{file} knows {model.output_shape[-1]} classes, and {recipe.dataset} has {data.classes}.")
        check_classes(file, read_card(file).labels, recipe.dataset, data.names)
    name = f"evaluation_{views}.json"
    metrics = {"models": [str(file) for file in files], "views": views, "scales": list(scales)}
    metrics |= evaluate(models, data, seen)
    write_json(Path(recipe.out) / name, metrics)
    return {**metrics, "file": name}
