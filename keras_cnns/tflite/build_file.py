"""Builds the flatbuffers of a model: in float32, to compare with, and in a scheme."""

import gc

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.reader import read
from keras_cnns.support.errors import UserError
from keras_cnns.tflite.aware import convert as aware
from keras_cnns.tflite.aware.fake_quant import FakeQuant, unrounded_layers
from keras_cnns.tflite.file import convert, flatbuffer
from keras_cnns.tflite.file.biases import with_biases
from keras_cnns.tflite.file.input_copy import with_copied_inputs
from keras_cnns.tflite.file.sparse_weights import with_sparse_weights
from keras_cnns.tflite.float_model import FloatModel
from keras_cnns.tflite.quantize import schemes, stock
from keras_cnns.tflite.quantize.job import Job
from keras_cnns.tflite.rewrite.equalize import prepared_equally
from keras_cnns.tflite.rewrite.int8_forms import to_int8_forms
from keras_cnns.tflite.rewrite.prepare import main_outputs, prepared
from keras_cnns.tflite.rewrite.sparse_form import to_sparse_form
from keras_cnns.tflite.targets.litert_interpreter import CLASS_MAP
from keras_cnns.tflite.targets.target import Rewrites

LARGE = 2**26  # bytes of a file; the memory of a smaller model may wait for Python's own collection
NOTE = (
    "{} kernels are mostly zero and stored as sparse tensors, which GPU delegates do not take: "
    "FileSettings(sparse_weights=False) stores them as others"
)


def build(float_model: FloatModel, scheme: str, job: Job) -> tuple[bytes, bytes]:
    """(in float32, in `scheme`), with outputs in the model's order and without auxiliary classifiers (`main_outputs`).

    Raises:
      UserError: the converter or the quantizer does not support something in the model.
    """
    make = _trained_for_int8 if float_model.is_quantization_aware else _converted
    reference, data = make(float_model, scheme, job)
    if len(float_model.outputs) > 1:
        reference, data = (flatbuffer.in_order(file, float_model.outputs) for file in (reference, data))
    if CLASS_MAP in float_model.outputs:
        data = flatbuffer.sharing(data)  # the map's kernel is the dense layer's: stored once
    if job.rewrites.nonzero_biases:
        data = with_biases(data)
    if job.rewrites.copied_inputs:
        data = with_copied_inputs(data)
    if _may_be_sparse(scheme, job):
        data, count = with_sparse_weights(data)
        if count:
            job.notes.append(NOTE.format(count))
    return reference, data


def _converted(float_model: FloatModel, scheme: str, job: Job) -> tuple[bytes, bytes]:
    kept = main_outputs(float_model.outputs, [tensor.shape for tensor in float_model.model.outputs])
    names = {"inputs": float_model.inputs, "outputs": [float_model.outputs[i] for i in kept]}
    row, settings = schemes.find(scheme), job.settings

    forms = job.rewrites if row.int8_forms else None

    def lean(int8_forms: Rewrites | None) -> Graph:
        return prepared(float_model.graph.copy(), outputs=kept, int8_forms=int8_forms)

    def for_int8(int8_forms: Rewrites) -> Graph | None:
        """The graph in the forms of int8; None if it is `lean(None)`."""
        if (equal := prepared_equally(float_model.graph.copy(), kept, int8_forms)) is not None:
            return equal
        if int8_forms.scaled_input != "convolution":  # decided before the other forms
            return lean(int8_forms)
        return graph if to_int8_forms(graph := lean(None), int8_forms) else None

    def float_file(graph: Graph) -> bytes:
        data = convert.to_flatbuffer(graph.build(release=True), settings.batch, **names)
        if len(data) > LARGE:  # the built model refers to itself, and Python counts objects, not their bytes
            gc.collect()
        return data

    def in_float32(int8_forms: Rewrites | None) -> bytes:
        def make() -> bytes:
            graph = lean(None) if int8_forms is None else for_int8(int8_forms)
            if graph is None:
                return in_float32(None)
            return float_file(graph)

        return job.shared.once(("float32", int8_forms, settings.batch), make)

    reference = in_float32(None)  # what the file is compared with is the float32 file that would be shipped
    if settings.engine == "converter":
        graph = (forms and for_int8(forms)) or lean(None)
        return reference, stock.make(scheme, graph.build(), job, **names)
    sparse = _may_be_sparse(scheme, job) and to_sparse_form(graph := lean(None))
    floats = float_file(graph) if sparse else in_float32(forms)
    data = schemes.make(scheme, floats, job)
    inputs, outputs = (kind == "uint8" for kind in (settings.input_type, settings.output_type))
    return reference, flatbuffer.as_uint8(data, inputs=inputs, outputs=outputs) if inputs or outputs else data


def _may_be_sparse(scheme: str, job: Job) -> bool:
    return schemes.find(scheme).sparse and job.settings.sparse_weights and job.rewrites.sparse_weights


def _trained_for_int8(float_model: FloatModel, scheme: str, job: Job) -> tuple[bytes, bytes]:
    model, settings = float_model.model, job.settings
    if scheme != "int8":
        raise UserError(f"{model.name} was trained to be int8: scheme {scheme!r} would discard that. Use int8.")
    if added := unrounded_layers(float_model.graph):
        job.notes.append(
            f"{', '.join(added)} stayed in float32, because they were added after quantization_aware(). Call it on the "
            "whole model instead to have them in int8."
        )
    graph = read(aware.frozen(model))
    graph.rewrite(lambda node, uses: node.input if node.is_a(FakeQuant) else None)
    names = {"inputs": float_model.inputs, "outputs": float_model.outputs}
    reference = convert.to_flatbuffer(graph.build(), settings.batch, **names)
    types = {"input_type": settings.input_type, "output_type": settings.output_type}
    return reference, aware.convert(model, batch=settings.batch, **types)
