"""The distribution keras_cnns_runtime: the same package with what running a .tflite file needs, without TensorFlow.

    pip install ./runtime

An extra can only add dependencies to a distribution, and `pip install keras_cnns` shall bring everything; so this is a
distribution of its own. The two install the same files and exclude each other.
"""

import ast
import os
import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "keras_cnns/version.py").read_text())[1]
RUNTIME = ("numpy", "ai-edge-litert", "flatbuffers", "pillow", "defusedxml", "rich", "tyro")
LISTS = {
    node.targets[0].id: [ast.literal_eval(entry) for entry in node.value.elts]
    for node in ast.parse((ROOT / "setup.py").read_text()).body
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.List)
}

os.chdir(HERE)
setup(
    name="keras_cnns_runtime",
    version=VERSION,
    description="keras_cnns without TensorFlow: runs and checks .tflite files",
    long_description="The package [keras_cnns](https://pypi.org/project/keras_cnns) with the dependencies of "
    "`keras-cnns predict`, `show`, `benchmark` and `check` of `.tflite` files alone. Install one of the two.",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=find_packages("..", include=["keras_cnns", "keras_cnns.*"]),
    package_dir={"": ".."},
    package_data={"keras_cnns": ["**/*.json", "**/*.pyi", "tflite/targets/*.js", "py.typed"]},
    install_requires=[entry for entry in LISTS["BASE"] if re.match(r"[\w-]+", entry)[0] in RUNTIME],
    extras_require={"parquet": LISTS["PARQUET"]},
    entry_points={"console_scripts": ["keras-cnns = keras_cnns.cli.commands:main"]},
)
