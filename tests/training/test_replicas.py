"""N replicas compute what one does. Every strategy gets a process of its own, as in a user's hands."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_cnns.training import Recipe
from tests.training.machines import free_ports

HERE = Path(__file__).parent
PLAIN = Recipe(
    model="lenet5",
    input_shape=(32, 32, 1),
    batch_size=16,
    max_steps=10,
    learning_rate=0.05,
    schedule="constant",
    weight_decay=1e-3,
)
NORM = PLAIN.but(
    model="resnet20_cifar", overrides={"n": 1}, input_shape=(16, 16, 3), learning_rate=0.01, ema=0.9, accumulate=1
)
RECIPES = {
    "plain": PLAIN,
    "clipped": PLAIN.but(clip_norm=0.5, optimizer="nesterov"),
    "pruned": PLAIN.but(prune=0.5),
    "parts": PLAIN.but(accumulate=2, ema=0.9, class_weights="balanced"),
    "norm": NORM.but(learning_rate=1e-4),
    "float64": NORM.but(precision="float64", learning_rate=0.05),
    "float16": PLAIN.but(precision="mixed_float16"),
    "local": NORM.but(sync_batch_norm=False),
}


def environment(**more):
    return {**os.environ, "PYTHONPATH": str(HERE.parents[1]), "TF_CPP_MIN_LOG_LEVEL": "2", **more}


def compared(folder, *words):
    """One process on two logical CPUs does all the comparisons: {name: what differed}."""
    for name, recipe in RECIPES.items():
        (folder / f"{name}.json").write_text(recipe.json())
    command = [sys.executable, str(HERE / "compare_replicas.py"), *(f"{word}.json" for word in words)]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def differences(tmp_path_factory):
    return compared(tmp_path_factory.mktemp("recipes"), "parts", "norm", "uneven:plain")


@pytest.fixture(scope="module")
def more_differences(tmp_path_factory):
    return compared(tmp_path_factory.mktemp("recipes"), "plain", "clipped", "pruned", "float16", "float64", "local")


def same(result):
    assert result["weights"] < 1e-6 and result["held_out_loss"] < 1e-6
    assert result["loss"] < 1e-5  # weight decay and the mean over the batch are counted once
    assert result["examples"] == [360, 360]  # 360 = 22 * 16 + 8: the last batch is filled up, and not counted


def test_two_mirrored_replicas_are_one(differences):
    """Each batch in two parts, the weights averaged, the classes balanced."""
    same(differences["parts"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "clipped", "pruned"])
def test_two_plain_replicas_are_one(more_differences, name):
    same(more_differences[name])


def test_two_replicas_with_synchronized_batch_norm_are_one(differences):
    assert differences["norm"]["weights"] < 1e-5


@pytest.mark.slow
def test_a_scaled_loss_is_scaled_once(more_differences):
    assert more_differences["float16"]["weights"] < 1e-3


@pytest.mark.slow
def test_in_float64_nothing_is_left_of_the_difference(more_differences):
    """At a large rate too, where float32 ends elsewhere: what differed there was rounding, and nothing else."""
    assert more_differences["float64"]["weights"] < 1e-6  # the precision of the float32 files in which they are saved


@pytest.mark.slow
def test_without_synchronization_they_are_not(more_differences):
    assert more_differences["local"]["weights"] > 1e-3


def test_uneven_shares_and_an_empty_one_count_each_picture_once(differences):
    result = differences["uneven"]
    assert result["weights"] < 1e-6
    np.testing.assert_allclose(*result["sums"], rtol=1e-5)
    assert result["sums"][1][2] == 11


@pytest.mark.slow
def test_a_batch_that_does_not_divide_is_refused(tmp_path):
    (tmp_path / "recipe.json").write_text(PLAIN.json())
    command = [sys.executable, str(HERE / "run_recipe.py"), str(tmp_path / "recipe.json"), "--strategy", "mirrored"]
    done = subprocess.run([*command, "--replicas", "3"], env=environment(), capture_output=True, text=True)
    assert done.returncode == 2
    assert "error: batch_size 16 is not divisible by 3 replicas: try 15." in done.stderr.splitlines()


@pytest.mark.slow
def test_pictures_cannot_be_paired_in_an_odd_share(tmp_path):
    (tmp_path / "recipe.json").write_text(PLAIN.but(batch_size=14).json())
    command = [sys.executable, str(HERE / "run_recipe.py"), str(tmp_path / "recipe.json"), "--strategy", "mirrored"]
    command += ["--replicas", "2", "--augment.mixup", "0.2"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 2
    assert "its share of 7 is odd: try batch_size 16." in done.stderr


def start_workers(folder, *flags, own_flags=((), ()), indices=(0, 1)):
    addresses = ",".join(f"127.0.0.1:{port}" for port in free_ports(2))
    words = ["--workers", addresses, "--strategy", "multi_worker", "--out", str(folder / "run"), *flags]
    processes = []
    for index in range(2):
        log = (folder / f"worker{index}.log").open("a")
        command = [sys.executable, str(HERE / "run_recipe.py"), str(folder / "recipe.json"), *words]
        command += ["--index", str(indices[index]), *own_flags[index]]
        processes.append(subprocess.Popen(command, env=environment(), stdout=log, stderr=log))
    return processes


def logs(folder):
    return "\n".join((folder / f"worker{i}.log").read_text()[-1500:] for i in range(2))


def one_and_two(recipe, folder):
    """The weights of one device and of the two workers that have written into `folder`, and the held-out metrics."""
    from keras_cnns.training import train

    first = train(recipe.but(strategy="one", out=str(folder / "one")), quiet=True)
    two = keras.saving.load_model(folder / "run" / "model.keras")
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    assert metrics["examples"] == 360 and metrics["loss"] == pytest.approx(first.metrics["loss"], abs=1e-4)
    return max(np.abs(a - b).max() for a, b in zip(first.model.get_weights(), two.get_weights(), strict=True))


@pytest.mark.slow
def test_a_lost_worker_stops_the_others_and_the_same_command_goes_on(tmp_path):
    recipe = PLAIN.but(max_steps=60, checkpoint_every=4)
    (tmp_path / "recipe.json").write_text(recipe.json())
    first, second = start_workers(tmp_path)
    while not list((tmp_path / "run" / "checkpoints").glob("ckpt-*.index")):
        assert first.poll() is None and second.poll() is None, logs(tmp_path)
        time.sleep(0.02)
    second.kill()
    assert first.wait(120) != 0, "a worker alone cannot go on"
    for process in start_workers(tmp_path):
        assert process.wait(300) == 0, logs(tmp_path)
    assert one_and_two(recipe, tmp_path) < 1e-5
    assert not list((tmp_path / "run" / "checkpoints").glob(".worker-*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "near"), [(PLAIN.but(clip_norm=0.5), 1e-6), (NORM.but(precision="float64"), 1e-6)], ids=["plain", "norm"]
)
def test_two_workers_are_one(tmp_path, recipe, near):
    (tmp_path / "recipe.json").write_text(recipe.json())
    for process in start_workers(tmp_path):
        assert process.wait(300) == 0, logs(tmp_path)
    assert one_and_two(recipe, tmp_path) < near


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "field"), [(("--learning-rate", "0.5"), "learning_rate"), (("--batch-size", "32"), "batch_size")]
)
def test_workers_that_were_started_differently_end_with_one_line_each(tmp_path, flags, field):
    """No worker trains to the end alone, and none waits for ever."""
    (tmp_path / "recipe.json").write_text(PLAIN.json())
    processes = start_workers(tmp_path, own_flags=((), flags))
    assert [process.wait(timeout=120) for process in processes] == [2, 2], logs(tmp_path)
    for index in range(2):
        log = (tmp_path / f"worker{index}.log").read_text()
        assert f"error: the workers were started with different {field}: " in log


@pytest.mark.slow
@pytest.mark.parametrize("indices", [(0, 0), (1, 1)])
def test_two_workers_with_one_index_end_with_one_line_each(tmp_path, indices):
    (tmp_path / "recipe.json").write_text(PLAIN.json())
    processes = start_workers(tmp_path, indices=indices)
    assert [process.wait(timeout=120) for process in processes] == [2, 2], logs(tmp_path)
    for index in range(2):
        log = (tmp_path / f"worker{index}.log").read_text()
        assert f"another worker was started with --index {indices[0]}." in log and "Traceback" not in log


@pytest.mark.slow
@pytest.mark.parametrize("taken", [0, 1])
def test_a_port_in_use_ends_with_one_line_on_every_worker(tmp_path, taken, monkeypatch):
    (tmp_path / "recipe.json").write_text(PLAIN.json())
    ports = free_ports(2)
    monkeypatch.setattr(f"{__name__}.free_ports", lambda count: ports)
    with socket.create_server(("", ports[taken])):
        processes = start_workers(tmp_path)
        assert [process.wait(timeout=120) for process in processes] == [2, 2], logs(tmp_path)
    for index in range(2):
        log = (tmp_path / f"worker{index}.log").read_text()
        assert len([line for line in log.splitlines() if line.startswith("error: ")]) == 1 and "Traceback" not in log
