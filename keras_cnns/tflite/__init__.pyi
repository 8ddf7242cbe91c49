# Written by `python -m keras_cnns.maintenance.stubs`.
from .aware.api import quantization_aware as quantization_aware
from .exporter import export as export
from .quantize.schemes import SCHEMES as SCHEMES
from .quantize.tuning import Tuning as Tuning
from .targets.runner import predict as predict
from .verify.phone import benchmark_on_phone as benchmark_on_phone
from .verify.report import Report as Report
from .verify.report import print_reports as print_reports
from .verify.timing import benchmark as benchmark

__all__ = [
    "export",
    "Report",
    "print_reports",
    "SCHEMES",
    "Tuning",
    "predict",
    "benchmark",
    "benchmark_on_phone",
    "quantization_aware",
]
