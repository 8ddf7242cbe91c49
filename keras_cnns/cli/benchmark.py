"""The command `keras-cnns benchmark`. It loads neither TensorFlow nor Keras."""

from dataclasses import asdict
from typing import Any

from keras_cnns.support.console import Json, print_json, show


def benchmark(
    files: tuple[str, ...],
    /,
    *,
    threads: tuple[int, ...] = (1, 2),
    runs: int = 50,
    without_xnnpack: bool = False,
    adb: bool = False,
    tool: str | None = None,
    serial: str | None = None,
    delegate: str = "xnnpack",
    as_json: Json = False,
) -> None:
    """Times .tflite files on this computer or on a phone, in turns; ratios are to the first file.

    Args:
        files: one or more .tflite files
        threads: numbers of threads to try, such as 1 2 4
        runs: timed runs of each file
        without_xnnpack: also time LiteRT's own kernels, without XNNPACK, on this computer
        adb: run on the Android phone that adb lists
        tool: LiteRT's benchmark_model for Android, which is copied to the phone; needed once
        serial: the phone's serial number, if adb lists several
        delegate: on the phone: xnnpack, cpu, gpu or nnapi
    """
    from keras_cnns.tflite.verify import phone, timing

    if adb:
        options: dict[str, Any] = {"tool": tool, "serial": serial, "threads": threads, "delegate": delegate}
        on_phone = phone.benchmark_on_phone(files, runs=runs, **options)
        return print_json([asdict(row) for row in on_phone]) if as_json else show(phone.table(on_phone))
    xnnpack = (True, False) if without_xnnpack else (True,)
    rows = timing.benchmark(files, threads=threads, runs=runs, xnnpack=xnnpack)
    return print_json([asdict(row) for row in rows]) if as_json else show(timing.table(rows))
