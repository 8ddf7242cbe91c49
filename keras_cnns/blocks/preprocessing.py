"""From pixels 0..255 to what a set of weights was trained on."""

from dataclasses import dataclass

from keras_cnns.lazy import layers, ops

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CAFFE_MEAN = (103.939, 116.779, 123.68)  # blue, green, red, of 0..255


@dataclass(frozen=True)
class Preprocessing:
    """pixels * scale + offset, then (x - mean) / std per channel. bgr: the channels are reversed first."""

    scale: float = 1.0
    offset: float | tuple = 0.0
    mean: tuple = ()
    std: tuple = ()
    bgr: bool = False

    def __call__(self, x):
        """x: pictures, pixels 0..255, [batch, height, width, channels], red first."""
        if self.bgr and x.shape[-1] == 3:
            x = ops.flip(x, axis=-1)
        import numpy as np  # here, so that reading the tables costs nothing

        offset = self.offset
        if np.ndim(offset) and x.shape[-1] != len(offset):  # grey or many-channel pictures: one value for all
            offset = float(np.mean(offset))
        x = layers.Rescaling(self.scale, offset, name="rescaling")(x)
        if not self.mean:
            return x
        mean, std = np.array(self.mean), np.array(self.std)
        if x.shape[-1] != len(mean):
            mean, std = np.full(x.shape[-1], mean.mean()), np.full(x.shape[-1], std.mean())
        normalize = layers.Normalization(name="normalization")
        # two pixels with this mean and variance: the layer keeps them as variables, as keras.applications does
        normalize.adapt(np.stack([mean - std, mean + std]).astype("float32"))
        return normalize(x)


PREPROCESSING = {
    "none": Preprocessing(),
    "unit": Preprocessing(scale=1 / 255),
    "tf": Preprocessing(scale=1 / 127.5, offset=-1.0),
    "torch": Preprocessing(scale=1 / 255, mean=IMAGENET_MEAN, std=IMAGENET_STD),
    "caffe": Preprocessing(offset=tuple(-m for m in CAFFE_MEAN), bgr=True),
}
