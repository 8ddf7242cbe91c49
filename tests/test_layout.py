"""The rules that keep the package habitable: what imports what, and what an import costs."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "keras_cnns").rglob("*.py"))

# The lowest layer first; a file imports only from its own layer and from lower ones. The longest prefix counts.
LAYERS = (
    ("version", "support"),
    ("geometry", "saving", "layers", "graph"),
    ("blocks",),
    ("profiling", "family", "data", "inference.drawing"),
    ("tflite",),
    ("models",),
    ("registry",),
    ("weights",),
    ("builder",),
    ("tasks",),
    ("training",),
    ("inference", "insight", "export_scripts"),
    ("maintenance", "demo", "testing", "cli"),
)
# Paths of 0.1.0 that still work: each only imports from where its names live now.
OLD_PATHS = ("tflite.pages", "tflite.pages.page", "tflite.pages.any_model", "tflite.aware.compress")
LONGEST = 300  # lines of a file


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
    shares_memory = {"blocks/initial.py"}  # makes a tensor without a copy, where TensorFlow is the backend
    assert importers("tensorflow", "tf_keras", "torch", "jax", under=folder) <= shares_memory


def test_the_export_side_knows_no_model():
    assert not importers(
        "keras_cnns.models", "keras_cnns.registry", "keras_cnns.builder", "keras_cnns.build", under="tflite"
    )


def test_nothing_imports_the_scripts():
    assert not importers("recipes", "export", "benchmarks", "tests")


def test_only_the_twin_and_its_users_import_tf_keras():
    allowed = {"tflite/aware/twin.py", "tflite/aware/quantized_twin.py"}
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


def test_the_scripts_hold_no_logic_of_their_own():
    """A recipe or an export script fits on two screens: longer code belongs in the library."""
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


def module(path):
    """`keras_cnns/data/pipeline.py` -> "data.pipeline", a package by its own name, the whole library by ""."""
    return ".".join(path.relative_to(ROOT / "keras_cnns").with_suffix("").parts).removesuffix("__init__").rstrip(".")


MODULES = {module(path): path for path in FILES}


@cache
def tree(name):
    return ast.parse(MODULES[name].read_text())


@cache
def homes(package):
    """{public name: module it lives in} of a package whose `__init__` says `public(__name__, {...})`."""
    for node in ast.walk(tree(package)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "public" and package:
            tables = [n for n in ast.walk(tree(package)) if isinstance(n, ast.Dict)]
            pairs = [(k.value, v.value) for d in tables for k, v in zip(d.keys, d.values, strict=True)]
            return {name: f"{package}.{home or name}" for name, home in pairs}
    return {}


def within(package):
    return {name for name in MODULES if name.startswith(f"{package}.") and name.count(".") == package.count(".") + 1}


def needs(name):
    """The modules that one needs, imported wherever in it, by `import_module` too; a package is all it offers."""
    results = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            results |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            results |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and "import_module" in (
            getattr(node.func, "id", ""),
            getattr(node.func, "attr", ""),
        ):
            (what, *_) = node.args
            start = what.values[0] if isinstance(what, ast.JoinedStr) else what
            if isinstance(start, ast.Constant):
                results |= {f"keras_cnns.{m}" for m in within(start.value.removeprefix("keras_cnns.").rstrip("."))}
    needed = set()
    for word in (word.removeprefix("keras_cnns.") for word in results if word.startswith("keras_cnns")):
        package, _, last = word.rpartition(".")
        if word in MODULES:  # a module, or a package with what it gives out
            needed |= {word, *homes(word).values()}
        elif package in MODULES:
            needed.add(homes(package).get(last, package))
        else:
            needed.add("")  # of `keras_cnns` itself
    return needed - {name}


def first_circle(graph):
    """The modules of a circle in {module: modules it needs}, in order; nothing where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def layer(name):
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        for height, names in enumerate(LAYERS):
            if ".".join(parts[:length]) in names:
                return height
    raise AssertionError(f"{name} is in no layer: add it to LAYERS")


def test_no_import_goes_in_a_circle():
    assert not first_circle({name: needs(name) for name in MODULES if name})


def test_a_circle_is_found():
    """Also one that goes through an import inside a function, and through what a package gives out."""
    graph = {name: needs(name) for name in MODULES if name}
    assert "registry.registry" in graph["registry.assemble"] and "builder" in graph["tasks.base.recipe_model"]
    graph["registry.registry"] = graph["registry.registry"] | {"builder"}
    assert "registry.registry" in first_circle(graph)


