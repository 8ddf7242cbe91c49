"""Every name, and its row in its paper's table."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from keras_cnns.family.head import Head
from keras_cnns.family.protocol import Family, Row, WithLevels
from keras_cnns.family.variant import OnBackbone, Paper, Variant
from keras_cnns.models import (
    alexnet,
    backbone_unet,
    bit,
    convnext,
    convnext_v2,
    csp_darknet,
    deeplab_v3,
    deeplab_v3_plus,
    densenet,
    efficientnet,
    efficientnet_lite,
    efficientnet_v2,
    fast_rcnn,
    faster_rcnn,
    fcn,
    fpn,
    googlenet,
    highway,
    inception_resnet,
    inception_v2,
    inception_v3,
    inception_v4,
    lenet,
    lr_aspp,
    mnasnet,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    mobilenet_v4,
    nasnet,
    nin,
    regnet,
    resnet,
    resnet_cifar,
    resnet_v2,
    resnext,
    retinanet,
    se_resnet,
    simple_cnn,
    sppnet,
    squeezenet,
    ssd,
    ssdlite,
    tdnn,
    unet,
    vgg,
    wide_resnet,
    wide_resnet_cifar,
    xception,
    yolox,
    zfnet,
)
from keras_cnns.support.errors import BadArgument, nearest
from keras_cnns.support.types import Tensor
from keras_cnns.support.validation import text_of


def own_levels(module: WithLevels[Row]) -> WithLevels[Row]:
    """`module`, which mypy accepts if its rows, levels and head belong together."""
    return module


def on_backbone(module: Family[Row]) -> Family[Row]:
    """`module`, which mypy accepts if its rows and its head, which stands on the levels of other networks, fit."""
    return module


# the files in models/, oldest paper first
FAMILIES: dict[str, Family[Any]] = {
    "tdnn": own_levels(tdnn),
    "lenet": own_levels(lenet),
    "alexnet": own_levels(alexnet),
    "zfnet": own_levels(zfnet),
    "nin": own_levels(nin),
    "vgg": own_levels(vgg),
    "googlenet": own_levels(googlenet),
    "sppnet": on_backbone(sppnet),
    "fcn": on_backbone(fcn),
    "fast_rcnn": on_backbone(fast_rcnn),
    "unet": own_levels(unet),
    "backbone_unet": on_backbone(backbone_unet),
    "faster_rcnn": on_backbone(faster_rcnn),
    "inception_v2": own_levels(inception_v2),
    "inception_v3": own_levels(inception_v3),
    "highway": own_levels(highway),
    "ssd": on_backbone(ssd),
    "resnet": own_levels(resnet),
    "resnet_cifar": own_levels(resnet_cifar),
    "squeezenet": own_levels(squeezenet),
    "resnet_v2": own_levels(resnet_v2),
    "wide_resnet": own_levels(wide_resnet),
    "wide_resnet_cifar": own_levels(wide_resnet_cifar),
    "fpn": on_backbone(fpn),
    "densenet": own_levels(densenet),
    "resnext": own_levels(resnext),
    "inception_v4": own_levels(inception_v4),
    "inception_resnet": own_levels(inception_resnet),
    "xception": own_levels(xception),
    "mobilenet_v1": own_levels(mobilenet_v1),
    "deeplab_v3": on_backbone(deeplab_v3),
    "simple_cnn": own_levels(simple_cnn),
    "retinanet": on_backbone(retinanet),
    "se_resnet": own_levels(se_resnet),
    "nasnet": own_levels(nasnet),
    "mobilenet_v2": own_levels(mobilenet_v2),
    "deeplab_v3_plus": on_backbone(deeplab_v3_plus),
    "ssdlite": on_backbone(ssdlite),
    "mnasnet": own_levels(mnasnet),
    "mobilenet_v3": own_levels(mobilenet_v3),
    "lr_aspp": on_backbone(lr_aspp),
    "efficientnet": own_levels(efficientnet),
    "bit": own_levels(bit),
    "efficientnet_lite": own_levels(efficientnet_lite),
    "regnet": own_levels(regnet),
    "efficientnet_v2": own_levels(efficientnet_v2),
    "csp_darknet": own_levels(csp_darknet),
    "yolox": on_backbone(yolox),
    "convnext": own_levels(convnext),
    "convnext_v2": own_levels(convnext_v2),
    "mobilenet_v4": own_levels(mobilenet_v4),
}
NO_COLUMNS = ("input_shape", "classes", "paper")  # `build` has arguments of the first two names; the third is fixed


@dataclass(frozen=True)
class Entry:
    """One name: the family that it belongs to (a key of FAMILIES), and its row there."""

    name: str
    family: str
    variant: Variant

    @property
    def paper(self) -> Paper:
        """Where the network is published."""
        return self.variant.paper or FAMILIES[self.family].PAPER

    @property
    def head(self) -> Head[Any]:
        """The head on the network's levels."""
        return FAMILIES[self.family].HEAD

    @property
    def task(self) -> str:
        """ "classification", "segmentation" or "detection"."""
        return self.head.task

    @property
    def features(self) -> Callable[..., dict[str, Tensor]]:
        """Builds the network's own levels. Raises UserError if it stands on the levels of another network."""
        family = FAMILIES[self.family]
        if not isinstance(family, WithLevels):
            raise BadArgument(f"{self.name} has a backbone itself: choose a classifier.")
        return family.features

    @property
    def columns(self) -> list[str]:
        """The names of the columns that `build` can override."""
        return [field.name for field in fields(self.variant) if field.name not in NO_COLUMNS]


