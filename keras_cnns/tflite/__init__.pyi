# Written by `python -m keras_cnns.maintenance.stubs`.
from .aware.api import quantization_aware as quantization_aware
from .compress.clustering import Clustering as Clustering
from .compress.clustering import cluster as cluster
from .compress.keep import KeepCompressed as KeepCompressed
from .compress.kernels import gzip_size as gzip_size
from .compress.kernels import sparsity as sparsity
from .compress.pruning import Pruning as Pruning
from .compress.pruning import prune as prune
from .export_file import export as export
from .exporter import Exporter as Exporter
from .file.metadata import Normalization as Normalization
from .quantize.schemes import SCHEMES as SCHEMES
from .quantize.settings import FileSettings as FileSettings
from .quantize.settings import Tuning as Tuning
from .rewrite.endings import KINDS as KINDS
from .rewrite.ends import HEADS as HEADS
from .settings import Description as Description
from .settings import Ends as Ends
from .settings import Limits as Limits
from .targets.runner import predict as predict
from .verify.phone import benchmark_on_phone as benchmark_on_phone
from .verify.rejection import Rejected as Rejected
from .verify.report import Report as Report
from .verify.report_tables import print_reports as print_reports
from .verify.timing import benchmark as benchmark

__all__ = [
    "export",
    "Exporter",
    "Ends",
    "Description",
    "Limits",
    "FileSettings",
    "Rejected",
    "Normalization",
    "KINDS",
    "HEADS",
    "Report",
    "print_reports",
    "SCHEMES",
    "Tuning",
    "predict",
    "benchmark",
    "benchmark_on_phone",
    "quantization_aware",
    "prune",
    "Pruning",
    "cluster",
    "Clustering",
    "KeepCompressed",
    "sparsity",
    "gzip_size",
]
