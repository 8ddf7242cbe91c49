"""Real files on the real tools of the targets. `tox -e targets` installs them; a missing tool is a skipped test."""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_cnns.data import load_arrays
from keras_cnns.export_scripts import microcontroller
from keras_cnns.support.errors import UserError
from keras_cnns.tflite import export
from keras_cnns.tflite.check.check import check
from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.targets import table, tflite_micro
from tests.tflite.targets.conftest import installed_browser, nearest_resize_model
from tests.tflite.targets.test_static_findings import NEAREST_RESIZES, PLANTED, float_hard_swish

MODEL = Path(__file__).parents[1] / "trained" / "resnet8_cifar.keras"
MODULES = {
    "openvino": "openvino",
    "mediapipe": "mediapipe",
    "tflite-micro": "tflite_micro",
    "ethos-u55-128": "ethosu",
    "tosa": "tosa_converter_for_tflite",
}
BOTH = ("litert", "openvino")


def needs(target):
    installed = installed_browser() if target == "browser" else find_spec(MODULES[target]) is not None
    missing = not installed and not os.environ.get("KERAS_CNNS_ALL_TARGETS")
    return pytest.mark.skipif(missing, reason=f"{target} is not installed: {table.TARGETS[target].install}")


@pytest.fixture(scope="module")
def pictures():
    """Patches of random colours, whole numbers from 0 to 255."""
    patches = np.random.default_rng(0).uniform(0, 255, (48, 6, 6, 3))
    index = np.arange(32) * 6 // 32
    return np.rint(patches[:, index][:, :, index]).astype("f4")


@pytest.fixture(scope="module")
def files(tmp_path_factory, pictures):
    """scheme -> path of resnet8_cifar's file, made for LiteRT."""
    folder = tmp_path_factory.mktemp("files")
    paths = {}
    for scheme in ("float32", "float16", "int8", "weight_only_int8"):
        paths[scheme] = folder / f"{scheme}.tflite"
        calibration = {"calibration": pictures[:24]} if scheme == "int8" else {}
        export(MODEL, paths[scheme], scheme=scheme, images=pictures[24:], force=True, **calibration)
    return paths


WORKING = [
    *(("openvino", scheme) for scheme in ("float32", "float16", "int8", "weight_only_int8")),
    *(("mediapipe", scheme) for scheme in ("float32", "float16", "int8", "weight_only_int8")),
    *(("tflite-micro", scheme) for scheme in ("float32", "int8")),
    *(("browser", scheme) for scheme in ("float16",)),
]
CASES = [pytest.param(target, scheme, marks=needs(target), id=f"{target}-{scheme}") for target, scheme in WORKING]


@pytest.mark.parametrize(("target", "scheme"), CASES)
def test_a_file_answers_there_as_in_litert(target, scheme, files, pictures):
    (result,) = check(files[scheme], target, pictures[24:].astype(np.uint8)).targets
    assert (result.status, result.answered) == ("pass", True), result.reasons


@needs("tflite-micro")
def test_tflite_micro_is_bit_equal_with_the_reference_kernels(files, pictures, tmp_path):
    path = tmp_path / "micro.tflite"
    report = export(MODEL, path, scheme="int8", calibration=pictures[:24], images=pictures[24:], target="tflite-micro")
    assert report.targets[0].status == "pass" and report.targets[0].placement.arena_bytes < 60_000
    file = read_contents(path)
    answers = [table.TARGETS[name].run(file, {"*": pictures[24:]}) for name in ("tflite-micro", "litert-reference")]
    np.testing.assert_array_equal(answers[0].arrays["predictions"], answers[1].arrays["predictions"])


