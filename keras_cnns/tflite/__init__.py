"""From any functional Keras 3 model to a `.tflite` file that has been run and compared with it.

`export` makes one file, an `Exporter` several of one model. The folders, in the order in which a model passes through
them: inputs (pictures), rewrite (graph to graph), quantize (after training) or aware (while training), file (the
flatbuffer), targets (runtimes and chips), verify (compared, judged, timed).
"""

from keras_cnns.support.lazy_imports import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "export": "export_file",
        "Exporter": "exporter",
        "Ends": "settings",
        "Description": "settings",
        "Limits": "settings",
        "FileSettings": "quantize.settings",
        "Rejected": "verify.rejection",
        "Normalization": "file.metadata",
        "KINDS": "rewrite.endings",
        "HEADS": "rewrite.ends",
        "Report": "verify.report",
        "print_reports": "verify.report_tables",
        "SCHEMES": "quantize.schemes",
        "Tuning": "quantize.settings",
        "predict": "targets.runner",
        "benchmark": "verify.timing",
        "benchmark_on_phone": "verify.phone",
        "quantization_aware": "aware.api",
        "prune": "compress.pruning",
        "Pruning": "compress.pruning",
        "cluster": "compress.clustering",
        "Clustering": "compress.clustering",
        "KeepCompressed": "compress.keep",
        "sparsity": "compress.kernels",
        "gzip_size": "compress.kernels",
    },
)
