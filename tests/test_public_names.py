"""What is public: stubs that match the lazy tables, and errors that a caller can catch."""

import ast
from importlib import import_module
from inspect import getdoc, getsource
from types import ModuleType

import pytest

import keras_cnns
from keras_cnns.maintenance.reference_pages import INTERNAL
from keras_cnns.maintenance.stubs import lazy_packages, stub
from keras_cnns.support.lazy_imports import PUBLIC

PACKAGES = lazy_packages()


def documentation(package: str, name: str) -> str:
    """The docstring of a public name; of a constant the text after its assignment."""
    value = getattr(import_module(package), name)
    if isinstance(value, ModuleType):
        return ">>>"  # its own names have examples
    if callable(value):
        return getdoc(value) or ""
    body = ast.parse(getsource(import_module(f"{package}.{PUBLIC[package][name]}"))).body
    for node, following in zip(body, body[1:], strict=False):
        if isinstance(node, ast.Assign) and node.targets[0].id == name and isinstance(following, ast.Expr):
            return following.value.value
    return ""


ERRORS = ("BadArgument", "UnreadableFile", "UnsupportedModel", "RejectedExport", "NotInstalled")


def test_the_documented_packages_are_lazy():
    parts = ("data", "insight", "tasks", "tflite", "training", "weights")
    assert {"keras_cnns", *(f"keras_cnns.{name}" for name in parts)} <= set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_stub_names_what_the_lazy_table_names(package):
    written = (PACKAGES[package] / "__init__.pyi").read_text(encoding="utf-8")
    assert written == stub(package), "python -m keras_cnns.maintenance.stubs writes it"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_exists_and_is_documented(package):
    module = __import__(package, fromlist=["_"])
    for name in PUBLIC[package]:
        public = getattr(module, name)
        assert not callable(public) or public.__doc__, f"{package}.{name} has no docstring"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_public_name_is_hidden_by_its_module(package):
    # importing a.b sets the attribute b of a, so a function must not have the name of the module that holds it
    for name, home in PUBLIC[package].items():
        assert not home or home.partition(".")[0] != name, f"{package}.{name} becomes a module at its second use"


@pytest.mark.parametrize(
    "package", [*(package for package in PACKAGES if package not in INTERNAL), "keras_cnns.layers"]
)
def test_every_public_name_has_an_example(package):
    module = import_module(package)
    for name in PUBLIC.get(package, dict.fromkeys(module.__all__, "layer")):
        assert any(mark in documentation(package, name) for mark in (">>>", "Example:")), f"{package}.{name}"


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_is_a_user_error_with_a_one_line_message(name):
    error = getattr(keras_cnns, name)("a file name\nof two lines")
    assert isinstance(error, keras_cnns.UserError) and isinstance(error, ValueError)
    assert str(error) == "a file name of two lines"


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'biuld'"):
        keras_cnns.biuld  # noqa: B018
