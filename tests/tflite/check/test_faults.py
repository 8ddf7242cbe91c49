"""Planted faults: small edits of a sound int8 file, each found under its own code; a sound file has no faults."""

import io
import zipfile

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_cnns.saving.card import Card
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.tflite.check.faults import faults
from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.file.metadata import NAME, attach, normalization
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.targets.table import TARGETS
from tests.tflite.targets.conftest import buffer, dense_model, operator, operator_code, tensor

TYPE = schema.TensorType
CARD = Card("toy", ("cat", "dog", "owl"))


def int8_model(size=4):
    """image (1, 4) float -> QUANTIZE -> FULLY_CONNECTED -> SOFTMAX in int8 -> DEQUANTIZE -> scores (1, 3)."""
    rng, step = np.random.default_rng(0), 1 / 127
    weights = rng.integers(-127, 128, (3, size)).astype(np.int8)
    graph = schema.SubGraphT()
    graph.tensors = [
        tensor("image", (1, size)),
        tensor("image_int8", (1, size), "INT8", scale=step, zero=-1),
        tensor("weights", (3, size), "INT8", buffer=1),
        tensor("bias", (3,), "INT32", buffer=2),
        tensor("logits", (1, 3), "INT8", scale=0.1, zero=3),
        tensor("scores_int8", (1, 3), "INT8", scale=1 / 256, zero=-128),
        tensor("scores", (1, 3)),
    ]
    for index, scales in ((2, [0.01, 0.02, 0.03]), (3, [0.01 * step, 0.02 * step, 0.03 * step])):
        graph.tensors[index].quantization = schema.QuantizationParametersT()
        graph.tensors[index].quantization.scale = scales
        graph.tensors[index].quantization.zeroPoint = [0, 0, 0]
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    graph.operators = [
        operator(2, [0], [1]),
        operator(0, [1, 2, 3], [4], schema.FullyConnectedOptionsT()),
        operator(1, [4], [5], softmax),
        operator(3, [5], [6]),
    ]
    graph.inputs, graph.outputs = [0], [6]
    model = schema.ModelT()
    model.version, model.subgraphs = 3, [graph]
    model.operatorCodes = [
        operator_code("FULLY_CONNECTED", 4),
        operator_code("SOFTMAX", 2),
        operator_code("QUANTIZE"),
        operator_code("DEQUANTIZE", 2),
    ]
    model.buffers = [buffer(), buffer(weights), buffer(np.asarray([1, -2, 3], np.int32)), buffer(b"1.14.0".ljust(16))]
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"min_runtime_version", 3
    model.buffers[3].data = np.frombuffer(b"1.14.0".ljust(16, b"\0"), np.uint8)
    model.metadata = [entry]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    signature.inputs = [flatbuffer._entry("image", 0)]
    signature.outputs = [flatbuffer._entry("scores", 6)]
    model.signatureDefs = [signature]
    return model


def quantization(model, index):
    return model.subgraphs[0].tensors[index].quantization


def operator_code_zero(model):
    model.operatorCodes[2].deprecatedBuiltinCode = 0


def low_version(model):
    model.operatorCodes[0].version = 1


def low_runtime(model):
    model.buffers[3].data = np.frombuffer(b"1.5.0".ljust(16, b"\0"), np.uint8)


def other_schema(model):
    model.version = 2


def unknown_operator(model):
    model.operatorCodes[1].builtinCode = 3000


def read_too_early(model):
    model.subgraphs[0].operators.reverse()


def output_never_computed(model):
    model.subgraphs[0].operators.pop()


def nobody_reads_it(model):
    model.subgraphs[0].tensors.append(tensor("unread", (1, 4), "INT8", scale=1.0))
    model.subgraphs[0].operators.append(operator(2, [0], [7]))


def short_constant(model):
    model.buffers[1].data = model.buffers[1].data[:-1]


def long_constant(model):
    model.subgraphs[0].tensors[2].shape = [3, 3]


