"""`keras.saving.load_model` knows this package's layers wherever the package has been imported.

Keras looks for a layer by its registered name, and a layer is registered when its class is made, which needs Keras. So
that `import keras_cnns` need not load Keras, the layers are made right after somebody does.
"""

import sys
from importlib.abc import MetaPathFinder
from importlib.util import find_spec


class _WhenKerasIsImported(MetaPathFinder):
    looking = False

    def find_spec(self, name, path, target=None):
        if name != "keras" or self.looking:
            return None
        self.looking = True  # among the other finders; some only ask whether there is a Keras, and import it later
        try:
            spec = find_spec("keras")
        finally:
            self.looking = False
        if spec is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module):
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                execute(module)
                _register()

            spec.loader.exec_module = execute_and_register
        return spec


def watch():
    """Registers the layers now if Keras is there, and otherwise as soon as it is."""
    if "keras" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _WhenKerasIsImported())


def _register():
    """Makes every layer of this package, which registers it with Keras."""
    from keras_cnns import layers

    for name in layers.__all__:
        getattr(layers, name)