@needs("tflite-micro")
def test_sources_for_a_microcontroller_hold_its_scores(pictures, tmp_path):
    path, options = tmp_path / "micro.tflite", {"calibration": pictures[:24], "images": pictures[24:]}
    export(MODEL, path, scheme="int8", target="tflite-micro", **options)
    Image.fromarray(pictures[0].astype(np.uint8)).save(tmp_path / "picture.png")
    sources = microcontroller.write(path, ram="56k", flash="100k", picture=tmp_path / "picture.png")
    expected = table.TARGETS["litert-reference"].run(read_contents(path), {"*": pictures[:1]}).arrays["predictions"][0]
    np.testing.assert_allclose((np.array(sources.scores) + 128) / 256, expected, atol=1e-7)
    assert f"NETWORK_ARENA_SIZE {sources.arena_bytes} " in (sources.folder / "network.h").read_text()


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("KERAS_CNNS_DATA"), reason="KERAS_CNNS_DATA does not say where CIFAR-10 is")
@needs("tflite-micro")
def test_a_trained_network_for_a_microcontroller(tmp_path):
    """resnet8_cifar in int8 on 1,000 real pictures: the accuracy of Keras, and nearly the same bits.

    FULLY_CONNECTED rounds otherwise than in LiteRT's reference kernels: two pictures, by one step of a logit.
    """
    options = {"size": 32, "data_dir": os.environ["KERAS_CNNS_DATA"]}
    seen, _, _ = load_arrays("cifar10", "train", limit=500, **options)
    unseen, labels, _ = load_arrays("cifar10", "test", limit=1000, **options)
    path, unseen = tmp_path / "net.tflite", unseen.astype("f4")
    data = {"calibration": seen, "images": unseen, "labels": labels}
    report = export(MODEL, path, scheme="int8", target="tflite-micro", **data)
    file = read_contents(path)
    assert file.inputs["image"].type == "INT8" and report.targets[0].placement.arena_bytes < 56 * 1024
    answers = [table.TARGETS[name].run(file, {"*": unseen}) for name in ("tflite-micro", "litert-reference")]
    micro, reference = (outputs.arrays["predictions"] for outputs in answers)
    assert np.mean((micro == reference).all(1)) >= 0.99 and np.abs(micro - reference).max() <= 3 / 256
    accuracy = np.mean(answers[0].arrays["predictions"].argmax(1) == labels)
    assert accuracy > report.accuracy + report.accuracy_drop - 0.01


@needs("tflite-micro")
def test_the_arena_is_as_small_as_it_can_be(pictures, tmp_path):
    """One alignment less, and the tensors cannot be allocated."""
    path = tmp_path / "micro.tflite"
    export(MODEL, path, scheme="int8", calibration=pictures[:24], images=pictures[24:], target="tflite-micro")
    size = table.TARGETS["tflite-micro"].placement(read_contents(path)).arena_bytes
    job = {"file": str(path), "inputs": 1, "outputs": 1}
    tflite_micro._run_on_zeros(job, tflite_micro._interpreter(job, size))
    with pytest.raises(RuntimeError):
        tflite_micro._interpreter(job, size - tflite_micro.ALIGNMENT)


@needs("tflite-micro")
def test_what_tflite_micro_refuses_or_gets_wrong_is_known_without_it(files):
    for scheme, code in (("float16", "type"), ("weight_only_int8", "per-channel-dequantize")):
        (result,) = check(files[scheme], "tflite-micro").targets
        assert result.status == "fail" and code in [finding.code for finding in result.findings]


@pytest.mark.parametrize("target", ["ethos-u55-128", "ethos-u65-256", "ethos-u85-512"])
@needs("ethos-u55-128")
def test_the_whole_network_goes_to_the_npu(target, pictures, tmp_path):
    report = export(
        MODEL, tmp_path / "npu.tflite", scheme="int8", calibration=pictures[:24], images=pictures[24:], target=target
    )
    (result,) = report.targets
    assert result.status == "pass" and not result.answered
    assert not result.placement.outside and result.placement.accelerated_macs == 1
    assert 10_000 < result.placement.cycles < 400_000 and result.placement.sram_bytes < 100_000


@needs("ethos-u55-128")
def test_float_ends_leave_operators_on_the_cpu(files):
    (result,) = check(files["int8"], "ethos-u55-128").targets
    assert set(result.placement.outside) == {"QUANTIZE", "DEQUANTIZE", "SOFTMAX"}
    assert result.status == "warn" and result.placement.accelerated_macs == 1


@needs("mediapipe")
def test_mediapipe_takes_uint8_ends_and_refuses_int8(pictures, tmp_path):
    data = {"calibration": pictures[:24], "images": pictures[24:]}
    report = export(MODEL, tmp_path / "a.tflite", scheme="int8", target="mediapipe", **data)
    assert report.targets[0].answered and read_contents(tmp_path / "a.tflite").inputs["image"].type == "UINT8"
    with pytest.raises(UserError, match="mediapipe: input image is int8"):
        export(
            MODEL,
            tmp_path / "b.tflite",
            scheme="int8",
            target="mediapipe",
            input_type="int8",
            output_type="int8",
            **data,
        )


