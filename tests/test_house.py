"""The rules that keep the package habitable: what imports what, and what an import costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "keras_cnns").rglob("*.py"))


def imported(path):
    """Every module that the file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def importers(*modules, under=""):
    """Files below keras_cnns/`under` that import one of `modules`."""
    return {
        path.relative_to(ROOT / "keras_cnns").as_posix()
        for path in FILES
        if path.is_relative_to(ROOT / "keras_cnns" / under)
        and any(name == m or name.startswith(f"{m}.") for name in imported(path) for m in modules)
    }


@pytest.mark.parametrize("folder", ["blocks", "models", "layers"])
def test_models_know_no_backend(folder):
    assert not importers("tensorflow", "tf_keras", "torch", "jax", under=folder)


def test_the_export_side_knows_no_model():
    assert not importers(
        "keras_cnns.models", "keras_cnns.registry", "keras_cnns.builder", "keras_cnns.build", under="tflite"
    )


def test_nothing_imports_the_pages():
    assert not importers("recipes", "export", "benchmarks", "tests")


def test_only_the_twin_and_its_users_import_tf_keras():
    allowed = {"tflite/aware/twin.py", "tflite/aware/compress.py"}
    assert importers("tf_keras", "tensorflow_model_optimization") <= allowed


def test_nobody_writes_tf_dot_keras():
    wrong = [
        f"{path}:{node.lineno}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr == "keras"
        and isinstance(node.value, ast.Name)
        and node.value.id in ("tf", "tensorflow")
    ]
    assert not wrong


def test_the_pages_hold_no_logic_of_their_own():
    """A recipe or an export page reads like a page: more than this belongs into the library."""
    pages = [*(ROOT / "recipes").glob("*.py"), *(ROOT / "export").glob("*.py")]
    assert pages
    assert not [page.name for page in pages if len(page.read_text().splitlines()) > 120]


def test_listing_the_models_loads_neither_tensorflow_nor_keras():
    code = (
        "import sys, keras_cnns; names = keras_cnns.list_models(); keras_cnns.info('lenet5');"
        "print(len(names), *(m for m in ('tensorflow', 'keras', 'torch', 'jax') if m in sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    count, *loaded = printed.split()
    assert int(count) > 25
    assert not loaded
