"""The flatbuffers of a network: in floats, to be compared with, and in a scheme."""

from keras_cnns.graph.reader import read
from keras_cnns.support.errors import UserError
from keras_cnns.tflite.aware import convert as aware
from keras_cnns.tflite.aware.fake_quant import FakeQuant
from keras_cnns.tflite.file import convert, flatbuffer
from keras_cnns.tflite.quantize import schemes, stock
from keras_cnns.tflite.rewrite.prepare import main_outputs, prepared
from keras_cnns.tflite.targets.litert_interpreter import CLASS_MAP


def flatbuffers(network, scheme, row, job, engine):
    """(in float32, in `scheme`) of a `Network`, outputs in its order; without auxiliary classifiers (`main_outputs`).

    Raises:
      UserError: the converter or the quantizer has no way for something in it.
    """
    plain, made = _made(network, scheme, row, job, engine)
    if len(network.outputs) > 1:
        plain, made = (flatbuffer.in_order(data, network.outputs) for data in (plain, made))
    return plain, flatbuffer.sharing(made) if CLASS_MAP in network.outputs else made  # the dense layer's kernel, once


def _made(network, scheme, row, job, engine):
    names = {"inputs": network.inputs, "outputs": network.outputs}
    if network.is_quantization_aware:
        return _trained_for_int8(network.model, names, scheme, job)
    kept = main_outputs(network.outputs, [tensor.shape for tensor in network.model.outputs])
    names["outputs"] = [network.outputs[i] for i in kept]

    def lean(int8_forms):
        return prepared(network.graph.copy(), outputs=kept, int8_forms=int8_forms).build()

    def floats(int8_forms):
        make = lambda: convert.to_flatbuffer(lean(int8_forms), job.batch, **names)  # noqa: E731
        return network.once(f"int8_forms={int8_forms}", (job.batch, str(names)), make)

    plain = floats(False)  # what the file is compared with is the float32 file that would be shipped
    if engine == "converter":
        return plain, stock.make(scheme, lean(row.int8_forms), job, **names)
    made = schemes.make(scheme, floats(row.int8_forms), job)
    inputs, outputs = (kind == "uint8" for kind in (job.input_type, job.output_type))
    return plain, flatbuffer.as_uint8(made, inputs=inputs, outputs=outputs) if inputs or outputs else made


def _trained_for_int8(model, names, scheme, job):
    if scheme != "int8":
        raise UserError(f"{model.name} was trained to be int8: scheme {scheme!r} would throw that away.")
    graph = read(aware.frozen(model))
    graph.rewrite(lambda node, uses: node.input if node.is_a(FakeQuant) else None)
    plain = convert.to_flatbuffer(graph.build(), job.batch, **names)
    types = {"input_type": job.input_type, "output_type": job.output_type}
    return plain, flatbuffer.write(flatbuffer.read(aware.convert(model, batch=job.batch, **types)))
