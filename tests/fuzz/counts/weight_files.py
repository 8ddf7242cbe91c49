"""Hostile weight files: damaged ones of every format, and ones that lead elsewhere, ask for too much or hold code.

Each is read and loaded into a network, as `keras_cnns.load_weights` does. A file that is refused must leave the network
as it was, a file that is read must not bring in anything from outside, and no marker may appear.
"""

import io
import json
import os
import pickle
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from random import Random

import h5py
import numpy as np
import safetensors.numpy

import keras_cnns
from keras_cnns.support.errors import UserError
from tests.fuzz.counts.children import Harness, main
from tests.fuzz.counts.damage import damaged_bytes, damaged_value
from tests.weights import torch_written

OUTSIDE = "../outside/secret.h5"
STATE = {"conv.weight": np.arange(72, dtype=np.float32).reshape(2, 4, 3, 3), "conv.bias": np.ones(2, np.float32)}


class Runs:
    """Pickled, it makes a file called `mark` when a careless reader loads it."""

    def __reduce__(self) -> tuple:
        return Path.touch, (Path("mark"),)


@cache
def network():
    """The network into which everything is loaded."""
    return keras_cnns.build("lenet5")


@cache
def sound_files() -> dict[str, bytes]:
    """A sound file of each format by its name."""
    files = {"a.safetensors": safetensors.numpy.save(STATE)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        network().save(folder / "a.keras")
        network().save_weights(folder / "a.weights.h5")
        network().save(folder / "b.h5")
        torch_written.save(STATE, folder / "a.pth")
        torch_written.save(STATE, folder / "b.pth", zipped=False)
        np.savez(folder / "a.npz", **STATE)
        files |= {path.name: path.read_bytes() for path in folder.iterdir()}
    return files


def hostile_hdf5(random: Random, folder: Path) -> str:
    """A sound file in which one data set is replaced by one that lies elsewhere or is huge, or a group by itself."""
    path = folder / "a.weights.h5"
    path.write_bytes(sound_files()[path.name])
    with h5py.File(path, "a") as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        name = random.choice(names)
        shape = file[name].shape
        del file[name]
        kind = random.choice(("link", "storage", "virtual", "huge", "chunks", "soft", "loop", "text", "object"))
        if kind == "link":
            file[name] = h5py.ExternalLink(random.choice((OUTSIDE, "/etc/hostname")), "x")
        elif kind == "storage":
            target = random.choice((OUTSIDE, "/etc/hostname"))
            file.create_dataset(name, shape, "float32", external=[(target, 0, h5py.h5f.UNLIMITED)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout(shape, "float32")
            layout[:] = h5py.VirtualSource(OUTSIDE, "x", shape)
            file.create_virtual_dataset(name, layout)
        elif kind == "huge":
            file.create_dataset(name, (2 ** random.randint(20, 40),), "float32")
        elif kind == "chunks":
            file.create_dataset(name, (2 ** random.randint(20, 40),), "float32", chunks=(1024,), compression="gzip")
        elif kind == "soft":
            file[name] = h5py.SoftLink(random.choice(("/", name, "/nowhere")))
        elif kind == "loop":
            file[name] = file["/"]
        elif kind == "text":
            file[name] = random.choice(("a", ["a", "b"], np.bytes_(b"x" * 100)))
        else:
            file.create_dataset(name, (3,), h5py.special_dtype(ref=h5py.Reference))
    return path.name


def hostile_safetensors(random: Random, folder: Path) -> str:
    """A header with odd shapes, offsets and types, or one whose length is not true."""
    rows = {
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "b": {"dtype": "F16", "shape": [4], "data_offsets": [24, 32]},
    }
    odd = (-1, 2**40, 2**64, 24, 0, "F32", "BF16", "X", None, [], [2**40], [0, 2**42], [24, 0], 1.5, "a\nb")
    header = json.dumps(damaged_value(random, rows, odd)).encode()
    if random.random() < 0.2:
        header = header.replace(b'"b"', b'"a"')
    length = random.choice((len(header),) * 8 + (0, 1, 2**31, 2**63))
    (folder / "a.safetensors").write_bytes(
        length.to_bytes(8, "little") + header + random.randbytes(random.choice((32, 31, 40)))
    )
    return "a.safetensors"


def hostile_pickle(random: Random, folder: Path) -> str:
    """A checkpoint that holds an object, by itself or among tensors, or lists that hold one another many times."""
    multiplied: list = []
    for _ in range(random.choice((2, 5, 40))):
        multiplied = random.choice((tuple, list))([multiplied] * 100)
    held = random.choice(
        (
            multiplied,
            {"conv.weight": multiplied},
            Runs(),
            {"conv.weight": Runs()},
            [Runs()],
            {"state_dict": STATE, "x": Runs()},
            {Path: 1},
            (print, 1),
        )
    )
    data = pickle.dumps(held, protocol=random.choice((0, 1, 2, 3, 4)))
    if random.random() < 0.5:
        (folder / "a.pth").write_bytes(data)
        return "a.pth"
    with zipfile.ZipFile(folder / "a.pth", "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")
    return "a.pth"


def hostile_zip(random: Random, folder: Path) -> str:
    """A `.keras` or torch archive with a member that is huge, doubled, deep, damaged or called as a path."""
    name = random.choice(("a.keras", "a.pth"))
    source = zipfile.ZipFile(io.BytesIO(sound_files()[name]))
    changed = random.choice(source.namelist())
    kind = random.choice(("huge", "deep", "rename", "damage", "remove", "json"))
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.namelist():
            data, written = source.read(member), member
            if member == changed:
                if kind == "remove":
                    continue
                if kind == "huge":
                    data = bytes(40_000_000)
                elif kind == "deep":
                    data = b"[" * 3000 + b"]" * 3000
                elif kind == "rename":
                    written = random.choice(("../x", "/etc/x", "a\0b", "x" * 5000, "C:\\x"))
                elif kind == "json" and member.endswith(".json"):
                    data = json.dumps(damaged_value(random, json.loads(data))).encode()
                else:
                    data = damaged_bytes(random, data)
            target.writestr(written, data)
    return name


def damaged(random: Random, folder: Path) -> str:
    """A file of any format with some bytes changed."""
    name = random.choice(sorted(sound_files()))
    (folder / name).write_bytes(damaged_bytes(random, sound_files()[name]))
    return name


MAKERS = (damaged, damaged, hostile_hdf5, hostile_safetensors, hostile_pickle, hostile_zip)


def case(random: Random, folder: Path) -> str:
    os.chdir(folder)
    path = folder / random.choice(MAKERS)(random, folder)
    before = network().get_weights()
    try:
        keras_cnns.load_weights(network(), path)
    except UserError:
        after = network().get_weights()
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True)), "loaded by half"
        raise
    finally:
        assert not (folder / "mark").exists(), "code of the file ran"
    assert not any(np.any(value == 7) and value.shape == (4, 2) for value in network().get_weights())
    network().set_weights(before)
    return "answer"


if __name__ == "__main__":
    main(Harness("weights", case, prepare=lambda folder: sound_files()), "hostile weight files", 500)
