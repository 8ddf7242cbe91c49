"""Mutated `.tflite` files: read, checked, mended and run, as `keras-cnns check --fix` and `predict` do.

The runtime reads each file in a forked process; every 25th file goes through `predict` itself, whose process is a new
one. A runtime that dies there is counted as refused: that is what the process is for.
"""

import os
import signal
import tempfile
import time
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from keras_cnns.saving.card import Card, read_card
from keras_cnns.support.errors import UserError
from keras_cnns.tflite.check import faults, fix
from keras_cnns.tflite.check.describe import describe
from keras_cnns.tflite.file.metadata_reader import NAME, read_metadata
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.targets import litert_child, runner
from tests.fuzz.counts.children import Harness, main
from tests.fuzz.counts.damage import damaged_bytes
from tests.fuzz.counts.watch import starts_allowed

RUNTIME_SECONDS = 40


@cache
def sound_files() -> list[bytes]:
    """A float32 and an int8 file with metadata, labels and a card."""
    import keras

    from keras_cnns.tflite import export

    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(2, 3, activation="relu")(image)
    model = keras.Model(image, keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(x)))
    x = np.random.default_rng(0).uniform(0, 1, (16, 8, 8, 1)).astype("float32")
    card = Card("net", ("cat", "dog", "bird"))
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for scheme in ("float32", "int8"):
            report = export(model, Path(folder) / "a.tflite", scheme=scheme, calibration=x, card=card, force=True)
            files.append(Path(report.path).read_bytes())
    return files


def in_a_fork(path: Path) -> str:
    """How LiteRT ends on the file in a process of its own: "answer", "refused" or "hang"."""
    child = os.fork()
    if not child:
        try:
            litert_child.JOBS["describe"]({"file": str(path)}, {})
            litert_child.JOBS["predict"]({"file": str(path)}, {"*": np.zeros((1, 8, 8, 1), np.float32)})
            os._exit(0)
        except BaseException:
            os._exit(1)
    deadline = time.monotonic() + RUNTIME_SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return "answer" if status == 0 else "refused"
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hang: LiteRT"


def case(random: Random, folder: Path) -> str:
    path = folder / "a.tflite"
    path.write_bytes(damaged_bytes(random, random.choice(sound_files())))
    refusals, runtime = 0, ""
    calls = [lambda: faults.faults(read_contents(path)), lambda: read_card(path)]
    calls.append(lambda: read_metadata(read_contents(path).metadata.get(NAME) or b""))
    calls.append(lambda: fix.mended(read_contents(path), set(fix.CHANGES)))
    for call in calls:
        try:
            call()
        except UserError as error:
            assert len(str(error).splitlines()) == 1, error
            refusals += 1
    if random.randrange(25) == 0:
        try:
            with starts_allowed():
                describe(path)
                runner.predict(path, np.zeros((1, 8, 8, 1), np.float32))
        except UserError as error:
            assert len(str(error).splitlines()) == 1, error
            runtime = "refused"
    else:
        runtime = in_a_fork(path)
    return runtime if runtime.startswith("hang") else "refused" if refusals or runtime == "refused" else "answer"


if __name__ == "__main__":
    sound_files()
    main(Harness("tflite", case), "mutated .tflite files", 1000)
