"""What users call: `build` and `info`. (`keras_cnns.build` is the function, so this module bears another name.)"""

from dataclasses import fields

from keras_cnns.assemble import assemble, checked_shape
from keras_cnns.errors import UserError, first_line
from keras_cnns.registry import ARGUMENTS, counts, entry, row
from keras_cnns.weights.load import read_weights


def build(
    name,
    *,
    weights=None,
    include_top=True,
    input_shape=None,
    classes=None,
    pooling=None,
    classifier_activation="softmax",
    include_preprocessing=False,
    features_only=False,
    **overrides,
):
    """Builds the network called `name`; the arguments are those of keras.applications, with the same meanings.

    Args:
      name: one of `list_models()`.
      weights: `None` (random), or what `load_weights` takes: a file, an address, or "keras", "torchvision" or "timm".
        The numerics and the preprocessing they were trained with come with them.
      include_top: with the classifier; without it the model ends in the last level.
      input_shape: (height, width, channels); `None`: as published. Height and width may be None where the network
        ends in global pooling.
      classes: `None`: as published.
      pooling: without the classifier: `None`, "avg" or "max" over the last level.
      classifier_activation: "softmax", or `None` for logits.
      include_preprocessing: the model takes pixels 0..255 and brings them to its own range itself.
      features_only: the model returns a dict of its levels, "C1" .. "C5"; level n is 2**n smaller than the picture.
      **overrides: any column of the model's row (`width=0.35`); `info(name)["columns"]` shows them.

    Returns:
      A functional `keras.Model` of [batch, height, width, channels].

    Raises:
      UserError: an unknown name or column, a shape too small, weights that are not this network's.
    """
    found = entry(name)
    net = row(found, overrides)
    if weights is not None:
        weights = read_weights(name, weights, net)
        net = row(found, weights.columns(net, overrides) | overrides)
    shape = checked_shape(name, net, input_shape)
    try:
        model = assemble(
            found,
            net,
            include_top=include_top,
            input_shape=shape,
            classes=classes,
            pooling=pooling,
            classifier_activation=classifier_activation,
            include_preprocessing=include_preprocessing,
            features_only=features_only,
        )
    except (ValueError, TypeError, AttributeError) as error:
        if isinstance(error, UserError) or not overrides and None not in shape:
            raise
        wrong = f"with {overrides} " if overrides else ""
        raise UserError(f"{name} cannot be built {wrong}on pictures of {shape}: {first_line(error)}") from error
    if weights is not None:
        weights.into(model, net)
    return model


def info(name, **overrides) -> dict:
    """What is known of `name`, without building it: paper, year, input shape, parameters, multiply-accumulates, task.

    With overrides the network is built and counted. Parameters are all variables, batch-norm statistics included;
    multiply-accumulates are those of one picture of the published size.
    """
    found = entry(name)
    net = row(found, {k: v for k, v in overrides.items() if k not in ARGUMENTS})
    if overrides:
        from keras_cnns.insight.profile import totals

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
