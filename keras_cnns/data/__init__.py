"""Pictures and what is known of them, in batches or in memory; knows no model and no training."""

from keras_cnns.support.lazy_imports import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "load": "pipeline",
        "load_arrays": "pipeline",
        "read_picture": "pictures",
        "Data": "pipeline",
        "Augment": "augment.settings",
        "Sample": "sources.sample",
        "Source": "sources.source",
    },
)