def backbone(net: OnBackbone) -> Entry:
    """The entry of the network that the row `net` has as its backbone, with the columns of `net.columns` overridden.

    Raises:
      UserError: there is no such network, or it has a backbone itself.
    """
    network = entry(net.backbone)
    if isinstance(network.variant, OnBackbone):
        raise BadArgument(f"{net.backbone} has a backbone itself: choose a classifier as the backbone.")
    return replace(network, variant=row(network, net.columns))


@cache
def registry() -> dict[str, Entry]:
    """{name: its entry}, in the order of the papers and of their tables."""
    return {
        name: Entry(name, family, variant)
        for family, module in FAMILIES.items()
        for name, variant in module.VARIANTS.items()
    }


def entry(name: object) -> Entry:
    """The entry called `name`.

    Raises:
      UserError: there is no such network; the message lists similar names.
    """
    if not isinstance(name, str) or name not in registry():
        raise BadArgument(
            f"there is no model {name!r}.{nearest(name, registry())} `keras-cnns list` shows all {len(registry())}."
        )
    return registry()[name]


def list_models(pattern: str = "*") -> list[str]:
    """The names of all networks that match `pattern` (a shell pattern such as "resnet*"), oldest paper first.

    Raises:
      BadArgument: the pattern is not a text.

    >>> keras_cnns.list_models("mobilenet_v3*")
    """
    text_of(pattern, "the pattern")
    return [name for name in registry() if fnmatchcase(name, pattern)]


def row(network: Entry, overrides: dict[str, Any]) -> Any:
    """The row of `network` with some of its columns overridden. Raises UserError for a column that it does not have."""
    check_columns(network, overrides)
    return replace(network.variant, **overrides)


def check_columns(network: Entry, names: Iterable[str]) -> None:
    """Raises UserError if one of `names` is not a column of the network's row."""
    known = network.columns
    for name in names:
        if name not in known:
            raise BadArgument(
                f"{network.name} has no column {name!r}.{nearest(name, known)} Its columns are {', '.join(known)}."
            )


@cache
def counts() -> dict[str, dict[str, int]]:
    """{name: {"params": ..., "trainable": ..., "macs": ...}}, as maintenance/record_counts.py recorded them."""
    recorded: dict[str, dict[str, int]] = json.loads(files("keras_cnns").joinpath("registry/counts.json").read_text())
    return recorded
