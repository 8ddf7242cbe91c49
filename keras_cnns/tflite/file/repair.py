"""Faults that the quantizer or the converter leaves in a file, repaired in its flatbuffer."""

import copy

from ai_edge_litert import schema_py_generated as schema

from keras_cnns.tflite.file import flatbuffer


def repaired(data: bytes, *, integer_outputs: bool) -> bytes:
    """What the quantizer made, with its faults repaired and its weights inside the flatbuffer.

    integer_outputs: whether the outputs are to be integers.
    """
    model = flatbuffer.read(data)
    for repair in (lambda m: named_outputs(m, integer_outputs), parts_alike, reconnect):
        model = repair(model)
    return flatbuffer.write(model)


def named_outputs(model: schema.ModelT, integers: bool) -> schema.ModelT:
    """Outputs of the type asked for, in the graph as in its signature: the quantizer keeps only one of the two right
    where a result is an output twice, or is taken by an operator of the other type as well.
    """
    graph, types = model.subgraphs[0], (schema.TensorType.INT8, schema.TensorType.INT16)
    for signature in model.signatureDefs or []:
        for place, (entry, output) in enumerate(zip(signature.outputs, graph.outputs, strict=True)):
            indices = (entry.tensorIndex, output)
            right = [i for i in indices if (graph.tensors[i].type in types) == integers]
            entry.tensorIndex = graph.outputs[place] = (right or indices)[0]
    return model


def parts_alike(model: schema.ModelT) -> schema.ModelT:
    """Gives the parts of a split that nobody reads the type of the others: the quantizer leaves those in floats."""
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
    """Lets integer operators read the integers again where a tensor is an output as well as an input of others.

    The quantizer hands the float copy made for the output to the other readers too, whose kernels then take floats
    for integers and answer nonsense without a word.
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
    """Gives operators with weights in floats their input in floats, where the converter took that conversion away.

    In a network that is int8 by the ranges in its graph the converter takes one off the readers of a converted tensor
    for one that computes in integers, such as the first projection of attention, and no kernel takes integers there.
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
