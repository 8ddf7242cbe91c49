"""The command `keras-cnns demo`."""

import time
from pathlib import Path

from keras_cnns.support.console import Json
from keras_cnns.support.streams import import_tensorflow

FILES = ("model.keras", "lenet5_int8.tflite", "curve.png", "confusion.png", "report.json")


def demo(*, out: str = "runs/demo", as_json: Json = False) -> None:
    """Trains LeNet-5 on handwritten digits, exports it in four schemes and verifies each file. No download.

    Args:
        out: folder for the files
    """
    import_tensorflow()
    from keras_cnns.demo import demo as run

    started = time.perf_counter()
    metrics, reports, path = run(out, quiet=as_json)
    if as_json:
        return print(Path(path).read_text(), end="")
    from keras_cnns.tflite import print_reports

    print_reports(reports, title=f"LeNet-5 on the {reports[0].pictures} held-out digits")
    print(f"held-out accuracy in Keras {metrics['accuracy']:.4f}; total time {time.perf_counter() - started:.0f} s")
    for name in FILES:
        print(f"  {path.parent / name}")
    return None
