"""Converts a Keras model to a float32 flatbuffer: one concrete function, a named signature, built-in operators only."""

import contextlib
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import keras
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.graph.keras_internals import input_structure, output_structure, producer
from keras_cnns.saving.keras_file import load_model
from keras_cnns.support.errors import BadArgument, UnsupportedModel, UserError, first_line
from keras_cnns.support.streams import stderr_closed
from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.file.stand_ins import StandIn, put_back, stand_ins


def load(source: keras.Model | str | Path) -> keras.Model:
    """The functional model in `source`: a built `keras.Model`, or the path of a `.keras` file.

    Raises:
      UserError: there is no such file, it cannot be read, or the model is not functional.
    """
    return _functional(load_model(source) if isinstance(source, (str, Path)) else source)


def _functional(model: keras.Model) -> keras.Model:
    if not isinstance(model, keras.Model):
        kind = f"{type(model).__module__.split('.')[0]}.{type(model).__name__}"
        raise BadArgument(f"{kind} is not a keras.Model: give one of Keras 3, or the path of a .keras file.")
    if not model.built or not getattr(model, "inputs", None):
        raise BadArgument(
            f"{model.name} has no graph of layers (it is subclassed, or not built): "
            "make it with keras.Model(inputs, outputs) or give the Sequential model a keras.Input first."
        )
    return model


def input_names(model: keras.Model) -> list[str]:
    """Signature names of the inputs, in the order of `model.inputs`; Keras's numbered default becomes "image"."""
    structure = input_structure(model)
    keys = [tensor.name for tensor in model.inputs]
    if isinstance(structure, dict):
        paths = [path for path, _ in keras.tree.flatten_with_path(structure)]
        keys = [path[-1] if isinstance(path[-1], str) else "_".join(map(str, path)) for path in paths]
    names = [_identifier(str(key)) for key in keys]
    if len(names) == 1 and re.fullmatch(r"(keras_tensor|input_layer|input)(_?\d+)*", names[0]):
        names = ["image"]
    return _distinct(names)


def output_names(model: keras.Model) -> list[str]:
    """Signature names of the outputs in flattened order: the keys of a dict, else the names of the last layers."""
    structure = output_structure(model)
    keys = ["_".join(map(str, path)) for path, _ in keras.tree.flatten_with_path(structure)]
    if not isinstance(structure, dict):
        keys = [producer(tensor).name for tensor in model.outputs]
    return _distinct([_identifier(key) for key in keys])


