"""The sources for microcontrollers: valid C with hostile names, the bytes of the file, and what is refused."""

import json
import shutil
import subprocess
from importlib.util import find_spec

import markdown_it
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from PIL import Image

from keras_cnns.cli.commands import main
from keras_cnns.export_scripts import microcontroller
from keras_cnns.saving.card import Card
from keras_cnns.support.errors import BadArgument, NotInstalled, UnreadableFile, UnsupportedModel
from keras_cnns.support.untrusted import utf8
from keras_cnns.tflite.file import flatbuffer, metadata
from keras_cnns.tflite.targets.target import Placement
from keras_cnns.tflite.targets.tflite_micro import TFLiteMicro
from tests.support.test_escaping import HOSTILE, parsed
from tests.tflite.targets.conftest import buffer, dense_model, operator, operator_code, tensor

LABELS = tuple(name for name in HOSTILE if "\0" not in name)
SCORES = np.arange(len(LABELS)).astype(np.int8) - 100


def classifier():
    """(1, 4, 6, 3) int8 -> FULLY_CONNECTED -> SOFTMAX, as a `schema.ModelT`."""
    rng, classes = np.random.default_rng(0), len(LABELS)
    weights = rng.integers(-127, 128, (classes, 72)).astype(np.int8)
    softmax, graph, model = schema.SoftmaxOptionsT(), schema.SubGraphT(), schema.ModelT()
    softmax.beta = 1.0
    graph.tensors = [
        tensor("image", (1, 4, 6, 3), "INT8", scale=1.0, zero=-128),
        tensor("weights", (classes, 72), "INT8", buffer=1, scale=1e-3),
        tensor("bias", (classes,), "INT32", buffer=2, scale=1e-3),
        tensor("logits", (1, classes), "INT8", scale=0.1),
        tensor("scores", (1, classes), "INT8", scale=1 / 256, zero=-128),
    ]
    graph.operators = [
        operator(0, [0, 1, 2], [3], schema.FullyConnectedOptionsT()),
        operator(1, [3], [4], softmax),
    ]
    graph.inputs, graph.outputs = [0], [4]
    model.version, model.subgraphs = 3, [graph]
    model.operatorCodes = [operator_code("FULLY_CONNECTED", 4), operator_code("SOFTMAX", 2)]
    model.buffers = [buffer(), buffer(weights), buffer(np.zeros(classes, np.int32))]
    return model


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("net") / 'a" -- b.tflite'
    card = Card(name='net */ "\n#error', labels=LABELS)
    pixels = metadata.normalization(0.0, 255.0)
    path.write_bytes(metadata.attach(flatbuffer.write(classifier()), card, normalization=pixels))
    return path


@pytest.fixture
def measured(monkeypatch):
    """Figures and scores of tflite-micro, without it."""
    placement = Placement(operators=2, arena_bytes=5000, flash_bytes=None)
    monkeypatch.setattr(TFLiteMicro, "placement", lambda self, file: placement)
    monkeypatch.setattr(TFLiteMicro, "stored_outputs", lambda self, file, stored: {"0": SCORES[None, None]})


def compiled(folder, program):
    """What a C program prints that is linked with the arrays of a folder."""
    (folder / "print.c").write_text(f'#include <stdio.h>\n#include "network.h"\nint main(void) {{\n{program}\n}}\n')
    sources = ["print.c", "model.c", "labels.c", "pixels.c", "picture.c"]
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", *sources, "-o", "print"]
    subprocess.run(command, cwd=folder, check=True)
    return subprocess.run(["./print"], cwd=folder, check=True, capture_output=True).stdout


@pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc")
def test_the_arrays_hold_the_file_the_labels_and_the_picture(file, measured, tmp_path):
    Image.fromarray(np.arange(72, dtype=np.uint8).reshape(4, 6, 3) * 3).save(tmp_path / "picture.png")
    sources = microcontroller.write(file, tmp_path / "out", picture=tmp_path / "picture.png")
    program = """
        fwrite(network_model, 1, sizeof network_model, stdout);
        fwrite(network_input_of_pixel, 1, sizeof network_input_of_pixel, stdout);
        fwrite(network_picture, 1, sizeof network_picture, stdout);
        fwrite(network_expected_scores, 1, sizeof network_expected_scores, stdout);
        for (int i = 0; i < NETWORK_CLASSES; ++i) { fputs(network_labels[i], stdout); putchar(0); }
        return (unsigned long)network_model % 16 != 0;"""
    printed = compiled(sources.folder, program)
    data = file.read_bytes()
    assert printed[: len(data)] == data
    rest = np.frombuffer(printed[len(data) :], np.int8)
    np.testing.assert_array_equal(rest[:768], np.tile(np.arange(-128, 128), 3))
    np.testing.assert_array_equal(rest[768:840], np.arange(72) * 3 - 128)
    np.testing.assert_array_equal(rest[840 : 840 + len(SCORES)], SCORES)
    texts = [text.decode() for text in printed[len(data) + 840 + len(SCORES) :].split(b"\0")[:-1]]
    assert texts == [utf8(label) for label in LABELS]


