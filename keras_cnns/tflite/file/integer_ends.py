"""Integer inputs and outputs for a file that has them behind float ones: its conversions are left out."""

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from keras_cnns.tflite.file import flatbuffer

B, T = schema.BuiltinOperator, schema.TensorType
INTEGERS = (T.INT8, T.UINT8, T.INT16)


def without_conversions(data: bytes) -> bytes:
    """The flatbuffer without the QUANTIZE behind each float input and the DEQUANTIZE before each float output.

    Unchanged where an input or output is something else as well: read by another operator, or an integer already.
    """
    model = flatbuffer.read(data)
    graph = model.subgraphs[0]
    for side, kind in (("inputs", B.QUANTIZE), ("outputs", B.DEQUANTIZE)):
        moved = {}
        for index in map(int, getattr(graph, side)):
            conversion = _conversion(model, graph, index, kind, side)
            if conversion is not None:
                graph.operators.remove(conversion)
                moved[index] = int((conversion.outputs if side == "inputs" else conversion.inputs)[0])
        setattr(graph, side, [moved.get(int(index), int(index)) for index in getattr(graph, side)])
        for signature in model.signatureDefs or []:
            for entry in getattr(signature, side) if not signature.subgraphIndex else ():
                entry.tensorIndex = moved.get(entry.tensorIndex, entry.tensorIndex)
    return flatbuffer.write(model)


def _conversion(model: Any, graph: Any, index: int, kind: int, side: str) -> Any:
    """The only operator at an input or output, if it converts between floats and integers; else None."""
    near = [o for o in graph.operators if index in o.inputs or index in o.outputs]
    if graph.tensors[index].type != T.FLOAT32 or len(near) != 1:
        return None
    code = model.operatorCodes[near[0].opcodeIndex]
    other = graph.tensors[int((near[0].outputs if side == "inputs" else near[0].inputs)[0])]
    is_conversion = max(code.builtinCode, code.deprecatedBuiltinCode) == kind and other.type in INTEGERS
    return near[0] if is_conversion else None
