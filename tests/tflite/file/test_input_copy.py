"""For Ethos-U85 an int8 file begins with a product with 1, which copies every integer as it is."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.file.input_copy import with_copied_inputs
from tests.tflite.targets.conftest import buffer, operator, operator_code, tensor

KERNELS = [OpResolverType.AUTO, OpResolverType.BUILTIN_REF]


def padded(scale, zero, kind="INT8"):
    """x (1, 16, 16, 1) -> PAD by a pixel, in integers, as bytes."""
    graph, model = schema.SubGraphT(), schema.ModelT()
    ends = {"kind": kind, "scale": scale, "zero": zero}
    pads = tensor("pads", (4, 2), "INT32", buffer=1)
    graph.tensors = [tensor("x", (1, 16, 16, 1), **ends), pads, tensor("y", (1, 18, 18, 1), **ends)]
    graph.operators = [operator(0, [0, 1], [2], schema.PadOptionsT())]
    graph.inputs, graph.outputs = [0], [2]
    model.version, model.subgraphs, model.operatorCodes = 3, [graph], [operator_code("PAD", 2)]
    model.buffers = [buffer(), buffer(np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))]
    return flatbuffer.write(model)


def operators_of(data):
    model = flatbuffer.read(data)
    return [model.operatorCodes[o.opcodeIndex].builtinCode for o in model.subgraphs[0].operators]


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(("scale", "zero"), [(1.0, -128), (1 / 127, -1), (0.0173, 8), (3.7e-5, 127)])
def test_all_integers_stay_as_they_are(scale, zero, kernels):
    data = with_copied_inputs(padded(scale, zero))
    assert operators_of(data) == [schema.BuiltinOperator.MUL, schema.BuiltinOperator.PAD]
    interpreter = Interpreter(model_content=data, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    integers = np.arange(-128, 128).reshape(1, 16, 16, 1).astype(np.int8)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], integers)
    interpreter.invoke()
    result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_array_equal(result[:, 1:-1, 1:-1], integers)


def test_a_file_that_has_the_product_gets_no_other():
    once = with_copied_inputs(padded(1.0, -128))
    assert with_copied_inputs(once) == once


def test_other_types_stay_as_they_are():
    assert with_copied_inputs(padded(1.0, 0, "UINT8")) == padded(1.0, 0, "UINT8")
