"""What is imported at its first use.

Listing the models and reading their tables must not cost the seconds that Keras and its backend take to load. So blocks
and models say `from keras_cnns.support.lazy_imports import layers` where others say `from keras import layers`, and
a package's `__init__` names what is public in it and where that lives:
`__getattr__, __dir__, __all__ = public(__name__, {...})`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras
    from keras import layers, ops
else:

    class _Lazy:
        def __init__(self, module):
            self._module = module

        def __getattr__(self, name):
            return getattr(import_module(self._module), name)

    keras, layers, ops = _Lazy("keras"), _Lazy("keras.layers"), _Lazy("keras.ops")

__all__ = ["keras", "layers", "ops", "public"]


def public(package, homes):
    """`__getattr__`, `__dir__` and `__all__` of a package whose public names live in its modules.

    homes: {public name: the module it lives in, relative to the package; "" for a module or package of that name}.
    """

    def __getattr__(name):
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if not homes[name]:
            return import_module(f"{package}.{name}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return __getattr__, lambda: sorted(homes), list(homes)
