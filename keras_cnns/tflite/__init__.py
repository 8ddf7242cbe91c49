"""From any functional Keras 3 model to a `.tflite` file that has been run and compared with it."""

from importlib import import_module

_PUBLIC = {
    "export": "exporter",
    "Report": "report",
    "print_reports": "report",
    "SCHEMES": "quantize",
    "predict": "runner",
    "benchmark": "timing",
    "benchmark_on_phone": "phone",
    "quantization_aware": "qat",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name):
    """Loads TensorFlow, Keras and the quantizer only when something that needs them is asked for."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted([*globals(), *_PUBLIC])
