"""Every name, and its row in its paper's table."""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from importlib.resources import files
from types import ModuleType

from keras_cnns.blocks.head import classifier
from keras_cnns.family.protocol import Paper, Variant
from keras_cnns.support.errors import UserError, nearest

# the files in models/, oldest paper first
FAMILIES = (
    "tdnn",
    "lenet",
    "alexnet",
    "zfnet",
    "nin",
    "vgg",
    "googlenet",
    "sppnet",
    "fcn",
    "fast_rcnn",
    "faster_rcnn",
    "inception_v2",
    "inception_v3",
    "highway",
    "resnet",
    "resnet_cifar",
    "squeezenet",
    "resnet_v2",
    "wide_resnet",
    "wide_resnet_cifar",
    "fpn",
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


def backbone(net):
    """The entry of the network that the row `net` stands on, with the columns changed that the row changes."""
    found = entry(net.backbone)
    if hasattr(found.variant, "backbone"):
        raise UserError(f"{net.backbone} has a backbone itself: take a network that tells classes.")
    return replace(found, variant=row(found, net.columns))


@cache
def registry() -> dict[str, Entry]:
    """Every name, in the order of the papers and of their tables."""
    modules = [import_module(f"keras_cnns.models.{family}") for family in FAMILIES]
    return {name: Entry(name, module, row) for module in modules for name, row in module.VARIANTS.items()}


def entry(name) -> Entry:
    """The entry called `name`. Raises UserError, with the nearest names, where there is none."""
    if not isinstance(name, str) or name not in registry():
        raise UserError(
            f"there is no model {name!r}.{nearest(name, registry())} `keras-cnns list` shows all {len(registry())}."
        )
    return registry()[name]


def list_models(pattern="*") -> list[str]:
    """The names that match `pattern` (a shell pattern such as "resnet*"), oldest paper first."""
    return [name for name in registry() if fnmatchcase(name, pattern)]


def row(found, overrides):
    """The row of the entry `found` with some of its columns changed. Raises UserError for a column it has not."""
    columns = [f.name for f in fields(found.variant) if f.name not in ARGUMENTS]
    for key in overrides:
        if key not in columns:
            raise UserError(
                f"{found.name} has no column {key!r}.{nearest(key, columns)} Its columns are {', '.join(columns)}."
            )
    return replace(found.variant, **overrides)


@cache
def counts() -> dict:
    """{name: parameters, trainable parameters, multiply-accumulates}, as maintenance/record_counts.py recorded them."""
    return json.loads(files("keras_cnns").joinpath("registry/counts.json").read_text())
