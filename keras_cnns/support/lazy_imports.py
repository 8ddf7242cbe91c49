"""What is imported at its first use.

Listing the models and reading their tables must not cost the seconds that Keras and its backend take to load. Therefore
blocks and models write `from keras_cnns.support.lazy_imports import layers` where others write
`from keras import layers`, and the `__init__` of a package names its public names and the modules they live in:
`__getattr__, __dir__, __all__ = public(__name__, {...})`. The `__init__.pyi` beside it tells editors and type checkers
the same; `python -m keras_cnns.maintenance.stubs` writes it.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any


class LazyModule:
    """Stands for a module that is imported when one of its attributes is first read."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._module), name)


if TYPE_CHECKING:
    import keras
    from keras import layers, ops
else:
    keras, layers, ops = LazyModule("keras"), LazyModule("keras.layers"), LazyModule("keras.ops")

__all__ = ["LazyModule", "keras", "layers", "ops", "public"]

PUBLIC: dict[str, Mapping[str, str]] = {}  # the table of every lazy package that has been imported


def public(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Makes the `__getattr__`, `__dir__` and `__all__` of a package whose public names live in its modules.

    Args:
      package: the package's `__name__`.
      homes: {public name: the module it lives in, relative to the package; "" for a module or package of that name}.
    """
    PUBLIC[package] = homes

    def __getattr__(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if not homes[name]:
            return import_module(f"{package}.{name}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return __getattr__, lambda: sorted(homes), list(homes)
