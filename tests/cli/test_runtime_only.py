"""What works on a `.tflite` file needs neither TensorFlow nor Keras, and only what runtime/setup.py names."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_cnns import build
from keras_cnns.cli.commands import main
from keras_cnns.testing import pictures
from keras_cnns.tflite import export
from tests.test_dependencies import MODULES

ROOT = Path(__file__).parents[2]
BLOCKED = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None
"""
COMMAND = """
from keras_cnns.cli.commands import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print("ended", end.code)
"""
FUNCTIONS = """
import numpy as np
from keras_cnns import read_card, tflite
assert tflite.predict(sys.argv[1], np.zeros((2, 32, 32, 1), np.float32)).shape == (2, 10)
assert tflite.benchmark([sys.argv[1]], runs=1, threads=(1,)) and read_card(sys.argv[1]).name == "lenet5"
print("ended", 0)
"""


def lists_of(path):
    """The lists of texts at the top of a setup.py."""
    return {
        node.targets[0].id: [ast.literal_eval(entry) for entry in node.value.elts]
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List | ast.Tuple)
    }


def modules_of(entries):
    names = {re.match(r"[\w-]+", entry)[0] for entry in entries}
    return {MODULES.get(name, name.replace("-", "_")) for name in names}


def run_without(code, *words):
    """What a process prints in which no package can be imported that the runtime distribution does not install."""
    every, enough = lists_of(ROOT / "setup.py")["BASE"], lists_of(ROOT / "runtime/setup.py")["RUNTIME"]
    blocked = modules_of(every) - modules_of(enough) | {"tf_keras"}
    command = [sys.executable, "-c", BLOCKED.format(blocked=sorted(blocked)) + code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.fixture(scope="module")
def tflite_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "lenet5.tflite"
    export(build("lenet5", include_preprocessing=True), path, images=pictures(4, (32, 32, 1), high=255), force=True)
    return path


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("picture") / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 15, 3), "uint8")).save(path)
    return path


@pytest.mark.parametrize(
    "words",
    [
        "predict PICTURE --model FILE",
        "show FILE",
        "benchmark FILE --runs 1 --threads 1",
        "check FILE",
    ],
)
def test_a_command_for_a_tflite_file_needs_the_runtime_packages_alone(words, tflite_file, picture):
    words = [{"FILE": tflite_file, "PICTURE": picture}.get(word, word) for word in words.split()]
    done = run_without(COMMAND, *words)
    assert done.stdout.splitlines()[-1:] == ["ended 0"], done.stdout + done.stderr


def test_functions_for_a_tflite_file_need_the_runtime_packages_alone(tflite_file):
    done = run_without(FUNCTIONS, tflite_file)
    assert done.stdout.splitlines()[-1:] == ["ended 0"], done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "modules"),
    [
        ("predict PICTURE --model FILE", ["tyro", "rich.progress"]),
        ("show FILE", ["tyro", "numpy", "PIL"]),
        ("check FILE", ["tyro", "rich.progress"]),
    ],
)
def test_a_command_that_starts_at_once_does_not_import(words, modules, tflite_file, picture):
    """In its own process; LiteRT's has NumPy."""
    words = [{"FILE": tflite_file, "PICTURE": picture}.get(word, word) for word in words.split()]
    done = run_without("".join(f"sys.modules[{name!r}] = None\n" for name in modules) + COMMAND, *words)
    assert done.stdout.splitlines()[-1:] == ["ended 0"], done.stdout + done.stderr


def test_a_command_that_needs_tensorflow_says_what_to_install(tmp_path):
    done = run_without(COMMAND, "export", "lenet5")
    assert done.stdout.splitlines()[-1:] == ["ended 2"]
    assert "tensorflow is not installed" in done.stderr and "Traceback" not in done.stderr


def test_a_child_started_early_is_not_needed(tflite_file, capsys):
    with pytest.raises(SystemExit) as end:
        main(["predict", "nowhere.png", "--model", str(tflite_file)])
    assert end.value.code == 2 and "nowhere.png" in capsys.readouterr().err
