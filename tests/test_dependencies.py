"""What is imported is declared in setup.py, and what is declared is imported."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# The names of packages whose modules are called otherwise.
MODULES = {
    "pillow": "PIL",
    "scikit-learn": "sklearn",
    "pytest-xdist": "xdist",
    "pyyaml": "yaml",
    "ethos-u-vela": "ethosu",
    "markdown-it-py": "markdown_it",
}
# Declared for another package that needs them and does not bring them, as the comments in setup.py say.
FOR_OTHERS = {"etils", "importlib_resources", "tensorboard", "xdist"}
# The lists of optional packages, which are imported only inside functions.
OPTIONAL = ("OPENVINO", "ETHOS_U", "TFLITE_MICRO", "MEDIAPIPE", "TOSA", "PARQUET")


def declared(*groups):
    """The modules of the packages in these lists of setup.py."""
    lists = {
        node.targets[0].id: [ast.literal_eval(entry) for entry in node.value.elts]
        for node in ast.parse((ROOT / "setup.py").read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List)
    }
    names = {re.match(r"[\w-]+", entry)[0] for group in groups for entry in lists[group]}
    return {MODULES.get(name, name.replace("-", "_")) for name in names}


def imported(folder):
    """The packages that the files below the folder import, wherever in them; no standard library, none of our own."""
    modules = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.split(".")[0])
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "importorskip":
                modules.add(node.args[0].value.split(".")[0])
    return modules - set(sys.stdlib_module_names) - {"keras_cnns"}


def test_what_the_package_imports_is_declared():
    undeclared = imported("keras_cnns") - declared("BASE", "QAT", *OPTIONAL)
    assert not undeclared, f"add to BASE in setup.py: {undeclared}"


def test_what_is_declared_is_imported():
    unused = declared("BASE", "QAT", *OPTIONAL) - imported("keras_cnns") - FOR_OTHERS
    assert not unused, f"remove from setup.py: {unused}"
    unused = declared("TEST") - imported("tests") - FOR_OTHERS
    assert not unused, f"remove from setup.py: {unused}"


@pytest.mark.parametrize(
    ("group", "module"), [("BASE", "PIL"), ("QAT", "tf_keras"), ("BASE", "pycocotools"), ("TEST", "hypothesis")]
)
def test_the_lists_are_read(group, module):
    assert module in declared(group)


def test_optional_packages_are_imported_inside_functions():
    """So that the package is imported without them."""
    top = set()
    for path in (ROOT / "keras_cnns").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                top |= {alias.name.split(".")[0] for alias in node.names}
                top.add((getattr(node, "module", None) or "").split(".")[0])
    assert not top & declared(*OPTIONAL)


def test_an_import_inside_a_function_is_seen():
    assert {"scipy", "tensorflow", "h5py"} <= imported("keras_cnns")


def test_every_dependency_has_a_row_in_the_table_of_licences():
    """The table is made by `python -m keras_cnns.maintenance.licences`; its versions may be older."""
    rows = [line.split(" | ") for line in (ROOT / "docs/reference/licences.md").read_text().splitlines() if "|" in line]
    licences = {row[0].strip("| "): row[-1].strip(" |") for row in rows[2:]}
    lists = {
        node.targets[0].id: [ast.literal_eval(entry) for entry in node.value.elts]
        for node in ast.parse((ROOT / "setup.py").read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List)
    }
    names = {re.match(r"[\w-]+", entry)[0].replace("_", "-") for entry in lists["BASE"] + lists["QAT"]}
    assert names <= set(licences)
    assert [name for name, licence in licences.items() if licence == "not declared"] == ["namex"]
    copyleft = {name for name, licence in licences.items() if re.search("A?GPL|Affero", licence)}
    assert not copyleft
