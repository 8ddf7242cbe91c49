"""keras_cnns: classic convolutional networks by name, recipes that train them, and verified .tflite files."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "keras_cnns/version.py").read_text())[1]

# The upper bounds are the newest versions that were tested together; without them pip tries old ones for minutes.
BASE = [
    "tensorflow>=2.18,<2.22",  # training, tf.data, tf.distribute, the converter
    "keras>=3.12,<3.16",  # the models
    "numpy>=1.26",  # arrays
    "tensorflow-datasets>=4.9.8,<4.10",  # data sets in one on-disk format
    "etils<1.14; python_version<'3.11'",  # needed by tensorflow-datasets; newer versions need Python 3.11
    "importlib_resources>=6",  # needed by tensorflow-datasets, which does not declare it
    "ai-edge-litert>=2.3,<2.4",  # runs .tflite files
    "litert-quantizer>=0.11,<0.12",  # post-training quantization; until 0.10 its name was ai-edge-quantizer
    "flatbuffers>=24",  # the metadata inside .tflite files
    "h5py>=3.11",  # .h5 weight files
    "safetensors>=0.4.5",  # .safetensors weight files
    "scikit-learn>=1.5",  # the handwritten digits; precision, recall, confusion matrix
    "scipy>=1.11",  # rank correlation of explanation maps
    "matplotlib>=3.9",  # training curves, confusion matrices, figures
    "pillow>=10",  # pictures from files
    "pyyaml>=6",  # data.yaml of YOLO folders
    "defusedxml>=0.7",  # VOC's XML and XMP, without entities
    "pycocotools>=2.0.8",  # polygons of COCO and YOLO as masks; the reference for our measures
    "rich>=13",  # tables, progress
    "tyro>=0.9",  # flags from dataclasses and functions
    "packaging>=23",  # the requirements of the table of licences; TensorFlow and Keras need it too
    "jinja2>=3.1",  # the HTML report, with everything in it escaped
    "tensorboard>=2.18",  # tf.summary needs it, and TensorFlow 2.21 does not install it
]
QAT = [
    "tf-keras>=2.18,<2.22",  # Keras 2, which tensorflow-model-optimization works on
    "tensorflow-model-optimization==0.8.1",  # the reference for quantization-aware training
]
TORCH = ["torch>=2.4"]  # the tests' reference for weights of torchvision and timm; .pth files are read without it
# Runtimes and compilers that exported files are checked on; each runs in a process of its own.
OPENVINO = ["openvino>=2026.4"]
ETHOS_U = ["ethos-u-vela>=5.2"]
TFLITE_MICRO = ["tflite-micro>=0.dev20261023182759"]  # has only development releases, which such a bound allows
TOSA = ["tosa-converter-for-tflite>=2026.2"]
PARQUET = ["pyarrow>=15"]  # data sets in Parquet files
MEDIAPIPE = ["mediapipe>=1.2"]
TEST = [
    "pytest>=8",
    "pytest-xdist>=3.6",  # tests in parallel
    "hypothesis>=6.100",  # generated arguments and files
    "tree-sitter>=0.23",  # parses generated sources
    "tree-sitter-c>=0.23",
    "tree-sitter-javascript>=0.23",
    "tree-sitter-kotlin>=1.1",
    "tree-sitter-swift>=0.7",
    "html5lib>=1.1",  # parses generated pages as the standard says
    "markdown-it-py>=3",  # parses generated Markdown
]
DEV = ["ruff>=0.11", "mypy>=1.15", "tox>=4.20"]
DOCS = [
    "mkdocs-material>=9.6,<10",  # the site
    "mkdocstrings[python]>=0.29",  # its reference pages, from the docstrings
]

setup(
    name="keras_cnns",
    version=VERSION,
    description=__doc__.splitlines()[0].split(": ", 1)[1],
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    # the recipes are scripts of the checkout; in a wheel they are found inside the package
    packages=[*find_packages(include=["keras_cnns", "keras_cnns.*"]), "keras_cnns.recipes"],
    package_dir={"keras_cnns.recipes": "recipes"},
    package_data={
        "keras_cnns": [
            "**/*.json",
            "**/*.pyi",
            "insight/report/templates/*.html",
            "export_scripts/templates/**/*",
            "tflite/targets/*.js",
            "py.typed",
        ]
    },
    install_requires=BASE,
    extras_require={
        "qat": QAT,
        "torch": TORCH,
        "openvino": OPENVINO,
        "ethos-u": ETHOS_U,
        "tflite-micro": TFLITE_MICRO,
        "mediapipe": MEDIAPIPE,
        "tosa": TOSA,
        "parquet": PARQUET,
        "test": TEST + QAT,
        "dev": DEV + TEST + QAT,
        "docs": DOCS,
    },
    entry_points={"console_scripts": ["keras-cnns = keras_cnns.cli.commands:main"]},
)
