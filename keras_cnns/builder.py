"""`build` and `info`. (`keras_cnns.build` is the function, so this module has another name.)"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from os import PathLike
from typing import TYPE_CHECKING, Any

from keras_cnns.blocks.initial import draw_missing
from keras_cnns.registry.assemble import assemble, checked_shape
from keras_cnns.registry.registry import ARGUMENTS, counts, entry, row
from keras_cnns.support.errors import BadArgument, UnsupportedModel, UserError, first_line
from keras_cnns.weights.load import read_weights

if TYPE_CHECKING:
    import keras

# an argument of other libraries -> what it is called here
ELSEWHERE = {
    "num_classes": "classes=",
    "pretrained": 'weights="imagenet"',
    "checkpoint_path": "weights=FILE",
    "in_chans": "input_shape=(height, width, channels)",
    "in_channels": "input_shape=(height, width, channels)",
    "img_size": "input_shape=(height, width, channels)",
    "image_size": "input_shape=(height, width, channels)",
    "global_pool": "pooling=",
    "dropout_rate": "dropout=",
    "drop_rate": "dropout=",
    "drop_connect_rate": "drop_connect=",
    "drop_path_rate": "drop_connect=",
}


def build(
    network: str | None = None,
    /,
    *,
    weights: str | PathLike | None = None,
    include_top: bool = True,
    input_shape: tuple[int | None, int | None, int] | None = None,
    input_tensor: keras.KerasTensor | None = None,
    classes: int | None = None,
    pooling: str | None = None,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    include_preprocessing: bool | None = None,
    features_only: bool = False,
    **overrides: Any,
) -> keras.Model:
    """Builds a network by name. The arguments are those of keras.applications, with the same meanings.

    >>> model = keras_cnns.build("mobilenet_v2", width=0.35, input_shape=(96, 96, 3), classes=5)
    >>> model = keras_cnns.build("resnet50", weights="imagenet")

    Args:
      network: one of `list_models()`.
      weights: None (random initial values), a file, an address, or "imagenet", "keras", "torchvision" or "timm" for
        published weights; see `load_weights`. Padding rule, epsilon and preprocessing follow the weights.
      include_top: keep the classifier; without it the model ends in the last level.
      input_shape: (height, width, channels); by default as published. Height and width may be None if the network ends
        in global pooling.
      input_tensor: a Keras tensor [batch, height, width, channels] to use as the picture.
      classes: by default as many as the weights have, or as published.
      pooling: without the classifier: None, "avg" or "max" over the last level.
      classifier_activation: "softmax", or None for logits.
      name: of the model; by default the network's.
      include_preprocessing: the model takes pixels 0 to 255 and scales them itself. None means False, with a warning
        if the weights were trained in a network that did.
      features_only: return a dict of the levels "C1" to "C5"; level n is 2**n times smaller than the picture.
      **overrides: columns of the network's row in its paper's table, such as `width=0.35`; `info(name)["columns"]`
        lists them. keras.applications' `alpha` is accepted for `width`.

    Returns:
      A functional `keras.Model` of [batch, height, width, channels].

    Raises:
      UserError: an unknown name or column, an argument out of range, a shape that is too small, weights of another
        network, or too little memory.
    """
    if network is None:  # build(name="resnet50")
        network, name = name, None
    model_entry = entry(network)
    overrides = _renamed(model_entry, overrides)
    net = row(model_entry, overrides)
    if weights is not None:
        weight_set = read_weights(network, weights, net)
        columns = weight_set.columns(net, overrides)
        net = row(model_entry, columns | {k: v for k, v in overrides.items() if k != "columns" or k not in columns})
        classes = weight_set.classes() if classes is None else classes
    if input_tensor is None:
        input_shape = checked_shape(network, net, input_shape)
    options = {
        "include_top": include_top,
        "input_shape": input_shape,
        "classes": classes,
        "pooling": pooling,
        "classifier_activation": classifier_activation,
        "name": _model_name(name),
        "include_preprocessing": bool(include_preprocessing),
        "features_only": features_only,
        "drawn": weights is None,
    }
    attached = None  # the same network on the caller's tensor; the layers before it have other weights
    try:
        if input_tensor is not None:
            attached = assemble(model_entry, net, **options | {"input_tensor": input_tensor})
            options["input_shape"] = tuple(input_tensor.shape[1:])
        model = attached if attached is not None and weights is None else assemble(model_entry, net, **options)
    except UserError:
        raise
    except Exception as error:  # whatever Keras and its backend raise about a column, a shape, memory
        raise _failed(error, str(network), overrides, classes, input_shape) from error
    if weights is not None:
        weight_set.told(net, include_preprocessing, overrides)
        weight_set.into(model, net)
        draw_missing(model)
        if attached is not None:
            for layer in model.layers:
                if layer.weights:
                    attached.get_layer(layer.name).set_weights(layer.get_weights())
            model = attached
        if weight_set.labels and not features_only and model.output_shape[-1] == len(weight_set.labels):
            model.class_names = tuple(weight_set.labels)
    return model


def _renamed(model_entry: Any, overrides: dict[str, Any]) -> dict[str, Any]:
    """The overrides with keras.applications' `alpha` renamed. Raises BadArgument for other libraries' arguments."""
    for word in overrides:
        if word in ELSEWHERE and not hasattr(model_entry.variant, word):
            raise BadArgument(f"{model_entry.name} has no column {word!r}: write {ELSEWHERE[word]} instead.")
    if hasattr(model_entry.variant, "width") and "width" not in overrides:
        return {("width" if key in ("alpha", "width_mult") else key): value for key, value in overrides.items()}
    return overrides


def _model_name(name: Any) -> str | None:
    if name is None or isinstance(name, str) and name and "/" not in name:
        return name
    raise BadArgument(f"name is {name!r}: it must be a string without a slash.")


def _failed(
    error: Exception, network: str, overrides: Mapping[str, Any], classes: int | None, input_shape: Any
) -> UserError:
    """The one-line error for what Keras raised."""
    if isinstance(error, MemoryError) or "ResourceExhausted" in type(error).__name__:
        values = {**overrides, **({} if classes is None else {"classes": classes})}
        words = ", ".join(f"{key} {value}" for key, value in values.items()) or "these arguments"
        return UserError(f"there is not enough memory for {network} with {words}.")
    columns = f"with {dict(overrides)} " if overrides else ""
    return UnsupportedModel(f"{network} cannot be built {columns}for pictures of {input_shape}: {first_line(error)}")


def info(name: str, **overrides: Any) -> dict[str, Any]:
    """Facts about a network, without building it: paper, year, input shape, parameters, multiply-adds, task, columns.

    Args:
      name: one of `list_models()`.
      **overrides: as for `build`; the network is then built and counted.

    Returns:
      A dict. "params" counts all variables, statistics of batch normalization included; "macs" are multiply-adds per
      picture.

    Raises:
      UserError: an unknown name or column.

    >>> keras_cnns.info("resnet50")["params"]
    25636712
    """
    model_entry = entry(name)
    overrides = _renamed(model_entry, overrides)
    net = row(model_entry, {k: v for k, v in overrides.items() if k not in ARGUMENTS})
    if overrides:
        from keras_cnns.profiling.layer_table import totals

        totals_of_network = totals(build(name, **overrides))
    else:
        totals_of_network = counts()[name]
    paper = model_entry.paper
    return {
        "name": name,
        "family": model_entry.family,
        "task": net.task,
        "paper": f"{paper.authors} {paper.year}, {paper.title}, {paper.where}",
        "year": paper.year,
        "input_shape": tuple(overrides.get("input_shape") or net.input_shape),
        "classes": overrides.get("classes") or net.classes,
        **totals_of_network,
        "columns": {f.name: getattr(net, f.name) for f in fields(net) if f.name not in ARGUMENTS},
    }
