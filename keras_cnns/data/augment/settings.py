"""The settings of augmentation in a recipe. `apply.py`, `geometric.py` and `mix.py` apply them."""

from dataclasses import dataclass, fields
from typing import Any

from keras_cnns.support.errors import BadArgument, nearest
from keras_cnns.support.validation import check_fields, short

CROPS = ("centre", "whole", "random", "random_resized")
POLICIES = ("", "randaugment", "autoaugment")


@dataclass(frozen=True)
class Augment:
    """The augmentation of one recipe, in the order in which it is applied. The defaults change nothing.

    Raises:
      UserError: a value is impossible; the message names the field.

    Example:
      >>> Augment(crop="random_resized", mirror=True, jitter=0.4)
    """

    crop: str = "centre"  # of the original picture; "random": of the resized picture; "random_resized": GoogLeNet's
    crop_fraction: float = 1.0  # of the centre crop, in evaluation too; 224 / 256 in most papers
    scale: tuple[float, float] = (256 / 224, 256 / 224)  # random: short side / crop; ResNet: (256/224, 480/224)
    area: tuple[float, float] = (0.08, 1.0)  # random_resized: part of the picture's area
    ratio: tuple[float, float] = (3 / 4, 4 / 3)  # random_resized: width over height
    pad: int = 0  # largest shift in pixels; uncovered pixels are black (ResNet on CIFAR: 4)
    distort: float = 0.0  # LeNet's scaling, squeezing and shearing, each at most this; uncovered pixels are black
    policy: str = ""  # randaugment or autoaugment (its ImageNet policy)
    layers: int = 2  # RandAugment's N: operations a picture
    magnitude: float = 9.0  # RandAugment's M, of 10
    erase: float = 0.0  # probability of a random rectangle of noise
    mirror: bool = False  # every second picture; not for digits and letters
    jitter: float = 0.0  # largest change of brightness, contrast, saturation, a fraction, in random order (Howard: 0.4)
    hue: float = 0.0  # largest turn, as a fraction of the colour circle
    pca_noise: float = 0.0  # AlexNet's, standard deviation (0.1 there)
    zoom: tuple[float, float] = (1.0, 1.0)  # boxes, masks: factors on the size at which a picture fits
    mosaic: float = 0.0  # boxes, masks: probability that four pictures are put together
    mixup: float = 0.0  # alpha: two pictures and their labels are blended; labels become one-hot
    cutmix: float = 0.0  # alpha: a rectangle shows another picture; with mixup too, each picture gets one of the two

    def __post_init__(self) -> None:
        check_fields(self, "augment.")
        for name in ("scale", "area", "ratio", "zoom"):
            low, high = getattr(self, name)
            object.__setattr__(self, name, (low, high))  # JSON has lists only
            if not 0 < low <= high:
                raise BadArgument(f"augment.{name} is ({low}, {high}): give the lower bound first, and both above 0.")
        if self.area[1] > 1 or self.scale[0] < 1:
            raise BadArgument(
                f"augment.area is {self.area} and augment.scale {self.scale}: give an area of at most 1, a scale of "
                "at least 1."
            )
        for name, known in (("crop", CROPS), ("policy", POLICIES)):
            if getattr(self, name) not in known:
                value = getattr(self, name)
                raise BadArgument(
                    f"there is no augment.{name} {value!r}: choose from "
                    f"{', '.join(map(repr, known))}.{nearest(value, known)}"
                )
        shapes, colours = ("pad", "distort", "erase"), ("layers", "magnitude", "jitter", "hue", "pca_noise")
        for name in (*shapes, *colours, "mixup", "cutmix", "mosaic"):
            if not getattr(self, name) >= 0:
                raise BadArgument(f"augment.{name} is {getattr(self, name)}: give 0 or more.")
        for name, most in (("distort", 0.9), ("erase", 1), ("mosaic", 1), ("hue", 0.5), ("jitter", 1), ("layers", 20)):
            if getattr(self, name) > most:
                raise BadArgument(f"augment.{name} is {getattr(self, name)}: give at most {most}.")
        if not 0 < self.crop_fraction <= 1:
            raise BadArgument(f"augment.crop_fraction is {self.crop_fraction}: give a fraction above 0, up to 1.")

    @property
    def changes(self) -> bool:
        """Whether anything but mixing changes a picture after its crop."""
        colours = self.jitter or self.hue or self.pca_noise
        return bool(self.pad or self.distort or self.policy or self.erase or self.mirror or colours)

    @property
    def mixes(self) -> bool:
        """Whether pictures are mixed, so that labels are one-hot."""
        return bool(self.mixup or self.cutmix)

    def random_settings(self) -> dict[str, Any]:
        """The settings that change labelled pictures at random: {name: the value that switches it off}."""
        names = ("pad", "distort", "policy", "erase", "mirror", "jitter", "hue", "pca_noise", "mixup", "cutmix")
        off = {field.name: field.default for field in fields(self) if field.name in names and getattr(self, field.name)}
        return off | ({"crop": "centre"} if self.crop in ("random", "random_resized") else {})

    @classmethod
    def of(cls, settings: "Augment | dict[str, Any] | None") -> "Augment":
        """An `Augment` from a dict of settings, from an `Augment`, or from None (the defaults).

        Raises:
          UserError: there is no such setting.
        """
        if isinstance(settings, cls):
            return settings
        if not (settings is None or isinstance(settings, dict)):
            raise BadArgument(f"augment is {short(settings)}: it must be a dict of settings by name.")
        known = [f.name for f in fields(cls)]
        for name in settings or {}:
            if name not in known:
                raise BadArgument(f"augment has no {name!r}.{nearest(name, known)} It has {', '.join(known)}.")
        return cls(**(settings or {}))
