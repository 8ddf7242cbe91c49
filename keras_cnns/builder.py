"""What users call: `build` and `info`. (`keras_cnns.build` is the function, so this module bears another name.)"""

from dataclasses import fields

from keras_cnns.blocks.initial import draw_missing
from keras_cnns.registry.assemble import assemble, checked_shape
from keras_cnns.registry.registry import ARGUMENTS, counts, entry, row
from keras_cnns.support.errors import UserError, first_line
from keras_cnns.weights.load import read_weights

# what other libraries call an argument, and what to write here
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
    network=None,
    /,
    *,
    weights=None,
    include_top=True,
    input_shape=None,
    input_tensor=None,
    classes=None,
    pooling=None,
    classifier_activation="softmax",
    name=None,
    include_preprocessing=None,
    features_only=False,
    **overrides,
):
    """Builds the network of that name; the arguments are those of keras.applications, with the same meanings.

    Args:
      network: one of `list_models()`.
      weights: `None` (random), or what `load_weights` takes: a file, an address, or "imagenet", "keras", "torchvision"
        or "timm". The numerics and the preprocessing they were trained with come with them.
      include_top: with the classifier; without it the model ends in the last level.
      input_shape: (height, width, channels); `None`: as published. Height and width may be None where the network
        ends in global pooling.
      input_tensor: a Keras tensor [batch, height, width, channels] that stands for the picture; its sources become the
        model's inputs.
      classes: `None`: as many as the weights have, or as published.
      pooling: without the classifier: `None`, "avg" or "max" over the last level.
      classifier_activation: "softmax", or `None` for logits.
      name: of the model; `None`: the network's.
      include_preprocessing: the model takes pixels 0..255 and brings them to its own range itself. `None`: it does not,
        and a warning says so where the weights' own network did.
      features_only: the model returns a dict of its levels, "C1" .. "C5"; level n is 2**n smaller than the picture.
      **overrides: any column of the model's row (`width=0.35`); `info(name)["columns"]` shows them. `alpha`, the word
        of keras.applications, is `width` where there is one.

    Returns:
      A functional `keras.Model` of [batch, height, width, channels].

    Raises:
      UserError: an unknown name or column, an argument that cannot be, a shape too small, weights that are not this
        network's, or no memory for the network.
    """
    if network is None:  # build(name="resnet50")
        network, name = name, None
    found = entry(network)
    overrides = _in_our_words(found, overrides)
    net = row(found, overrides)
    if weights is not None:
        weights = read_weights(network, weights, net)
        columns = weights.columns(net, overrides)
        net = row(found, columns | {k: v for k, v in overrides.items() if k != "columns" or k not in columns})
        classes = weights.classes() if classes is None else classes
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
    behind = None  # the same on the user's tensor, whose layers before it no weights are for
    try:
        if input_tensor is not None:
            behind = assemble(found, net, **options | {"input_tensor": input_tensor})
            options["input_shape"] = tuple(input_tensor.shape[1:])
        model = behind if behind is not None and weights is None else assemble(found, net, **options)
    except UserError:
        raise
    except Exception as error:  # whatever Keras and its backend say of a column, a shape, the memory
        if isinstance(error, MemoryError) or "ResourceExhausted" in type(error).__name__:
            raise UserError(f"there is not enough memory for {network} with {_said(overrides, classes)}.") from error
        wrong = f"with {overrides} " if overrides else ""
        raise UserError(
            f"{network} cannot be built {wrong}on pictures of {input_shape}: {first_line(error)}"
        ) from error
    if weights is not None:
        weights.told(net, include_preprocessing, overrides)
        weights.into(model, net)
        draw_missing(model)
        if behind is not None:
            for layer in model.layers:
                if layer.weights:
                    behind.get_layer(layer.name).set_weights(layer.get_weights())
            model = behind
        if weights.labels and not features_only and model.output_shape[-1] == len(weights.labels):
            model.class_names = tuple(weights.labels)
    return model


def _in_our_words(found, overrides):
    """The columns with keras.applications' words for them replaced. Raises UserError with what to write for others."""
    for word in overrides:
        if word in HINTS and not hasattr(found.variant, word):
            raise UserError(f"{found.name} has no column {word!r}: here one writes {HINTS[word]}.")
    if hasattr(found.variant, "width") and "width" not in overrides:
        overrides = {("width" if key in ("alpha", "width_mult") else key): v for key, v in overrides.items()}
    return overrides


def _model_name(name):
    if name is None or isinstance(name, str) and name and "/" not in name:
        return name
    raise UserError(f"name is {name!r}: it must be a text without a slash.")


def _said(overrides, classes):
    said = {**overrides, **({} if classes is None else {"classes": classes})}
    return ", ".join(f"{key} {value}" for key, value in said.items()) or "these arguments"


def info(name, **overrides) -> dict:
    """What is known of `name`, without building it: paper, year, input shape, parameters, multiply-accumulates, task.

    With overrides, which are those of `build` (`alpha` too), the network is built and counted. Parameters are all
    variables, batch-norm statistics included; multiply-accumulates are those of one picture of the published size.
    """
    found = entry(name)
    overrides = _in_our_words(found, overrides)
    net = row(found, {k: v for k, v in overrides.items() if k not in ARGUMENTS})
    if overrides:
        from keras_cnns.profiling.layer_table import totals

        counted = totals(build(name, **overrides))
    else:
        counted = counts()[name]
    paper = found.paper
    return {
        "name": name,
        "family": found.family,
        "task": net.task,
        "paper": f"{paper.authors} {paper.year}, {paper.title}, {paper.where}",
        "year": paper.year,
        "input_shape": tuple(overrides.get("input_shape") or net.input_shape),
        "classes": overrides.get("classes") or net.classes,
        **counted,
        "columns": {f.name: getattr(net, f.name) for f in fields(net) if f.name not in ARGUMENTS},
    }