def float_weights_nan(model):
    model.subgraphs[0].tensors[2].type = TYPE.FLOAT32
    model.buffers[1].data = np.frombuffer(np.full((3, 4), np.nan, np.float32).tobytes(), np.uint8)


def signature_elsewhere(model):
    model.signatureDefs[0].outputs[0].tensorIndex = 4


def signature_of_no_subgraph(model):
    model.signatureDefs[0].subgraphIndex = 3


def scale_zero(model):
    quantization(model, 4).scale = [0.0]


def scale_infinite(model):
    quantization(model, 4).scale = [float("inf")]


def scale_negative(model):
    quantization(model, 4).scale = [-0.1]


def zero_point_outside(model):
    quantization(model, 4).zeroPoint = [200]


def too_few_scales(model):
    quantization(model, 2).scale, quantization(model, 2).zeroPoint = [0.01, 0.02], [0, 0]


def axis_outside(model):
    quantization(model, 2).quantizedDimension = 2


def weights_with_zero_points(model):
    quantization(model, 2).zeroPoint = [0, 4, 0]


def float_weights(model):
    model.subgraphs[0].tensors[2].type = TYPE.FLOAT32
    model.buffers[1].data = np.frombuffer(np.ones((3, 4), np.float32).tobytes(), np.uint8)


def floats_to_int8(model):
    model.subgraphs[0].operators[1].inputs[0] = 0


def bias_scale(model):
    quantization(model, 3).scale = [1e-3, 1e-3, 1e-3]


def overflow(model):
    model.buffers[2].data = np.frombuffer(np.full(3, 2**31 - 10, np.int32).tobytes(), np.uint8)


def softmax_scale(model):
    quantization(model, 5).scale = [0.01]


def softmax_zero_point(model):
    quantization(model, 5).zeroPoint = [0]


def pool_changes_scale(model):
    graph = model.subgraphs[0]
    model.operatorCodes[1] = operator_code("RESHAPE")
    graph.operators[2].builtinOptions = schema.ReshapeOptionsT()
    graph.operators[2].builtinOptionsType = schema.BuiltinOptions.ReshapeOptions


def half_step(model):
    quantization(model, 1).scale, quantization(model, 1).zeroPoint = [2 / 255], [-1]
    wanted = [2 / 255 * scale for scale in quantization(model, 2).scale]
    quantization(model, 3).scale = wanted


def custom(model):
    model.operatorCodes[1] = operator_code("CUSTOM", custom=b"MySoftmax")


def second_subgraph(model):
    model.subgraphs.append(dense_model().subgraphs[0])
    for operator_ in model.subgraphs[1].operators:
        operator_.opcodeIndex = 0 if operator_.opcodeIndex == 0 else 1
    for tensor_ in model.subgraphs[1].tensors:
        tensor_.buffer = 0
    model.subgraphs[1].inputs = [0, 1, 2]


def open_batch(model):
    model.subgraphs[0].tensors[0].shapeSignature = [-1, 4]


def float_island(model):
    """FULLY_CONNECTED's result is made float, SOFTMAX computed in float, and that made int8 again."""
    graph = model.subgraphs[0]
    graph.tensors += [tensor("logits_float", (1, 3)), tensor("scores_float", (1, 3))]
    softmax = graph.operators[2]
    softmax.inputs, softmax.outputs = [7], [8]
    graph.operators[2:3] = [operator(3, [4], [7]), softmax, operator(2, [8], [5])]


