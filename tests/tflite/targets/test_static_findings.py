"""What a target says of a file without its tool: one planted fault each, found by the targets that stumble over it."""

import copy

import keras
import pytest
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.saving.card import Card
from keras_cnns.tflite.file import convert, flatbuffer
from keras_cnns.tflite.file.metadata import Normalization, attach
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.targets.table import TARGETS
from keras_cnns.tflite.targets.tflite_micro_operators import SUPPORTED, resolver_method
from tests.tflite.targets.conftest import dense_model, nearest_resize_model, operator, operator_code, tensor

TYPE = schema.TensorType
FLOAT_FILES = (
    "litert",
    "litert-reference",
    "openvino",
    "tflite-micro",
    "browser",
)  # targets that take the unchanged file


def operator_code_left_out(model):
    model.operatorCodes[1].deprecatedBuiltinCode = 0


def int4_weights(model):
    model.subgraphs[0].tensors[1].type = TYPE.INT4


def float16_weights(model):
    model.subgraphs[0].tensors[1].type = TYPE.FLOAT16


def int8_weights(model):
    model.subgraphs[0].tensors[1].type = TYPE.INT8


def int8_input(model):
    model.subgraphs[0].tensors[0].type = TYPE.INT8


def open_batch(model):
    image = model.subgraphs[0].tensors[0]
    image.shapeSignature, image.hasRank = [-1, 4], True


def second_subgraph(model):
    model.subgraphs.append(copy.deepcopy(model.subgraphs[0]))


def custom_operator(model):
    model.operatorCodes[1] = operator_code("CUSTOM", custom=b"MyOperator")


def rare_operator(model):
    model.operatorCodes[1] = operator_code("GELU")


def float_hard_swish(model):
    model.operatorCodes[1] = operator_code("HARD_SWISH")


def per_channel_dequantize(model):
    graph = model.subgraphs[0]
    graph.tensors[1].type = TYPE.INT8
    graph.tensors[1].quantization = schema.QuantizationParametersT()
    graph.tensors[1].quantization.scale, graph.tensors[1].quantization.zeroPoint = [0.1, 0.2, 0.3], [0, 0, 0]
    graph.tensors.append(tensor("weights_float", (3, 4)))
    model.operatorCodes.append(operator_code("DEQUANTIZE"))
    graph.operators.insert(0, operator(2, [1], [5]))
    graph.operators[1].inputs = [0, 5, 2]


PLANTED = [
    ("openvino", operator_code_left_out, "operator-code"),
    ("openvino", int4_weights, "type"),
    ("openvino", second_subgraph, "subgraphs"),
    ("openvino", custom_operator, "custom-operator"),
    ("tflite-micro", int4_weights, "type"),
    ("tflite-micro", float16_weights, "type"),
    ("tflite-micro", int8_weights, "hybrid-operator"),
    ("tflite-micro", open_batch, "dynamic-shape"),
    ("tflite-micro", custom_operator, "custom-operator"),
    ("tflite-micro", rare_operator, "operator"),
    ("tflite-micro", per_channel_dequantize, "per-channel-dequantize"),
    ("ethos-u55-128", lambda model: None, "no-integers"),
    ("ethos-u55-128", float_hard_swish, "float-hard-swish"),
    ("ethos-u55-128", int4_weights, "type"),
    ("ethos-u85-512", open_batch, "dynamic-shape"),
    ("browser", int8_input, "end-type"),
    ("browser", open_batch, "dynamic-shape"),
    ("mediapipe", int8_input, "end-type"),
    ("mediapipe", lambda model: None, "input-shape"),
    ("mediapipe", lambda model: None, "no-metadata"),
]


def errors(target, change, folder):
    model = dense_model()
    change(model)
    path = folder / "net.tflite"
    path.write_bytes(flatbuffer.write(model))
    return [finding for finding in TARGETS[target].findings(read_contents(path)) if finding.severity == "error"]


