"""`build` and `info`. (`keras_cnns.build` is the function, so this module has another name.)"""

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keras_cnns.blocks.initial import draw_missing
from keras_cnns.registry.arguments import checked_shape
from keras_cnns.registry.assemble import assemble
from keras_cnns.registry.registry import Entry, counts, entry, row
from keras_cnns.support.errors import BadArgument, UnsupportedModel, UserError, first_line
from keras_cnns.support.validation import check_flags
from keras_cnns.weights.load import Weights, read_weights

if TYPE_CHECKING:
    import keras

# what other libraries call an argument, and what it is called here
HINTS = {
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
    weights: str | os.PathLike[str] | None = None,
    include_top: bool = True,
    input_shape: tuple[int | None, int | None, int] | None = None,
    input_tensor: Any = None,
    classes: int | None = None,
    pooling: str | None = None,
    classifier_activation: Any = "softmax",
    name: str | None = None,
    include_preprocessing: bool | None = None,
    features_only: bool = False,
    **overrides: Any,
) -> "keras.Model":
    """Builds the network of that name. The arguments are those of keras.applications, with the same meanings.

    >>> model = keras_cnns.build("mobilenet_v2", weights="imagenet", include_preprocessing=True)
    >>> model = keras_cnns.build("resnet50_v1_5", classes=10, input_shape=(96, 96, 3))

    Args:
      network: one of `list_models()`.
      weights: `None` (random), or what `load_weights` accepts: a file, a folder, an address, or "imagenet", "keras",
        "torchvision", "timm" or "yolox". The numerics and the preprocessing of the weights come with them.
      include_top: with the classifier. Without it the model ends in the last level.
      input_shape: (height, width, channels); `None`: as published. Height and width may be None if the network ends in
        global pooling.
      input_tensor: a Keras tensor [batch, height, width, channels] that replaces the input. Its own sources become the
        inputs of the model.
      classes: the number of classes; `None`: that of the weights, or the published one.
      pooling: without the classifier: `None`, or "avg" or "max" over the last level.
      classifier_activation: "softmax", or `None` for logits.
      name: the name of the model; `None`: that of the network.
      include_preprocessing: the model takes pixels 0..255 and converts them to its own range. `None`: it does not, and
        a warning says so if the network in the file of weights did.
      features_only: the model returns a dict of its levels, "C1" .. "C5"; level n is 2**n smaller than the picture.
      **overrides: any column of the network's row (`width=0.35`); `info(name)["columns"]` lists them. `alpha`, the name
        in keras.applications, is accepted for `width`.

    Returns:
      A functional `keras.Model` of pictures float32 [batch, height, width, channels].

    Raises:
      UserError: an unknown name or column, an argument that is not valid, a picture too small, weights of another
        network, or not enough memory.
    """
    if network is None:  # build(name="resnet50")
        network, name = name, None
    check_flags(include_top=include_top, include_preprocessing=include_preprocessing, features_only=features_only)
    known = entry(network)
    overrides = _renamed(known, overrides)
    net = row(known, overrides)
    source = None if weights is None else read_weights(known.name, weights, net)
    if source is not None:
        columns = source.columns(net, overrides)
        net = row(known, columns | {k: v for k, v in overrides.items() if k != "columns" or k not in columns})
        new_classifier = classes is not None or not include_top or features_only
        classes = source.classes() if classes is None else classes
    if input_tensor is None:
        input_shape = checked_shape(known.name, net, input_shape)
    options = {
        "include_top": include_top,
        "input_shape": input_shape,
        "classes": classes,
        "pooling": pooling,
        "classifier_activation": classifier_activation,
        "name": _model_name(name),
        "include_preprocessing": bool(include_preprocessing),
        "features_only": features_only,
        "drawn": source is None,
    }
    described = {**overrides, **({} if classes is None else {"classes": classes})}
    if input_tensor is None:
        model = _assembled(known, net, options, described)
        if source is not None:
            _with_weights(model, source, net, include_preprocessing, overrides)
            source.check_classifier(allow_new=new_classifier)
        return model
    on_tensor = _assembled(known, net, options | {"input_tensor": input_tensor}, described)
    if source is not None:  # the weights are not for the layers before the user's tensor: fill a copy without those
        model = _assembled(known, net, options | {"input_shape": tuple(input_tensor.shape[1:])}, described)
        _copy_weights(_with_weights(model, source, net, include_preprocessing, overrides), on_tensor)
        source.check_classifier(allow_new=new_classifier)
    return on_tensor