def serving_function(
    model: keras.Model,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    standing: Sequence[StandIn] = (),
) -> tf.types.experimental.PolymorphicFunction:
    """`model` in inference as a function of named tensors that returns a dict of named tensors.

    standing: constants that the function computes with in place of the model's kernels.
    """
    inputs, outputs = inputs or input_names(model), outputs or output_names(model)

    def serve(**tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        structure = input_structure(model)
        constants = [(s.kernel, tf.constant(s.value, shape=tuple(s.kernel.shape))) for s in standing]
        with keras.StatelessScope(state_mapping=constants) if constants else contextlib.nullcontext():
            result = model(keras.tree.pack_sequence_as(structure, [tensors[name] for name in inputs]), training=False)
        return dict(zip(outputs, keras.tree.flatten(result), strict=True))

    return tf.function(serve)


def concrete_function(
    model: keras.Model,
    batch: int | None = 1,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    standing: Sequence[StandIn] = (),
) -> tf.types.experimental.ConcreteFunction:
    """The serving function traced at a fixed batch; `batch=None` leaves it open. inputs, outputs: other names for them.

    Raises:
      UserError: another dimension of an input is open.
    """
    specs = {}
    for name, tensor in zip(inputs or input_names(model), model.inputs, strict=True):
        if None in tensor.shape[1:]:
            raise UnsupportedModel(
                f"input {name!r} of {model.name} has the open shape {tuple(tensor.shape[1:])}: "
                "build the model with a fixed input_shape, a .tflite file has inputs of one size."
            )
        specs[name] = tf.TensorSpec((batch, *tensor.shape[1:]), tensor.dtype, name)
    with answering(model):
        return serving_function(model, inputs, outputs, standing).get_concrete_function(**specs)


@contextlib.contextmanager
def answering(model: keras.Model) -> Iterator[None]:
    """Turns errors of the Keras model itself into one line: Keras builds models that cannot be called."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # whatever a layer of anybody's raises
        _, bold, message = str(error).rpartition("\x1b[1m")  # where Keras says what it was, below where it was
        message = message.partition("\x1b[0m")[0] if bold else message.rpartition("Error: ")[2]
        raise UnsupportedModel(f"{model.name} itself cannot be called: {first_line(message)}") from error


def converter(model: keras.Model, batch: int | None = 1, **names: Sequence[str]) -> tf.lite.TFLiteConverter:
    """A `tf.lite.TFLiteConverter` for `model`, which may be given options before `run`.

    The variables are passed in a plain module: with the Keras model itself, the converter writes a file that answers
    NaN, and reports no error.
    """
    holder = tf.Module()
    holder.kept = [variable.value for variable in model.variables]
    result = tf.lite.TFLiteConverter.from_concrete_functions(
        [concrete_function(model, batch, names.get("inputs"), names.get("outputs"))], holder
    )
    result.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    return result


def run(converter: tf.lite.TFLiteConverter) -> bytes:
    """The flatbuffer of a converter.

    Raises:
      UserError: an operation has no built-in operator; the message names it and its layer.
    """
    try:
        with stderr_closed():  # the converter's warnings about its own arguments
            return converter.convert()
    except Exception as error:
        raise UnsupportedModel(_explain(str(error), converter._funcs[0].graph)) from error


def to_flatbuffer(model: keras.Model, batch: int | None = 1, **names: Sequence[str]) -> bytes:
    """The float32 flatbuffer of a functional model, as bytes, with the signature "serving_default".

    names: `inputs` and `outputs`, lists of names for the signature instead of the model's own. The signature is written
    into the finished flatbuffer, because the converter takes twice the time with it (measured on MobileNetV2).
    """
    standing = stand_ins(model)
    converted = _converted(model, batch, standing, names)
    if not put_back(converted, standing):
        converted = _converted(model, batch, (), names)
    return flatbuffer.write(converted)


def _converted(
    model: keras.Model, batch: int | None, standing: Sequence[StandIn], names: Mapping[str, Sequence[str]]
) -> schema.ModelT:
    """The signed flatbuffer as an object, with stand-ins in place of the kernels that have one."""
    function = concrete_function(model, batch, **names, standing=standing)
    with stderr_closed():  # it would rather keep the signature itself
        tflite_converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    tflite_converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    tflite_converter._experimental_use_buffer_offset = True  # weights behind the flatbuffer: half the memory
    own = len(function.inputs) - len(function.captured_inputs)  # behind them stand variables and constants
    inputs = [tensor.op.name for tensor in function.inputs[:own]]
    result = flatbuffer.read(run(tflite_converter))
    flatbuffer.sign(result, inputs, sorted(function.structured_outputs))
    return result


def _explain(message: str, graph: tf.Graph) -> str:
    """What the converter means: which operations, and in which layers they stand."""
    missing = sorted(set(re.findall(r"'tf\.(\w+)' op is neither", message)))
    if not missing:
        return f"the TFLite converter failed: {first_line(message)}"
    # Operations are named model/layer/operation, the model and the layer with a number behind from their second call.
    paths = [operation.name.split("/")[1:-1] for operation in graph.get_operations() if operation.type in missing]
    layers = sorted({re.sub(r"_\d+$", "", path[0]) for path in paths if path})
    where = f" (layer {', '.join(layers)})" if layers else ""
    return (
        f"{', '.join(missing)}{where} has no built-in TFLite operator, and LiteRT on a phone runs nothing else: "
        "write that layer with other operations, or take it out and run it outside the file."
    )


def _identifier(name: str) -> str:
    name = re.sub(r"\W", "_", name, flags=re.ASCII)
    name = name if name[:1].isalpha() else f"arg_{name}"  # as TensorFlow would call it, of its own accord
    return f"{name}_" if keyword.iskeyword(name) else name


def _distinct(names: list[str]) -> list[str]:
    return [name if names.count(name) == 1 else f"{name}_{i}" for i, name in enumerate(names)]