@pytest.mark.parametrize(("target", "change", "code"), PLANTED, ids=lambda value: getattr(value, "__name__", value))
def test_a_planted_fault_is_found(target, change, code, tmp_path):
    findings = errors(target, change, tmp_path)
    assert code in [finding.code for finding in findings]
    assert all(finding.fix and "\n" not in finding.message for finding in findings)


def test_int16_is_a_warning_for_openvino(tmp_path):
    model = dense_model()
    model.subgraphs[0].tensors[3].type = TYPE.INT16
    (tmp_path / "net.tflite").write_bytes(flatbuffer.write(model))
    (finding,) = TARGETS["openvino"].findings(read_contents(tmp_path / "net.tflite"))
    assert (finding.code, finding.severity) == ("type", "warning")


# (old size, new size, options) -> whether half_pixel_centers makes a difference, as seen in OpenVINO 2026.4.1
NEAREST_RESIZES = [
    (12, 6, {}, True),
    (6, 9, {}, True),
    (13, 25, {}, True),
    (2, 1, {}, True),
    (4, 4, {"align_corners": True}, True),
    (6, 12, {}, False),
    (5, 15, {}, False),
    (7, 7, {}, False),
    (12, 6, {"half_pixel_centers": False}, False),
    (6, 9, {"half_pixel_centers": False, "align_corners": True}, False),
]


@pytest.mark.parametrize(("old", "new", "options", "differs"), NEAREST_RESIZES)
def test_openvino_takes_other_pixels_where_half_pixel_centers_matter(old, new, options, differs, tmp_path):
    (tmp_path / "net.tflite").write_bytes(flatbuffer.write(nearest_resize_model(old, new, **options)))
    findings = TARGETS["openvino"].findings(read_contents(tmp_path / "net.tflite"))
    assert [(finding.code, finding.severity) for finding in findings] == [("nearest-resize", "error")] * differs


@pytest.mark.parametrize(
    ("name", "kind", "codes"), [("SUM", "INT8", ["int8-sum"]), ("SUM", "FLOAT32", []), ("MEAN", "INT8", [])]
)
def test_an_int8_sum_is_a_warning_for_the_reference_kernels(name, kind, codes, tmp_path):
    model = dense_model()
    model.operatorCodes[1] = operator_code(name)
    model.subgraphs[0].tensors[3].type = getattr(TYPE, kind)
    (tmp_path / "net.tflite").write_bytes(flatbuffer.write(model))
    findings = TARGETS["litert-reference"].findings(read_contents(tmp_path / "net.tflite"))
    assert [finding.code for finding in findings] == codes
    assert all(finding.severity == "warning" for finding in findings)


@pytest.mark.parametrize(("mean", "found"), [((120.0, 110.0, 100.0), True), ((127.5, 127.5, 127.5), False)])
def test_mediapipe_takes_one_normalization_for_all_channels(mean, found, tmp_path):
    image = keras.Input((8, 8, 3))
    data = convert.to_flatbuffer(keras.Model(image, keras.layers.GlobalAveragePooling2D()(image)))
    normalization = Normalization(mean=mean, std=(127.5, 127.5, 127.5))
    (tmp_path / "net.tflite").write_bytes(attach(data, Card(labels=("a", "b", "c")), normalization=normalization))
    findings = TARGETS["mediapipe"].findings(read_contents(tmp_path / "net.tflite"))
    assert ("channel-normalization" in [finding.code for finding in findings]) == found


def float16_weights_expanded(model):
    graph = model.subgraphs[0]
    graph.tensors[1].type = TYPE.FLOAT16
    graph.tensors.append(tensor("weights_float", (3, 4)))
    model.operatorCodes.append(operator_code("DEQUANTIZE"))
    graph.operators.insert(0, operator(2, [1], [5]))
    graph.operators[1].inputs = [0, 5, 2]