@needs("mediapipe")
def test_mediapipe_is_compared_on_pictures_of_bytes(pictures, tmp_path):
    """Pictures that a program resized are no bytes."""
    images = np.clip(pictures[24:] + np.random.default_rng(0).uniform(-0.5, 0.5, pictures[24:].shape), 0, 255)
    report = export(MODEL, tmp_path / "a.tflite", images=images.astype("f4"), target="mediapipe")
    assert report.targets[0].answered and report.status == "pass", report.reasons
    with pytest.raises(UserError, match="MediaPipe takes pictures of bytes"):
        table.TARGETS["mediapipe"].run(read_contents(tmp_path / "a.tflite"), {"image": images.astype("f4")})


@needs("tosa")
@pytest.mark.parametrize(("change", "left"), [(None, {}), ("CUMSUM", {"CUMSUM": 1})])
def test_tosa_says_which_operators_it_does_not_lower(change, left, tmp_path):
    from tests.tflite.targets.conftest import cumsum_model, dense_model

    path = tmp_path / "net.tflite"
    path.write_bytes(flatbuffer.write(cumsum_model() if change else dense_model()))
    (result,) = check(path, "tosa").targets
    assert result.status == ("fail" if left else "pass") and not result.answered
    assert result.placement.outside == left and all(name in result.reasons[0] for name in left)


@needs("browser")
def test_a_file_for_the_browser_takes_bytes_and_states_its_time(pictures, tmp_path):
    data = {"calibration": pictures[:24], "images": pictures[24:]}
    report = export(MODEL, tmp_path / "a.tflite", scheme="int8", target="browser", **data)
    (result,) = report.targets
    assert (result.status, result.answered) == ("pass", True), result.reasons
    assert result.placement.milliseconds > 0 and result.placement.runtime.startswith("LiteRT.js ")
    file = read_contents(tmp_path / "a.tflite")
    assert (file.inputs["image"].type, file.outputs["predictions"].type) == ("UINT8", "FLOAT32")


@needs("openvino")
@pytest.mark.parametrize(("old", "new", "options", "differs"), NEAREST_RESIZES)
def test_openvino_takes_other_pixels_where_the_static_rule_says_so(old, new, options, differs, tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(flatbuffer.write(nearest_resize_model(old, new, **options)))
    x = np.random.default_rng(0).uniform(size=(1, old, old, 3)).astype("f4")
    litert, openvino = (table.TARGETS[name].run(read_contents(path), {"x": x}).arrays["y"] for name in BOTH)
    assert np.allclose(litert, openvino, atol=1e-5) != differs


@needs("openvino")
def test_synthetic_pictures_show_a_wrong_resize_in_openvino(tmp_path):
    """A network that halves its picture: OpenVINO takes the first of each two pixels, LiteRT the second."""
    path = tmp_path / "net.tflite"
    path.write_bytes(flatbuffer.write(nearest_resize_model(96, 48)))
    (result,) = check(path, "openvino").targets
    assert result.status == "fail" and result.answered
    assert any(reason.startswith("beside LiteRT's answers: error") for reason in result.reasons)


REFUSED = [case for case in PLANTED if case[1] is not float_hard_swish or case[0].startswith("ethos")]


@pytest.mark.parametrize(
    ("target", "change"),
    [
        pytest.param(target, change, marks=needs(target), id=f"{target}-{change.__name__}")
        for target, change, code in REFUSED
        if target in ("openvino", "tflite-micro", "browser")
        and code in ("operator-code", "type", "hybrid-operator", "operator", "end-type", "dynamic-shape")
    ],
)
def test_the_tool_refuses_what_the_static_rules_call_an_error(target, change, tmp_path):
    from tests.tflite.targets.conftest import dense_model

    model = dense_model()
    change(model)
    path = tmp_path / "net.tflite"
    path.write_bytes(flatbuffer.write(model))
    with pytest.raises(UserError):
        table.TARGETS[target].run(read_contents(path), {"x": np.ones((1, 4), np.float32)})
