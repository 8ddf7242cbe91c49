"""The stock TFLite converter's own post-training quantization, as a second engine to compare with."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_cnns.support.errors import BadArgument
from keras_cnns.tflite.file import convert
from keras_cnns.tflite.inputs.pictures import batched
from keras_cnns.tflite.quantize.job import Job

OPERATORS = {
    "int8": tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
    "int16x8": tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
}
SCHEMES = ("float32", "float16", "dynamic_int8", *OPERATORS)


def make(scheme: str, model: keras.Model, job: Job, **names: Sequence[str]) -> bytes:
    """The flatbuffer of a prepared Keras `model`, quantized by the converter itself.

    Raises:
      UserError: the converter has no such scheme, or does not support an operation.
    """
    if scheme not in SCHEMES:
        raise BadArgument(f"the stock converter has no {scheme}: choose from {', '.join(SCHEMES)}.")
    converter = convert.converter(model, job.settings.batch, **names)
    if scheme != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if scheme == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if scheme in OPERATORS:
        converter.representative_dataset = lambda: batched(job.pictures, job.batch)
        converter.target_spec.supported_ops = [OPERATORS[scheme], tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.inference_input_type, converter.inference_output_type = map(
            tf.dtypes.as_dtype, (job.settings.input_type, job.settings.output_type)
        )
    return convert.run(converter)
