"""Values of very different sizes in int16x8 and float16: the file is right in every part, or the export says why not.

Each part of an output is compared with the Keras model by its own spread, which the test measures itself.
"""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_cnns.support.errors import UserError
from keras_cnns.tflite import export, predict

SCHEMES = ("int16x8", "float16")
RIGHT = 10  # dB of a part of the answers, against how much it varies from picture to picture
PICTURES = np.random.default_rng(0).normal(size=(96, 16, 16, 3)).astype("float32")


def level():
    image = keras.Input((16, 16, 3))
    return image, layers.Conv2D(8, 3, strides=4, padding="same", activation="relu")(image)


def boxes_and_scores(size):
    """[N, 16, 6]: four sides up to `size`, and two scores up to 1."""
    image, x = level()
    boxes = layers.Reshape((16, 4))(ops.sigmoid(layers.Conv2D(4, 1)(x)) * size)
    scores = layers.Reshape((16, 2))(ops.sigmoid(layers.Conv2D(2, 1)(x)))
    return keras.Model(image, layers.Concatenate()([boxes, scores])), (np.s_[..., :4], np.s_[..., 4:])


def depth_and_mask(size):
    """Two maps in one tensor, channels first."""
    image, x = level()
    depth = ops.sigmoid(layers.Conv2D(1, 1)(x)) * size
    maps = layers.Concatenate()([depth, ops.sigmoid(layers.Conv2D(1, 1)(x))])
    return keras.Model(image, layers.Permute((3, 1, 2))(maps)), (np.s_[:, :1], np.s_[:, 1:])


def number(mean, spread):
    """One number that varies little beside its size."""
    image, x = level()
    last = layers.Dense(1)
    model = keras.Model(image, last(layers.Flatten()(x)))
    kernel, _ = last.get_weights()
    answers = model.predict(PICTURES, verbose=0)
    last.set_weights([kernel * spread / answers.std(), np.array([mean], "float32")])
    return model, (np.s_[:, :],)


def coordinates(size):
    """Two numbers from a bare linear layer, which could be scores of classes."""
    image, x = level()
    last = layers.Dense(2)
    model = keras.Model(image, last(layers.Flatten()(x)))
    last.set_weights([last.get_weights()[0] * size, np.array([size, size / 2], "float32")])
    return model, (np.s_[:, :1], np.s_[:, 1:])


def small_kernels(factor):
    """Kernels that half floats hold as zero, subnormal or infinite, and a factor behind that makes up for it."""
    image, x = level()
    last = layers.Conv2D(4, 1, use_bias=False)
    model = keras.Model(image, layers.GlobalAveragePooling2D()(last(x)) / factor)
    last.set_weights([last.get_weights()[0] * factor])
    return model, (np.s_[:, :],)


CASES = {
    "boxes of 640 and scores": lambda: boxes_and_scores(640.0),
    "boxes of a million and scores": lambda: boxes_and_scores(1e6),
    "depth of 4000 and mask": lambda: depth_and_mask(4000.0),
    "depth of a billion and mask": lambda: depth_and_mask(1e9),
    "2003 and its spread of .5": lambda: number(2003, 0.5),
    "100,000 and its spread of 2": lambda: number(1e5, 2),
    "two coordinates": lambda: coordinates(100.0),
    "kernels of 1e-9": lambda: small_kernels(1e-9),
    "kernels of 1e-7": lambda: small_kernels(1e-7),
    "kernels of 1e6": lambda: small_kernels(1e6),
}


def decibels(right, answer):
    error, varies = np.sum((right - answer) ** 2), np.sum((right - right.mean(0)) ** 2)
    return 10 * np.log10(varies / error) if error else 200.0


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("case", CASES)
def test_a_file_that_passes_is_right_in_every_part(case, scheme, tmp_path):
    keras.utils.set_random_seed(0)
    model, parts = CASES[case]()
    right = model.predict(PICTURES[48:], verbose=0).astype("float64")
    path = tmp_path / "net.tflite"
    try:
        report = export(model, path, scheme=scheme, calibration=PICTURES[:48], images=PICTURES[48:])
    except UserError as error:
        assert "\n" not in str(error) and not path.exists()
        return
    answer = predict(path, PICTURES[48:])
    reached = [decibels(right[part], answer[part].astype("float64")) for part in parts]
    assert min(reached) >= RIGHT or (report.status != "pass" and report.reasons)
