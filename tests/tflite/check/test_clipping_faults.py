"""MAXIMUM in int8 files of TensorFlow's converter: what its range cuts off is found, and what it may cut off is not."""

import numpy as np
import pytest
import tensorflow as tf

from keras_cnns.tflite.check.check import check
from keras_cnns.tflite.check.faults import faults
from keras_cnns.tflite.file.reader import read_contents

SHAPE = (1, 8, 8, 3)
ACTIVATIONS = {
    "leaky": lambda x: tf.maximum(x, 0.1 * x),
    "negative": lambda x: tf.maximum(x, -0.5 * x),
    "of a mirror image": lambda x: tf.minimum(x, 3.0 * tf.reverse(x, [1])),
    "maxout": lambda x: tf.maximum(*tf.split(x, 2, -1)),
    "operator": lambda x: tf.nn.leaky_relu(x, 0.1),
    "floor": lambda x: tf.maximum(x, -0.2),
}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pictures():
    pictures = np.random.default_rng(1).integers(0, 256, (16, *SHAPE[1:])).astype(np.uint8)
    pictures[0, 0, 0], pictures[0, 0, 1] = 0, 255
    return pictures


def codes(activation, pictures, folder, *, run):
    """The codes of the findings about an int8 file with the activation behind a convolution, notes left out."""
    kernel = tf.constant(np.random.default_rng(0).normal(size=(1, 1, 3, 8)), tf.float32)

    @tf.function(input_signature=[tf.TensorSpec(SHAPE)])
    def network(image):
        return ACTIVATIONS[activation](tf.nn.conv2d(image / 255.0 - 0.5, kernel, 1, "SAME"))

    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([picture[None].astype(np.float32)] for picture in pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    path = folder / "net.tflite"
    path.write_bytes(converter.convert())
    findings = check(path, pictures=pictures).findings if run else faults(read_contents(path))
    return [finding.code for finding in findings if finding.severity != "note"]


@pytest.mark.parametrize(
    ("activation", "found"),
    [("negative", ["choice-range"]), ("of a mirror image", ["result-scale"])]
    + [(activation, []) for activation in ("leaky", "maxout", "operator", "floor")],
)
def test_what_the_file_shows(activation, found, pictures, tmp_path):
    assert codes(activation, pictures, tmp_path, run=False) == found


@pytest.mark.parametrize(("activation", "found"), [("leaky", ["choice-range"]), ("operator", []), ("floor", [])])
def test_what_a_run_on_pictures_shows(activation, found, pictures, tmp_path):
    assert codes(activation, pictures, tmp_path, run=True) == found
