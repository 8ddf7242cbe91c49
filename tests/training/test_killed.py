"""A process that is killed at any moment, several times, ends where the undisturbed one does: difference 0."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_cnns.training import Augment, Recipe

HERE = Path(__file__).parent
RECIPE = Recipe(
    model="resnet20_cifar",
    overrides={"n": 1, "drop_rate": 0.2},
    input_shape=(16, 16, 3),
    augment=Augment(pad=2),
    batch_size=32,
    learning_rate=0.02,
    epochs=3,
    ema=0.9,
    checkpoint_every=2,
)


def start(folder, name):
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1]), "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, str(HERE / "run_recipe.py"), str(folder / "recipe.json"), "--out", str(folder / name)]
    log = (folder / f"{name}.log").open("a")
    return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def saved(folder):
    return {file.name for file in folder.glob("checkpoints/ckpt-*.index")}


@pytest.mark.slow
def test_killed_three_times(tmp_path):
    (tmp_path / "recipe.json").write_text(RECIPE.json())
    for seed in range(3):
        process = start(tmp_path, "killed")
        before = saved(tmp_path / "killed")
        while saved(tmp_path / "killed") == before:  # it has gone on from where it was
            assert process.poll() is None, (tmp_path / "killed.log").read_text()[-2000:]
            time.sleep(0.01)
        time.sleep(random.Random(seed).uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert start(tmp_path, "killed").wait() == 0, (tmp_path / "killed.log").read_text()[-2000:]
    assert start(tmp_path, "whole").wait() == 0
    killed, full = (keras.saving.load_model(tmp_path / n / "model.keras") for n in ("killed", "whole"))
    for a, b in zip(killed.get_weights(), full.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    histories = [
        [line.split(",")[:-1] for line in (tmp_path / n / "history.csv").read_text().splitlines()]
        for n in ("killed", "whole")
    ]  # all but the seconds
    assert histories[0][-1][0] == "3" and [r[5:] for r in histories[0]] == [r[5:] for r in histories[1]]