def test_imports_go_down_the_layers():
    upward = {
        f"{name} imports {other}"
        for name in MODULES
        if name and name not in OLD_PATHS
        for other in needs(name)
        if other and layer(other) > layer(name)
    }
    assert not upward


def folders(graph, folder):
    """The same graph between folders: {folder: folders that its modules need}."""
    results = {}
    for name, needed in graph.items():
        others = {folder(other) for other in needed if other} - {folder(name)}
        results[folder(name)] = results.get(folder(name), set()) | others
    return results


def package(name):
    """`data.sources.coco` -> "data"; a module at the root stands for itself."""
    return name.split(".")[0]


def parent(name):
    """`data.sources.coco` -> "data.sources"; the modules of `data` itself -> "data"."""
    return name if MODULES[name].name == "__init__.py" or "." not in name else name.rpartition(".")[0]


@pytest.mark.parametrize("folder", [package, parent], ids=["packages", "folders"])
def test_no_import_between_folders_goes_in_a_circle(folder):
    graph = folders({name: needs(name) for name in MODULES if name and name not in OLD_PATHS}, folder)
    assert not first_circle(graph)


def test_a_circle_between_folders_is_found():
    """Two files that do not need each other, in folders that do."""
    graph = {"blocks.conv": {"layers.grouped"}, "layers.roi_align": {"blocks.strides"}}
    assert not first_circle(graph)
    assert set(first_circle(folders(graph, package))) == {"blocks", "layers"}


# Private attributes of other packages that have no public counterpart; Keras's are in graph/ alone.
FOREIGN_PRIVATES = {
    "_actions": "the flags of an argparse parser, for the page about the command",
    "_experimental_use_buffer_offset": "where TFLiteConverter puts weights; without it, it holds them twice",
    "_exit": "os._exit, documented by Python",
    "_get_ops_details": "the operators of a .tflite file: ai_edge_litert offers no other way to list them",
    "_get_tensor_details": "the tensors of a subgraph, from the same interpreter",
    "_funcs": "the traced functions inside TFLiteConverter, to say which operation it cannot convert",
    "_recipe_manager": "of LiteRT Quantizer's Quantizer, which its own Calibrator asks for",
    "_output_quantizer_vars": "the ranges inside tensorflow_model_optimization's QuantizeWrapper",
    "_tab": "the position of a table in the bytes of a flatbuffer, which the generated readers keep",
    "_weight_vars": "the quantized weights inside the same wrapper",
}


def private_attributes(tree):
    """(line, name) of each private attribute of another object than `self` and `cls`, by a dot or by `getattr`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            mine = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls", "other")
            own = isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "super"
            name = "" if mine or own else node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "hasattr", "setattr"):
            name = node.args[1].value if isinstance(node.args[1], ast.Constant) else ""
        else:
            continue
        if name.startswith("_") and not name.startswith("__"):
            yield node.lineno, name


def test_private_attributes_of_keras_are_read_in_one_folder():
    result = {
        f"{name}:{line} {attribute}"
        for name in MODULES
        if package(name) != "graph"
        for line, attribute in private_attributes(tree(name))
        if attribute not in FOREIGN_PRIVATES
    }
    assert not result


def test_a_private_attribute_is_found():
    source = "a._x; self._y; super()._z; getattr(b, '_v'); c.__name__; d[0]._w.e"
    assert {name for _, name in private_attributes(ast.parse(source))} == {"_x", "_v", "_w"}


def test_few_files_lie_loose_at_the_root():
    assert len([path for path in (ROOT / "keras_cnns").iterdir() if path.is_file()]) <= 8


def test_nothing_inside_asks_the_whole_library():
    """What lives in it is imported from where it lives: `from keras_cnns.builder import build`."""
    assert not [name for name in MODULES if name and "" in needs(name)]


def test_files_are_short():
    assert not [module(path) for path in FILES if len(path.read_text().splitlines()) > LONGEST]


def body_lines(function):
    """Lines of a function without its docstring."""
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        lines -= function.body[0].end_lineno - function.body[0].lineno + 1
    return lines


def test_functions_are_short():
    """Fewer than 60 lines without the docstring, which lists the arguments of the large ones."""
    functions = [(name, node) for name in MODULES for node in ast.walk(tree(name)) if isinstance(node, ast.FunctionDef)]
    assert len(functions) > 2000
    assert not [f"{name}.{node.name}" for name, node in functions if body_lines(node) >= 60]
    (export,) = [node for name, node in functions if name == "tflite.export_file" and node.name == "export"]
    assert body_lines(export) <= 45  # 26 of them are its arguments
