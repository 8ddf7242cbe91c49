"""keras_cnns: every classic convolutional network by name, trained, and shipped as a verified .tflite file."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "keras_cnns/version.py").read_text())[1]

# The upper bounds are the newest that were seen to work together; without them pip tries old sets for many minutes.
BASE = [
    "tensorflow>=2.18,<2.22",  # training, tf.data, tf.distribute, the converter
    "keras>=3.12,<3.16",  # the models
    "numpy>=1.26",  # arrays
    "tensorflow-datasets>=4.9.8,<4.10",  # data sets in one on-disk format
    "etils<1.14; python_version<'3.11'",  # of tensorflow-datasets; newer ones need Python 3.11
    "importlib_resources>=6",  # of tensorflow-datasets, which does not say so
    "ai-edge-litert>=2.3,<2.4",  # runs .tflite files: no file is handed over that was not run
    "ai-edge-quantizer>=0.10,<0.11",  # quantizes .tflite files after training
    "scikit-learn>=1.5",  # the handwritten digits; precision, recall, confusion matrix
    "matplotlib>=3.9",  # training curves, confusion matrices
    "pillow>=10",  # pictures from files
    "safetensors>=0.4.5",  # weight files of timm
    "defusedxml>=0.7.1",  # XML of boxes, without entities
    "pyyaml>=6",  # data.yaml of boxes, by its safe loader
    "rich>=13",  # tables, progress
    "tyro>=0.9",  # flags from dataclasses
    "jinja2>=3.1",  # the report's page, everything in it escaped
    "tensorboard>=2.18",  # the training log; newer TensorFlow does not bring it
]
QAT = [
    "tf-keras>=2.18,<2.22",  # the twin that tensorflow-model-optimization works on
    "tensorflow-model-optimization==0.8.1",  # quantization-aware training, pruning, clustering of the twin
]
TORCH = ["torch>=2.4"]  # reads .pth files
TEST = [
    "pytest>=8",
    "pytest-xdist>=3.6",  # tests side by side
    "hypothesis>=6.100",  # arguments and files from outside
    "pycocotools>=2.0.8",  # COCO's own measures, which ours must equal
]
DEV = ["ruff>=0.11", "mypy>=1.15", "tox>=4.20"]

setup(
    name="keras_cnns",
    version=VERSION,
    description=__doc__.splitlines()[0].split(": ", 1)[1],
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["keras_cnns", "keras_cnns.*"]),
    package_data={"keras_cnns": ["**/*.json", "**/*.pyi", "insight/report/templates/*.html", "py.typed"]},
    install_requires=BASE,
    extras_require={"qat": QAT, "torch": TORCH, "test": TEST + QAT, "dev": DEV + TEST + QAT},
    entry_points={"console_scripts": ["keras-cnns = keras_cnns.cli.commands:main"]},
)
