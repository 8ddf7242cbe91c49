"""Repairs faults that the quantizer or the converter leave in a file."""

import copy

from ai_edge_litert import schema_py_generated as schema

from keras_cnns.tflite.file import flatbuffer


def repaired(data: bytes, *, integer_outputs: bool) -> bytes:
    """The quantizer's file with its faults repaired and its weights inside the flatbuffer.

    integer_outputs: whether the outputs are to be integers.
    """
    model = flatbuffer.read(data)
    for repair in (lambda m: named_outputs(m, integer_outputs), parts_alike, reconnect):
        model = repair(model)
    return flatbuffer.write(model)


def named_outputs(model: schema.ModelT, integers: bool) -> schema.ModelT:
    """Gives outputs the requested type, both in the graph and in its signature.

    The quantizer gets only one of the two right if a result is an output twice, or if an operator reads it in the other
    type.
    """
    graph, types = model.subgraphs[0], (schema.TensorType.INT8, schema.TensorType.INT16)
    for signature in model.signatureDefs or []:
        for place, (entry, output) in enumerate(zip(signature.outputs, graph.outputs, strict=True)):
            indices = (entry.tensorIndex, output)
            right = [i for i in indices if (graph.tensors[i].type in types) == integers]
            entry.tensorIndex = graph.outputs[place] = (right or indices)[0]
    return model


def parts_alike(model: schema.ModelT) -> schema.ModelT:
    """Gives unread parts of a split the type of the other parts: the quantizer leaves them in float."""
    graph, kind = model.subgraphs[0], schema.BuiltinOperator
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        if max(code.builtinCode, code.deprecatedBuiltinCode) in (kind.SPLIT, kind.SPLIT_V, kind.UNPACK):
            parts = [graph.tensors[i] for i in operator.outputs]
            integers = [part for part in parts if part.type != schema.TensorType.FLOAT32]
            for part in parts if integers else ():
                part.type, part.quantization = integers[0].type, copy.deepcopy(integers[0].quantization)
    return model


def reconnect(model: schema.ModelT) -> schema.ModelT:
    """Lets integer operators read the integers again if a tensor is both an output and an input of other operators.

    The quantizer gives them the float copy that it made for the output. Their kernels then take floats for integers,
    and answer nonsense without an error.
    """
    graph = model.subgraphs[0]
    kind = {i: tensor.type for i, tensor in enumerate(graph.tensors)}
    code = {i: max(c.builtinCode, c.deprecatedBuiltinCode) for i, c in enumerate(model.operatorCodes)}
    copies = {
        operator.outputs[0]: operator.inputs[0]
        for operator in graph.operators
        if code[operator.opcodeIndex] == schema.BuiltinOperator.DEQUANTIZE and operator.outputs[0] in graph.outputs
    }
    for operator in graph.operators:
        if kind[operator.outputs[0]] in (schema.TensorType.INT8, schema.TensorType.INT16) and (
            code[operator.opcodeIndex] != schema.BuiltinOperator.QUANTIZE
        ):
            operator.inputs = [copies.get(i, i) for i in operator.inputs]
    return model


def with_float_inputs(data: bytes) -> bytes:
    """Gives operators with float weights a float input again where the converter removed the conversion.

    In a network with int8 ranges in its graph, the converter mistakes some readers of a converted tensor for integer
    operators, such as the first projection of attention. No kernel takes integers there.
    """
    model = flatbuffer.read(data)
    graph, kind = model.subgraphs[0], schema.BuiltinOperator
    linear = (kind.FULLY_CONNECTED, kind.CONV_2D, kind.DEPTHWISE_CONV_2D)
    types = schema.TensorType
    float_twins, operators = {}, []
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        if max(code.builtinCode, code.deprecatedBuiltinCode) in linear:
            source, weights = operator.inputs[0], operator.inputs[1]
            if graph.tensors[source].type == types.INT8 and graph.tensors[weights].type == types.FLOAT32:
                if source not in float_twins:
                    float_twins[source] = _float_twin(graph, source)
                    operators.append(flatbuffer.conversion(model, kind.DEQUANTIZE, source, float_twins[source]))
                operator.inputs = [float_twins[source], *operator.inputs[1:]]
        operators.append(operator)
    graph.operators = operators
    return flatbuffer.write(model)


def _float_twin(graph: schema.SubGraphT, index: int) -> int:
    tensor = copy.deepcopy(graph.tensors[index])
    tensor.type, tensor.buffer, tensor.quantization = schema.TensorType.FLOAT32, 0, None
    tensor.name = tensor.name + b"_float"
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1
