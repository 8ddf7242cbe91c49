"""From pixels 0..255 to what a set of weights was trained on."""

from dataclasses import dataclass

from keras_cnns.support.lazy_imports import layers, ops

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CAFFE_MEAN = (103.939, 116.779, 123.68)  # blue, green, red, of 0..255


@dataclass(frozen=True)
class Preprocessing:
    """pixels * scale + offset, then (x - mean) / std; per channel where tuples are given. bgr: reversed first."""

    scale: float | tuple = 1.0
    offset: float | tuple = 0.0
    mean: tuple = ()
    std: tuple = ()
    bgr: bool = False

    def __call__(self, x):
        """x: pictures, pixels 0..255, [batch, height, width, channels], red first.

        Where channels are treated unlike, pictures of one or two channels are made three by repeating them, and in
        pictures of more than three the colours recur: one whose channels are all alike becomes what it would as one of
        three.
        """
        if self.uneven() and x.shape[-1] < 3:
            x = layers.Concatenate(name="colours")([x, x, x] if x.shape[-1] == 1 else [x, x[..., :1]])
        channels = x.shape[-1]
        if self.bgr and channels >= 3:
            rest = [x[..., 3:]] if channels > 3 else []
            x = ops.flip(x[..., :3] if rest else x, axis=-1)
            x = layers.Concatenate(name="colours")([x, *rest]) if rest else x
        x = layers.Rescaling(_recurring(self.scale, channels), _recurring(self.offset, channels), name="rescaling")(x)
        if not self.mean:
            return x
        import numpy as np  # here, so that reading the tables costs nothing

        mean, std = (np.array(_recurring(v, channels)) for v in (self.mean, self.std))
        normalize = layers.Normalization(name="normalization")
        # two pixels with this mean and variance: the layer keeps them as variables, as keras.applications does
        normalize.adapt(np.stack([mean - std, mean + std]).astype("float32"))
        return normalize(x)

    def uneven(self):
        """Whether it treats the three channels unlike."""
        return any(len(set(v)) > 1 for v in (self.scale, self.offset, self.mean, self.std) if isinstance(v, tuple))

    def coefficients(self):
        """(a, b) of three numbers each: it computes a * pixels + b, after the reversal where there is one."""
        columns = (self.scale, self.offset, self.mean or 0.0, self.std or 1.0)
        scale, offset, mean, std = (_recurring(v if isinstance(v, tuple) else (v,), 3) for v in columns)
        rows = list(zip(scale, offset, mean, std, strict=True))
        return tuple(s / d for s, _, _, d in rows), tuple((o - m) / d for _, o, m, d in rows)

    def same(self, other, tolerance=1e-4):
        """Whether both give the same numbers; a difference of `tolerance` of one step from 0 to 255 is none."""
        if self.bgr != other.bgr:
            return False
        ours, theirs = self.coefficients(), other.coefficients()
        reach = max(abs(a) for a in ours[0]) * 255 * tolerance
        near = all(abs(a - b) * 255 <= reach for a, b in zip(ours[0], theirs[0], strict=True))
        return near and all(abs(a - b) <= reach for a, b in zip(ours[1], theirs[1], strict=True))


def _recurring(values, channels):
    """One value for each channel, the three again and again; a number stays."""
    return [values[i % len(values)] for i in range(channels)] if isinstance(values, tuple) else values


def named(preprocessing):
    """The name in `PREPROCESSING` of one that computes the same, or `preprocessing` itself."""
    return next((name for name, known in PREPROCESSING.items() if known.same(preprocessing)), preprocessing)


def of_unit_range(mean, std):
    """For pixels that are brought to 0..1 first, as torch's libraries do."""
    return named(Preprocessing(scale=1 / 255, mean=tuple(map(float, mean)), std=tuple(map(float, std))))


PREPROCESSING = {
    "none": Preprocessing(),
    "unit": Preprocessing(scale=1 / 255),
    "tf": Preprocessing(scale=1 / 127.5, offset=-1.0),
    "torch": Preprocessing(scale=1 / 255, mean=IMAGENET_MEAN, std=IMAGENET_STD),
    "caffe": Preprocessing(offset=tuple(-m for m in CAFFE_MEAN), bgr=True),
}