PLANTED = {
    "operator-code": [operator_code_zero],
    "operator-version": [low_version],
    "runtime-version": [low_runtime],
    "schema-version": [other_schema],
    "unknown-operator": [unknown_operator],
    "operator-order": [read_too_early],
    "missing-output": [output_never_computed],
    "unread-operator": [nobody_reads_it],
    "constant-size": [short_constant, long_constant],
    "not-finite": [float_weights_nan],
    "signature": [signature_elsewhere, signature_of_no_subgraph],
    "quantization": [
        *(scale_zero, scale_infinite, scale_negative, zero_point_outside, too_few_scales, axis_outside),
        weights_with_zero_points,
    ],
    "mixed-types": [float_weights, floats_to_int8],
    "bias-scale": [bias_scale],
    "overflow": [overflow],
    "result-scale": [softmax_scale, softmax_zero_point, pool_changes_scale],
    "half-step": [half_step],
    "custom-operator": [custom],
    "subgraphs": [second_subgraph],
    "dynamic-shape": [open_batch],
    "float-island": [float_island],
}
CASES = [(code, change) for code, changes in PLANTED.items() for change in changes]


def codes(data, folder):
    (folder / "net.tflite").write_bytes(data)
    return {finding.code: finding for finding in faults(read_contents(folder / "net.tflite"))}


def described(model=None):
    return attach(flatbuffer.write(model or int8_model()), CARD, normalization=normalization(-1, 1))


@pytest.mark.parametrize(("code", "change"), CASES, ids=[change.__name__ for _, change in CASES])
def test_a_planted_fault_is_found(code, change, tmp_path):
    model = int8_model()
    change(model)
    findings = codes(flatbuffer.write(model), tmp_path)
    assert code in findings and "\n" not in findings[code].message


def test_a_sound_file_has_no_faults(tmp_path):
    findings = codes(described(), tmp_path)
    assert {finding.severity for finding in findings.values()} <= {"note"}
    assert set(findings) == {"int8-softmax"}
    assert not codes(attach(flatbuffer.write(dense_model()), CARD), tmp_path)


def without(name):
    """The file whose archive lacks one of its members."""
    source, target = io.BytesIO(described()), io.BytesIO()
    with zipfile.ZipFile(source) as archive:
        names = [n for n in archive.namelist() if n != name]
        start = min(entry.header_offset for entry in archive.infolist())
        target.write(source.getvalue()[:start])
        with zipfile.ZipFile(target, "a") as left:
            for n in names:
                left.writestr(n, archive.read(n))
    return target.getvalue()


def metadata_of_three_inputs():
    model = flatbuffer.read(described())
    model.subgraphs[0].outputs.append(5)
    return flatbuffer.write(model)


def metadata_cut():
    model = flatbuffer.read(described())
    (entry,) = [e for e in model.metadata if e.name == NAME]
    model.buffers[entry.buffer].data = model.buffers[entry.buffer].data[:40]
    return flatbuffer.write(model)


def two_labels():
    return attach(flatbuffer.write(int8_model()), Card("toy", ("cat", "dog", "owl"))).replace(
        b"cat\ndog\nowl", b"cat\ndog,owl"
    )


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (lambda: flatbuffer.write(int8_model()), "no-metadata"),
        (metadata_cut, "damaged-metadata"),
        (metadata_of_three_inputs, "metadata-count"),
        (lambda: without("labels.txt"), "missing-labels"),
        (two_labels, "damaged-archive"),
        (lambda: described().replace(b'"name": "toy"', b'"name": "toy '), "damaged-archive"),
    ],
)
def test_a_fault_of_what_travels_with_the_network_is_found(data, code, tmp_path):
    assert code in codes(data(), tmp_path)


def test_labels_that_are_too_few(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(without("labels.txt"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
    (finding,) = [f for f in faults(read_contents(path)) if f.code == "label-count"]
    assert "2 labels in 'labels.txt' for 3 classes" in finding.message


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), min_size=1, max_size=6))
def test_a_damaged_file_is_refused_or_looked_at(flips, tmp_path):
    data = bytearray(DESCRIBED)
    for place, change in flips:
        data[int(place * len(data))] ^= change
    (tmp_path / "net.tflite").write_bytes(bytes(data))
    try:
        file = read_contents(tmp_path / "net.tflite")
    except UnreadableFile:
        return
    findings = [*faults(file), *(finding for target in TARGETS.values() for finding in target.findings(file))]
    assert not [finding for finding in findings if "\n" in finding.message]


DESCRIBED = described()