STUBS = {  # as much of tflite-micro as the generated sources use
    "micro/micro_mutable_op_resolver.h": """#pragma once
        #include <cstdint>
        enum TfLiteStatus { kTfLiteOk, kTfLiteError };
        #define TF_LITE_ENSURE_STATUS(a) do { const TfLiteStatus s = (a); if (s != kTfLiteOk) return s; } while (0)
        namespace tflite { template <unsigned int most> struct MicroMutableOpResolver {
        TfLiteStatus AddFullyConnected(); TfLiteStatus AddSoftmax(); static_assert(most == 2, ""); }; }""",
    "micro/micro_interpreter.h": """#pragma once
        #include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
        #include <cstddef>
        struct TfLiteTensor { union { void* raw; } data; };
        namespace tflite { struct Model { uint32_t version() const; };
        struct MicroInterpreter { template <class T> MicroInterpreter(const Model*, const T&, uint8_t*, size_t);
        TfLiteStatus AllocateTensors(); TfLiteStatus Invoke(); size_t arena_used_bytes() const;
        TfLiteTensor* input(size_t); TfLiteTensor* output(size_t); };
        template <class T> T* GetTensorData(TfLiteTensor*); }""",
    "micro/micro_log.h": 'extern "C" void MicroPrintf(const char* format, ...) __attribute__((format(printf, 1, 2)));',
    "micro/system_setup.h": "namespace tflite { void InitializeTarget(); }",
    "schema/schema_generated.h": """#define TFLITE_SCHEMA_VERSION 3
        namespace tflite { const Model* GetModel(const void*); }""",
}


@pytest.mark.skipif(not shutil.which("g++"), reason="there is no g++")
def test_the_program_is_valid_cpp(file, measured, tmp_path):
    folder = microcontroller.write(file, tmp_path / "out").folder
    for name, text in STUBS.items():
        (tmp_path / "tensorflow/lite" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tensorflow/lite" / name).write_text(text)
    command = ["g++", "-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{tmp_path}", "main.cc"]
    subprocess.run(command, cwd=folder, check=True)


def test_no_name_becomes_code(file, measured, tmp_path):
    folder = microcontroller.write(file, tmp_path).folder
    for name in ("labels.c", "network.h"):
        assert "#error" not in [line.split()[0] for line in (folder / name).read_text().splitlines() if line.split()]
    parsed("c", (folder / "labels.c").read_text())
    page = markdown_it.MarkdownIt("commonmark").enable("table").render((folder / "README.md").read_text())
    assert page.count("<h1>") == 1 and page.count("<table>") == 2 and "<h2>" not in page


def test_what_exceeds_the_chip_is_refused(file, measured, tmp_path):
    with pytest.raises(UnsupportedModel, match=r"needs 4.9 KiB of RAM, more than 4.0 KiB and needs .* of flash"):
        microcontroller.write(file, tmp_path / "out", ram="4k", flash=1000)
    assert not (tmp_path / "out").exists()
    with pytest.raises(BadArgument, match="ram is 'much': give a number of bytes, such as 256k"):
        microcontroller.write(file, tmp_path / "out", ram="much")


def without_a_kernel(model):
    model.operatorCodes[1] = operator_code("GELU")


def custom(model):
    model.operatorCodes[1] = operator_code("CUSTOM", custom=b"Mine")


def open_size(model):
    model.subgraphs[0].tensors[0].shapeSignature = [1, -1, 6, 3]


def hybrid(model):
    model.subgraphs[0].tensors[0].type = schema.TensorType.FLOAT32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_a_kernel, "tflite-micro has no GELU"),
        (custom, "custom operators, which run only where they are registered: Mine"),
        (open_size, "the shape of input image is open"),
        (hybrid, "has float inputs and integer weights"),
    ],
)
def test_what_tflite_micro_cannot_run_is_refused(change, message, measured, tmp_path):
    model = classifier()
    change(model)
    (tmp_path / "net.tflite").write_bytes(flatbuffer.write(model))
    with pytest.raises(UnsupportedModel, match=message) as error:
        microcontroller.write(tmp_path / "net.tflite")
    assert "\n" not in str(error.value) and not (tmp_path / "net_micro").exists()


def test_a_network_of_no_pictures_is_refused(measured, tmp_path):
    (tmp_path / "net.tflite").write_bytes(flatbuffer.write(dense_model()))
    with pytest.raises(UnsupportedModel, match="app code is written for pictures"):
        microcontroller.write(tmp_path / "net.tflite")


@pytest.mark.skipif(find_spec("tflite_micro") is not None, reason="tflite-micro is installed")
def test_nothing_is_written_without_tflite_micro(file, tmp_path):
    with pytest.raises(NotInstalled, match='pip install "keras_cnns'):
        microcontroller.write(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command(file, measured, tmp_path, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["micro", str(file), "--out", str(tmp_path / "out"), "--ram", "256k", "--json"])
    row = json.loads(capsys.readouterr().out)
    assert (row["arena_bytes"], row["operators"]) == (5000, ["FULLY_CONNECTED", "SOFTMAX"])
    assert sorted(row["files"]) == sorted(path.name for path in (tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", ["README.md", "Makefile", "main.cc", "model.c"])
def test_a_file_of_somebody_elses_is_not_replaced(name, file, measured, tmp_path):
    for _ in range(2):  # its own files are
        names = microcontroller.write(file, tmp_path / "own").files
    assert name in names
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / name).write_text("mine, about keras_cnns")
    with pytest.raises(UnreadableFile, match=f"{name} is there, and keras_cnns did not generate it"):
        microcontroller.write(file, tmp_path / "project")
    assert [path.name for path in (tmp_path / "project").iterdir()] == [name]
