"""Preprocessing: turns pixels 0..255 into the input that a set of weights was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras_cnns.support.lazy_imports import layers, ops
from keras_cnns.support.types import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CAFFE_MEAN = (103.939, 116.779, 123.68)  # blue, green, red; pixels 0..255


@dataclass(frozen=True)
class Preprocessing:
    """x = pixels * scale + offset, then (x - mean) / std. Tuples hold one number for each of red, green and blue.

    Args:
      scale, offset: a number, or one for each channel.
      mean, std: one number for each channel; () leaves the second step out.
      bgr: whether the channels are reversed to blue, green, red first. The tuples are then in that order.

    Example:
      x = PREPROCESSING["torch"](pictures)  # [2, 224, 224, 3], pixels 0..255 -> normalized
    """

    scale: float | tuple = 1.0
    offset: float | tuple = 0.0
    mean: tuple = ()
    std: tuple = ()
    bgr: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        """Adds the preprocessing layers to x: pictures [batch, height, width, channels], pixels 0..255, red first.

        If the channels are treated differently, pictures of one or two channels are repeated to three, and in pictures
        of more than three channels the settings repeat. So a grey picture gives the same values as its copy in colour.
        """
        if self.uneven() and x.shape[-1] < 3:
            x = layers.Concatenate(name="colours")([x, x, x] if x.shape[-1] == 1 else [x, x[..., :1]])
        channels = x.shape[-1]
        if self.bgr and channels >= 3:
            rest = [x[..., 3:]] if channels > 3 else []
            x = ops.flip(x[..., :3] if rest else x, axis=-1)
            x = layers.Concatenate(name="colours")([x, *rest]) if rest else x
        x = layers.Rescaling(_per_channel(self.scale, channels), _per_channel(self.offset, channels), name="rescaling")(
            x
        )
        if not self.mean:
            return x
        import numpy as np  # imported here to keep `import keras_cnns` fast

        mean, std = (np.array(_per_channel(v, channels)) for v in (self.mean, self.std))
        normalize = layers.Normalization(name="normalization")
        # two pixels with this mean and variance; the layer keeps both as variables, as in keras.applications
        normalize.adapt(np.stack([mean - std, mean + std]).astype("float32"))
        return normalize(x)

    def uneven(self) -> bool:
        """Whether the three channels are treated differently."""
        return any(len(set(v)) > 1 for v in (self.scale, self.offset, self.mean, self.std) if isinstance(v, tuple))

    def coefficients(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(a, b), three numbers each, such that the result is a * pixels + b, after the reversal if there is one."""
        columns = (self.scale, self.offset, self.mean or 0.0, self.std or 1.0)
        scale, offset, mean, std = (_per_channel(v if isinstance(v, tuple) else (v,), 3) for v in columns)
        rows = list(zip(scale, offset, mean, std, strict=True))
        return tuple(s / d for s, _, _, d in rows), tuple((o - m) / d for _, o, m, d in rows)

    def same(self, other: "Preprocessing", tolerance: float = 1e-4) -> bool:
        """Whether both give the same numbers, up to `tolerance` times the range of the output."""
        if self.bgr != other.bgr:
            return False
        ours, theirs = self.coefficients(), other.coefficients()
        limit = max(abs(a) for a in ours[0]) * 255 * tolerance
        slopes_agree = all(abs(a - b) * 255 <= limit for a, b in zip(ours[0], theirs[0], strict=True))
        return slopes_agree and all(abs(a - b) <= limit for a, b in zip(ours[1], theirs[1], strict=True))


def _per_channel(values: Any, channels: int) -> Any:
    """One value for each channel; the values of a tuple repeat, and a number stays as it is."""
    return [values[i % len(values)] for i in range(channels)] if isinstance(values, tuple) else values


def named(preprocessing: Preprocessing) -> "str | Preprocessing":
    """The key in `PREPROCESSING` of an equal preprocessing, or `preprocessing` itself if there is none."""
    return next((name for name, known in PREPROCESSING.items() if known.same(preprocessing)), preprocessing)


def of_unit_range(mean: Sequence[float], std: Sequence[float]) -> "str | Preprocessing":
    """The preprocessing with this mean and deviation of pixels scaled to 0..1, as torch's libraries state them."""
    return named(Preprocessing(scale=1 / 255, mean=tuple(map(float, mean)), std=tuple(map(float, std))))


PREPROCESSING = {
    "none": Preprocessing(),
    "bgr": Preprocessing(bgr=True),
    "unit": Preprocessing(scale=1 / 255),
    "tf": Preprocessing(scale=1 / 127.5, offset=-1.0),
    "torch": Preprocessing(scale=1 / 255, mean=IMAGENET_MEAN, std=IMAGENET_STD),
    "caffe": Preprocessing(offset=tuple(-m for m in CAFFE_MEAN), bgr=True),
}
