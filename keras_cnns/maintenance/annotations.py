"""Counts the functions and methods without complete annotations: `python -m keras_cnns.maintenance.annotations`.

A callable counts as public if its name, its class and every part of its module's path begin with a letter.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

LIBRARY = Path(__file__).parents[1]


def functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """(qualified name, definition) of the functions of a module and the methods of its classes; none inside those."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{method.name}", method


def is_annotated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether every argument but `self` and the result have annotations; `__init__` needs none for its result."""
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    arguments += [argument for argument in (node.args.vararg, node.args.kwarg) if argument]
    named = [argument for argument in arguments if argument.arg not in ("self", "cls")]
    return all(argument.annotation for argument in named) and (node.returns is not None or node.name == "__init__")


def missing() -> Iterator[tuple[str, bool]]:
    """(module.function, whether it is public) of everything that is not annotated."""
    for path in sorted(LIBRARY.rglob("*.py")):
        module = ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts).removesuffix(".__init__")
        for name, node in functions(path):
            if not is_annotated(node):
                yield f"{module}.{name}", not any(part.startswith("_") for part in f"{module}.{name}".split("."))


if __name__ == "__main__":
    counts = Counter((name.split(".")[1], public) for name, public in missing())
    for folder in sorted({folder for folder, _ in counts}):
        print(f"{folder:20} public {counts[folder, True]:4}   private {counts[folder, False]:4}")
    print(f"{'all':20} public {sum(n for (_, public), n in counts.items() if public):4}")