def _assembled(network: Entry, net: Any, options: dict[str, Any], overrides: dict[str, Any]) -> Any:
    """`assemble`, with one line for what Keras and its backend raise about a column, a shape or the memory."""
    try:
        return assemble(network, net, **options)
    except UserError:
        raise
    except Exception as error:
        columns = ", ".join(f"{key} {value}" for key, value in overrides.items())
        if isinstance(error, MemoryError) or "ResourceExhausted" in type(error).__name__:
            with_given = f" with {columns}" if columns else ""
            raise UserError(
                f"there is not enough memory for {network.name}{with_given}: choose a smaller network or input_shape."
            ) from error
        with_given = f"with {columns} " if columns else ""
        raise UnsupportedModel(
            f"{network.name} cannot be built {with_given}for pictures of {options['input_shape']}: {first_line(error)}"
        ) from error


def _with_weights(
    model: Any, weights: Weights, net: Any, include_preprocessing: bool | None, overrides: dict[str, Any]
) -> Any:
    """`model`, with the weights assigned and the class names of the file."""
    weights.warn(net, include_preprocessing, overrides)
    weights.assign_to(model, net)
    draw_missing(model)
    if weights.labels and len(model.outputs) == 1 and model.output_shape[-1] == len(weights.labels):
        model.class_names = tuple(weights.labels)
    return model


def _copy_weights(source: Any, target: Any) -> None:
    """Gives the layers of `target` the weights of `source`'s layers of the same names, and its class names."""
    for layer in source.layers:
        if layer.weights:
            target.get_layer(layer.name).set_weights(layer.get_weights())
    if "class_names" in vars(source):
        target.class_names = source.class_names


def _renamed(network: Entry, overrides: dict[str, Any]) -> dict[str, Any]:
    """The overrides, with `alpha` and `width_mult` called `width`.

    Raises:
      BadArgument: an argument of another library, with what it is called here.
    """
    for word in overrides:
        if word in HINTS and word not in network.columns:
            raise BadArgument(f"{network.name} has no column {word!r}: write {HINTS[word]} instead.")
    if "width" in network.columns and "width" not in overrides:
        return {("width" if key in ("alpha", "width_mult") else key): v for key, v in overrides.items()}
    return overrides


def _model_name(name: Any) -> str | None:
    if name is None or isinstance(name, str) and name and "/" not in name:
        return name
    raise BadArgument(f"name is {name!r}: it must be a string without a slash.")


def info(name: str, **overrides: Any) -> dict[str, Any]:
    """What is known about a network without building it.

    >>> keras_cnns.info("mobilenet_v2")["params"]
    3538984

    Args:
      name: one of `list_models()`.
      **overrides: those of `build`. With any of them the network is built and counted.

    Returns:
      A dict of paper, year, task, input shape, classes, columns, and "params" (all variables, the statistics of batch
      normalization included), "trainable" and "macs" (multiply-accumulates of one picture of the published size).

    Raises:
      UserError: an unknown name or column, or an argument that is not valid.
    """
    network = entry(name)
    overrides = _renamed(network, overrides)
    shape, classes = overrides.get("input_shape"), overrides.get("classes")
    net = row(network, {k: v for k, v in overrides.items() if k not in ("input_shape", "classes")})
    if overrides:
        from keras_cnns.profiling.layer_table import totals

        counted = totals(build(name, **overrides))
    else:
        counted = counts()[name]
    network = replace(network, variant=net)
    return {
        "name": name,
        "family": network.family,
        "task": network.task,
        "paper": f"{network.paper.authors} {network.paper.year}, {network.paper.title}, {network.paper.where}",
        "year": network.paper.year,
        "input_shape": tuple(shape or net.input_shape),
        "classes": classes or net.classes,
        **counted,
        "columns": {column: vars(net)[column] for column in network.columns},
    }