def float16_weights_and_bias_expanded(model):
    float16_weights_expanded(model)
    graph = model.subgraphs[0]
    graph.tensors[2].type = TYPE.FLOAT16
    graph.tensors.append(tensor("bias_float", (3,)))
    graph.operators.insert(1, operator(2, [2], [6]))
    graph.operators[2].inputs = [0, 5, 6]


@pytest.mark.parametrize(("change", "count"), [(float16_weights_expanded, 1), (float16_weights_and_bias_expanded, 0)])
def test_float32_biases_beside_float16_weights_are_slow_in_a_browser(change, count, tmp_path):
    model = dense_model()
    change(model)
    (tmp_path / "net.tflite").write_bytes(flatbuffer.write(model))
    findings = TARGETS["browser"].findings(read_contents(tmp_path / "net.tflite"))
    assert [(finding.code, finding.severity) for finding in findings] == [("float32-bias", "warning")] * count


@pytest.mark.parametrize("target", FLOAT_FILES)
def test_a_sound_file_has_no_errors(target, tmp_path):
    assert not errors(target, lambda model: None, tmp_path)


@pytest.mark.parametrize("target", FLOAT_FILES)
def test_per_tensor_dequantize_is_no_fault(target, tmp_path):
    def per_tensor(model):
        per_channel_dequantize(model)
        quantization = model.subgraphs[0].tensors[1].quantization
        quantization.scale, quantization.zeroPoint = [0.1], [0]

    assert not errors(target, per_tensor, tmp_path)


def tflite_micro_finding(tmp_path, scales):
    """What tflite-micro says of weights that are dequantized with these scales."""
    model = dense_model()
    per_channel_dequantize(model)
    model.subgraphs[0].tensors[1].quantization.scale = scales
    (tmp_path / "net.tflite").write_bytes(flatbuffer.write(model))
    return TARGETS["tflite-micro"].findings(read_contents(tmp_path / "net.tflite"))


def test_per_channel_dequantize_in_tflite_micro_is_as_bad_as_its_scales_differ(tmp_path):
    """The kernel uses the first scale for all channels; trained kernels differ by far more than fresh ones."""
    (finding,) = tflite_micro_finding(tmp_path, [0.1, 0.08, 0.11])
    assert (finding.severity, finding.message[-30:]) == ("error", "weights are wrong by up to 25%")
    (finding,) = tflite_micro_finding(tmp_path, [0.1, 0.098, 0.103])
    assert finding.severity == "warning" and finding.message.endswith("wrong by up to 3%")
    assert not tflite_micro_finding(tmp_path, [0.1, 0.1, 0.1])


def test_tflite_micro_takes_int4_weights_of_an_int8_network(tmp_path):
    def quantized(model):
        for index, kind in enumerate((TYPE.INT8, TYPE.INT4, TYPE.INT32, TYPE.INT8, TYPE.INT8)):
            model.subgraphs[0].tensors[index].type = kind

    assert not errors("tflite-micro", quantized, tmp_path)


def test_resolver_methods_of_tflite_micro():
    """Names in micro_mutable_op_resolver.h that no rule gives, and one of each kind that a rule gives."""
    names = {
        **{"CONV_2D": "AddConv2D", "L2_POOL_2D": "AddL2Pool2D", "ADD": "AddAdd", "RELU6": "AddRelu6"},
        **{"BATCH_MATMUL": "AddBatchMatMul", "CUMSUM": "AddCumSum", "PADV2": "AddPadV2", "PAD": "AddPad"},
        **{"UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM", "SPACE_TO_BATCH_ND": "AddSpaceToBatchNd"},
        **{"REVERSE_V2": "AddReverseV2", "SVDF": "AddSvdf", "SPLIT_V": "AddSplitV", "IF": "AddIf"},
    }
    assert {name: resolver_method(name) for name in names} == names
    assert len({resolver_method(name) for name in SUPPORTED}) == len(SUPPORTED)
