"""Files of other tools, for the tests of `check`: TensorFlow's converter and LiteRT Quantizer, on one small network."""

import keras
import numpy as np
import tensorflow as tf
from litert_quantizer import quantizer, recipe

SHAPE, CLASSES = (8, 8, 3), 5
SCHEMES = ("float32", "float16", "dynamic", "int8", "int8_float_ends", "int16x8")


def network():
    """Every kind of operator with weights, a sum, a pool, and two dense layers; random weights and biases."""
    keras.utils.set_random_seed(0)
    image = keras.Input(SHAPE, name="image")
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    y = keras.layers.DepthwiseConv2D(3, padding="same")(x)
    x = keras.layers.Add()([x, keras.layers.Conv2D(8, 1)(y)])
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D()(x))
    x = keras.layers.Dense(16, activation="relu")(x)
    model = keras.Model(image, keras.layers.Dense(CLASSES, activation="softmax")(x))
    rng = np.random.default_rng(0)
    model.set_weights([w + rng.normal(0, 0.1, w.shape).astype("f4") for w in model.get_weights()])
    return model


def pixels(count=16):
    """Pictures of bytes (count, 8, 8, 3), and the same as the network takes them, from -1 to 1 but for one step."""
    stored = np.random.default_rng(1).integers(0, 256, (count, *SHAPE))
    stored[0, 0, 0], stored[0, 0, 1] = 0, 255
    return stored.astype(np.uint8), (stored / 127.5 - 1).astype("f4")


def stock_files(model=None, pictures=None, schemes=SCHEMES):
    """scheme -> the bytes of TensorFlow's converter; of `network` by default."""
    if model is None:
        model, (_, pictures) = network(), pixels()
    signature = [tf.TensorSpec((1, *model.input_shape[1:]), name="image")]
    function = tf.function(lambda image: model(image, training=False), input_signature=signature)
    concrete = function.get_concrete_function()
    return {scheme: _converted(concrete, pictures, scheme) for scheme in schemes}


def _converted(concrete, pictures, scheme):
    converter, ops = tf.lite.TFLiteConverter.from_concrete_functions([concrete]), tf.lite.OpsSet
    if scheme != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if scheme == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if scheme.startswith("int"):
        # the range is wider than the pictures by one step, so that bytes are not half-way between two integers
        wide = np.concatenate([pictures, pictures[:1]])
        if pictures.max() <= 1:
            wide[-1] = 1 + 1 / 127.5
        converter.representative_dataset = lambda: ([picture[None]] for picture in wide)
        kind = ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [kind if scheme == "int16x8" else ops.TFLITE_BUILTINS_INT8]
    if scheme == "int8":
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def quantizer_files(float32):
    """scheme -> the bytes of LiteRT Quantizer, from the bytes of a float32 file."""
    files = {}
    for scheme, made_by in (("weight_only", recipe.weight_only_wi8_afp32), ("static", recipe.static_wi8_ai8)):
        tool = quantizer.Quantizer(bytearray(float32), made_by())
        calibrated = None
        if scheme == "static":
            rows = [{"image": picture[None]} for picture in pixels()[1]]
            calibrated = tool.calibrate({"serving_default": rows})
        files[scheme] = bytes(tool.quantize(calibrated).quantized_model)
    return files
