"""One self-contained HTML file about a trained run or an exported file."""

from keras_cnns.support.lazy_imports import public

__getattr__, __dir__, __all__ = public(__name__, {"report": "write"})
