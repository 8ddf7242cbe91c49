"""From a name to a Keras model: input, preprocessing, features, head and Model are joined here, for all families."""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from types import ModuleType

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.head import classifier, pool
from keras_cnns.blocks.preprocessing import PREPROCESSING
from keras_cnns.deep import with_room
from keras_cnns.errors import UserError, first_line, nearest
from keras_cnns.family import Paper, Variant
from keras_cnns.lazy import keras

# the files in models/, oldest paper first
FAMILIES = (
    "tdnn",
    "lenet",
    "alexnet",
    "zfnet",
    "nin",
    "vgg",
    "googlenet",
    "inception_v2",
    "inception_v3",
    "highway",
    "resnet",
    "resnet_cifar",
    "squeezenet",
    "resnet_v2",
    "wide_resnet",
    "wide_resnet_cifar",
    "densenet",
    "resnext",
    "inception_v4",
    "inception_resnet",
    "xception",
    "mobilenet_v1",
    "simple_cnn",
    "se_resnet",
    "mobilenet_v2",
    "mnasnet",
    "mobilenet_v3",
    "efficientnet",
    "bit",
    "efficientnet_lite",
)
ARGUMENTS = ("input_shape", "classes")  # columns that `build` takes under their own names


@dataclass(frozen=True)
class Entry:
    """One name: the module it is written in and its row there."""

    name: str
    module: ModuleType
    variant: Variant

    @property
    def family(self) -> str:
        return self.module.__name__.rsplit(".", 1)[-1]

    @property
    def paper(self) -> Paper:
        return getattr(self.module, "PAPERS", {}).get(self.name, self.module.PAPER)

    @property
    def head(self) -> Callable:
        """The family's own head, or global average pooling and one dense layer."""
        own = getattr(self.module, "head", None)
        if own:
            return own
        return lambda x, net, unit, *, classes, activation: classifier(x, net, classes=classes, activation=activation)


@cache
def registry() -> dict[str, Entry]:
    """Every name, in the order of the papers and of their tables."""
    modules = [import_module(f"keras_cnns.models.{family}") for family in FAMILIES]
    return {name: Entry(name, module, row) for module in modules for name, row in module.VARIANTS.items()}


def entry(name) -> Entry:
    """The entry called `name`. Raises UserError, with the nearest names, where there is none."""
    if name not in registry():
        raise UserError(
            f"there is no model {name!r}.{nearest(name, registry())} `keras-cnns list` shows all {len(registry())}."
        )
    return registry()[name]


def list_models(pattern="*") -> list[str]:
    """The names that match `pattern` (a shell pattern such as "resnet*"), oldest paper first."""
    return [name for name in registry() if fnmatchcase(name, pattern)]


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
    net = _row(found, overrides)
    if weights is not None:
        from keras_cnns.weights.load import read_weights

        weights = read_weights(name, weights, net)
        net = _row(found, weights.columns(net, overrides) | overrides)
    shape = _shape(name, net, input_shape)
    classes = _classes(net.classes if classes is None else classes)
    if pooling not in (None, "avg", "max"):
        raise UserError(f"pooling is {pooling!r}: it must be None, 'avg' or 'max'.")
    unit = ConvUnit(net.numerics, net.activation, net.initializer)

    image = keras.Input(shape, name="image")
    x = _preprocessing(net)(image) if include_preprocessing else image
    try:
        levels = found.module.features(x, net, unit)
        top = list(levels.values())[-1]
        if features_only:
            outputs = levels
        elif include_top:
            outputs = found.head(top, net, unit, classes=classes, activation=classifier_activation)
            if getattr(net, "auxiliary", False):
                more = found.module.auxiliary(levels, net, unit, classes=classes, activation=classifier_activation)
                outputs = [outputs, *more]
        else:
            outputs = pool(top, pooling)
    except (ValueError, TypeError, AttributeError) as error:
        if not overrides and None not in shape:
            raise
        wrong = f"with {overrides} " if overrides else ""
        raise UserError(f"{name} cannot be built {wrong}on pictures of {shape}: {first_line(error)}") from error
    model = with_room(lambda: keras.Model(image, outputs, name=name))
    if weights is not None:
        weights.into(model, net)
    return model


def info(name, **overrides) -> dict:
    """What is known of `name`, without building it: paper, year, input shape, parameters, multiply-accumulates, task.

    With overrides the network is built and counted. Parameters are all variables, batch-norm statistics included;
    multiply-accumulates are those of one picture of the published size.
    """
    found = entry(name)
    net = _row(found, {k: v for k, v in overrides.items() if k not in ARGUMENTS})
    if overrides:
        from keras_cnns.insight.profile import totals

        counts = totals(build(name, **overrides))
    else:
        from keras_cnns.models import counts as recorded

        counts = recorded()[name]
    paper = found.paper
    return {
        "name": name,
        "family": found.family,
        "task": net.task,
        "paper": f"{paper.authors} {paper.year}, {paper.title}, {paper.where}",
        "year": paper.year,
        "input_shape": tuple(overrides.get("input_shape") or net.input_shape),
        "classes": overrides.get("classes") or net.classes,
        **counts,
        "columns": {f.name: getattr(net, f.name) for f in fields(net) if f.name not in ARGUMENTS},
    }


def _row(found, overrides):
    columns = [f.name for f in fields(found.variant) if f.name not in ARGUMENTS]
    for key in overrides:
        if key not in columns:
            raise UserError(
                f"{found.name} has no column {key!r}.{nearest(key, columns)} Its columns are {', '.join(columns)}."
            )
    return replace(found.variant, **overrides)


def _shape(name, net, shape):
    shape = net.input_shape if shape is None else shape
    try:
        shape = tuple(None if n is None else int(n) for n in shape)
        height, width, channels = shape
    except (TypeError, ValueError):
        raise UserError(f"input_shape is {shape!r}: it must be (height, width, channels).") from None
    if channels is None or channels < 1:
        raise UserError(f"input_shape is {shape}: the number of channels must be at least 1.")
    if min(math.inf if n is None else n for n in (height, width)) < net.min_size:
        raise UserError(f"{name} needs pictures of at least {net.min_size}x{net.min_size}: input_shape is {shape}.")
    return shape


def _classes(classes):
    try:
        count = 0 if isinstance(classes, bool) else operator.index(classes)  # NumPy's integers too
    except TypeError:
        count = 0
    if count < 1:
        raise UserError(f"classes is {classes!r}: it must be a whole number from 1 up.")
    return count


def _preprocessing(net):
    if net.preprocessing not in PREPROCESSING:
        raise UserError(
            f"there is no preprocessing {net.preprocessing!r}: it must be one of {', '.join(PREPROCESSING)}."
        )
    return PREPROCESSING[net.preprocessing]
