"""Four machines with TF_CONFIG compute what one computes, also if one of them is lost and all are started again."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml

from keras_cnns.training import Recipe
from tests.training.machines import machines

HERE = Path(__file__).parent
GUIDE = HERE.parents[1] / "docs/guides/many_machines.md"
COUNT = 4
RECIPE = Recipe(
    model="resnet20_cifar",
    overrides={"n": 1},
    input_shape=(16, 16, 3),
    batch_size=16,
    max_steps=24,
    learning_rate=0.05,
    schedule="constant",
    weight_decay=1e-3,
    clip_norm=0.5,
    ema=0.9,
    precision="float64",
    checkpoint_every=6,
)


def start(folder, out, index=None, places=()):
    """A process that trains the recipe; on machine `index` of `places`, with the TF_CONFIG that a scheduler sets."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1]), "TF_CPP_MIN_LOG_LEVEL": "2"}
    words: tuple[str, ...] = ()
    if index is not None:
        cluster = {"worker": [place.address for place in places]}
        task = {"type": "worker", "index": index}
        environment["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task, "environment": "cloud"})
        words = places[index].command
    log = (folder / f"{out}-{index}.log").open("a")
    command = [*words, sys.executable, str(HERE / "run_recipe.py"), str(folder / "recipe.json"), "--out"]
    return subprocess.Popen([*command, str(folder / out)], env=environment, stdout=log, stderr=log)


def finish(processes, folder):
    logs = "\n".join(file.read_text()[-1500:] for file in folder.glob("*.log"))
    assert [process.wait(600) for process in processes] == [0] * len(processes), logs


def weights(folder, out):
    return keras.saving.load_model(folder / out / "model.keras").get_weights()


def largest(arrays, others):
    return max(np.abs(a - b).max() for a, b in zip(arrays, others, strict=True))


@pytest.mark.slow
def test_four_machines_are_one_also_if_one_is_lost(tmp_path):
    (tmp_path / "recipe.json").write_text(RECIPE.json())
    with machines(COUNT) as places:
        finish([start(tmp_path, "four", index, places) for index in range(COUNT)], tmp_path)
        processes = [start(tmp_path, "lost", index, places) for index in range(COUNT)]
        while not list((tmp_path / "lost" / "checkpoints").glob("ckpt-*.index")):
            assert all(process.poll() is None for process in processes), "a worker ended early"
            time.sleep(0.02)
        processes[2].kill()
        assert all(process.wait(120) for process in processes), "the others cannot go on"
        assert not (tmp_path / "lost" / "model.keras").exists()
        finish([start(tmp_path, "lost", index, places) for index in range(COUNT)], tmp_path)
    finish([start(tmp_path, "one")], tmp_path)
    four, lost, one = (weights(tmp_path, out) for out in ("four", "lost", "one"))
    assert largest(four, one) < 1e-6 and largest(lost, one) < 1e-6
    metrics = [json.loads((tmp_path / out / "metrics.json").read_text()) for out in ("four", "lost", "one")]
    assert {row["examples"] for row in metrics} == {360}
    assert max(row["loss"] for row in metrics) - min(row["loss"] for row in metrics) < 1e-5


def test_the_manifest_starts_the_command_on_as_many_machines_as_it_says():
    (manifest,) = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.S)
    volume, job = yaml.safe_load_all(manifest)
    assert (volume["kind"], job["kind"], job["apiVersion"]) == ("PersistentVolumeClaim", "TFJob", "kubeflow.org/v1")
    (worker,) = job["spec"]["tfReplicaSpecs"].values()
    (container,) = worker["template"]["spec"]["containers"]
    assert worker["replicas"] == COUNT and container["name"] == "tensorflow"  # the operator looks for this name
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    out = container["command"][container["command"].index("--out") + 1]
    volumes = {v.pop("name"): v for v in worker["template"]["spec"]["volumes"]}
    claim = next(name for name, path in mounts.items() if out.startswith(f"{path}/"))
    assert volumes[claim] == {"persistentVolumeClaim": {"claimName": volume["metadata"]["name"]}}
    assert mounts.keys() == volumes.keys() and volume["spec"]["accessModes"] == ["ReadWriteMany"]


@pytest.mark.slow
def test_the_table_of_the_guide_is_that_of_the_script():
    command = [sys.executable, str(HERE.parents[1] / "benchmarks/all_reduce.py")]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(HERE.parents[1])}, capture_output=True, text=True
    )
    assert done.stdout.startswith("| accelerators |") and done.stdout in GUIDE.read_text()
