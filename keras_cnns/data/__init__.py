"""Pictures with labels, boxes or masks, in batches or in memory; independent of models and training."""

from keras_cnns.support.lazy_imports import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "load": "pipeline",
        "load_arrays": "pipeline",
        "read_picture": "pictures",
        "Data": "batches",
        "Augment": "augment.settings",
        "Sample": "sources.sample",
        "Source": "sources.source",
    },
)
