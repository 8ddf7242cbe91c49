"""Stores kernels that are mostly zero as sparse tensors, each with a DENSIFY operator that expands it.

XNNPACK expands them when it loads the file. It then computes 1x1 convolutions with its sparse kernels if the operators
around them allow it (rewrite/sparse_form.py): on Arm and in WebAssembly, but not on x86 processors with AVX, for whose
dense kernels its sparse ones are no match. The file becomes smaller in any case.
"""

import copy
from collections.abc import Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.tflite.file import flatbuffer

KIND = schema.BuiltinOperator
KERNELS = (KIND.CONV_2D, KIND.FULLY_CONNECTED)
TYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.INT8: np.int8,
}
SMALLEST = 128  # weights; an operator for fewer of them takes more than it saves
MOSTLY = 2 / 3  # zeros; XNNPACK's limit for its sparse kernels, over all 1x1 convolutions
INDEX_VECTORS = (
    (2**8, np.uint8, schema.Uint8VectorT, schema.SparseIndexVector.Uint8Vector),
    (2**16, np.uint16, schema.Uint16VectorT, schema.SparseIndexVector.Uint16Vector),
    (2**31, np.int32, schema.Int32VectorT, schema.SparseIndexVector.Int32Vector),
)


def with_sparse_weights(data: bytes) -> tuple[bytes, int]:
    """The flatbuffer `data` with its mostly zero kernels as sparse tensors, and how many there are.

    A file without such kernels is returned as it is.
    """
    model = flatbuffer.read(data)
    chosen = [] if len(model.subgraphs) > 1 else list(dict.fromkeys(_mostly_zero(model)))
    if not chosen:
        return data, 0
    graph = model.subgraphs[0]
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = KIND.DENSIFY, KIND.DENSIFY, 1
    model.operatorCodes.append(code)
    expanding = []
    for number in chosen:
        dense = graph.tensors[number]
        graph.tensors.append(_sparse(model, dense))
        graph.tensors[number] = dense = copy.copy(dense)
        dense.buffer = 0
        operator = schema.OperatorT()
        operator.opcodeIndex = len(model.operatorCodes) - 1
        operator.inputs, operator.outputs = [len(graph.tensors) - 1], [number]
        operator.builtinOptionsType = schema.BuiltinOptions.DensifyOptions
        operator.builtinOptions = schema.DensifyOptionsT()
        expanding.append(operator)
    graph.operators[:0] = expanding
    kept = {tensor.buffer for tensor in graph.tensors} | {entry.buffer for entry in model.metadata or []}
    for number, buffer in enumerate(model.buffers):
        if number not in kept:
            buffer.data = None
    return flatbuffer.write(model), len(chosen)


def _mostly_zero(model: schema.ModelT) -> Iterator[int]:
    """The tensors that hold kernels with more zeros than `MOSTLY`, directly or behind a DEQUANTIZE."""
    graph = model.subgraphs[0]
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    sources = {o.outputs[0]: o.inputs[0] for o in graph.operators if codes[o.opcodeIndex] == KIND.DEQUANTIZE}
    for operator in graph.operators:
        if codes[operator.opcodeIndex] in KERNELS:
            number = sources.get(operator.inputs[1], operator.inputs[1])
            values = _values(model, graph.tensors[number])
            if values is None or values.size < SMALLEST:
                continue
            nonzero = np.count_nonzero(values)  # a tensor without any value would not count as a constant
            if nonzero and (values.size - nonzero) / values.size > MOSTLY:
                yield number


def _values(model: schema.ModelT, tensor: schema.TensorT) -> np.ndarray | None:
    """The stored values; None if there are none, or they are sparse already."""
    data = model.buffers[tensor.buffer].data
    if data is None or len(data) == 0 or tensor.sparsity is not None or tensor.type not in TYPES:
        return None
    data = bytes(data) if isinstance(data, list) else data
    return np.frombuffer(data, TYPES[tensor.type]).reshape(tensor.shape)


def _sparse(model: schema.ModelT, dense: schema.TensorT) -> schema.TensorT:
    """A tensor that holds the same values: all dimensions dense but the last, which has compressed rows."""
    values = _values(model, dense)
    assert values is not None
    rows = values.reshape(-1, values.shape[-1])
    row, column = np.nonzero(rows)
    tensor = copy.copy(dense)
    tensor.name = dense.name + b"_sparse"
    parameters = tensor.sparsity = schema.SparsityParametersT()
    parameters.traversalOrder = np.arange(values.ndim, dtype=np.int32)
    parameters.dimMetadata = [_dense_dimension(size) for size in values.shape[:-1]]
    last = schema.DimensionMetadataT()
    last.format, last.denseSize = schema.DimensionType.SPARSE_CSR, 0
    ends = np.cumsum(np.bincount(row, minlength=len(rows)))
    last.arraySegments, last.arraySegmentsType = _index_vector(np.append(0, ends))
    last.arrayIndices, last.arrayIndicesType = _index_vector(column)
    parameters.dimMetadata.append(last)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(rows[row, column].tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.buffer = len(model.buffers) - 1
    return tensor


def _dense_dimension(size: int) -> schema.DimensionMetadataT:
    dimension = schema.DimensionMetadataT()
    dimension.format, dimension.denseSize = schema.DimensionType.DENSE, int(size)
    return dimension


def _index_vector(numbers: np.ndarray) -> tuple[object, int]:
    """The numbers in the smallest type that the schema has for them, and the number of that type."""
    largest = int(numbers.max(initial=0))
    dtype, make, kind = next(row[1:] for row in INDEX_VECTORS if largest < row[0])
    vector = make()
    vector.values = numbers.astype(dtype)
    return vector, kind
