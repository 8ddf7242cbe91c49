"""Every layout of weights that was tried, and what `build` does with it.

`python -m tests.weights.layouts docs/guides/weights.md` writes each file with the library that it is named after, loads
it and writes the table of the page. Rows of libraries that are not installed stay as they are.
"""

import json
import pickle
import re
import sys
import tempfile
import warnings
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np

import keras_cnns
from keras_cnns.support.atomic_files import write_text
from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures, randomize

SHAPE = (96, 96, 3)
X = pictures(2, SHAPE, seed=1)
ROWS = {}  # (layout, library): (our name, a function of a folder that returns the path and the library's logits)
HEAD = "| layout | written by | network | result |"


def layout(text, library, name, **columns):
    """Adds a row. columns: further arguments of `build`."""

    def add(write):
        ROWS[text, library] = (name, write, columns)
        return write

    return add


def mobilenet():
    options = {"weights": None, "alpha": 0.35, "classes": 5, "classifier_activation": None}
    return randomize(keras.applications.MobileNetV2(input_shape=SHAPE, **options))


def of_keras(file, **options):
    def write(folder):
        model = mobilenet()
        save = model.save_weights if "weights" in file else model.save
        save(folder / file, **options)
        return folder / file, model.predict(X, verbose=0)

    return write


for file in ("x.keras", "x.h5", "x.weights.h5"):
    layout(f"`{file[1:]}`", "keras", "mobilenet_v2", width=0.35)(of_keras(file))
layout("`.weights.json` and its parts", "keras", "mobilenet_v2", width=0.35)(
    of_keras("x.weights.json", max_shard_size=1e-3)
)


@layout('`.keras` after `quantize("int8")`', "keras", "mobilenet_v2", width=0.35)
def quantized(folder):
    model = mobilenet()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.quantize("int8")
    model.save(folder / "x.keras")
    return folder / "x.keras", None


@layout("SavedModel of `export`", "keras", "mobilenet_v2", width=0.35)
def saved_model(folder):
    mobilenet().export(folder / "x", verbose=False)
    return folder / "x", None


@layout("checkpoint of `tf.train.Checkpoint`", "tensorflow", "mobilenet_v2", width=0.35)
def checkpoint(folder):
    import tensorflow as tf

    tf.train.Checkpoint(model=mobilenet()).write(str(folder / "x.ckpt"))
    return folder / "x.ckpt.index", None


@layout("`.npz` of `numpy.savez`", "numpy", "resnet18")
def npz(folder):
    np.savez(folder / "x.npz", kernel=np.ones((2, 3)))
    return folder / "x.npz", None


def torchvision_state(name="squeezenet1_1"):
    """(state_dict, logits) of a network of torchvision with random weights."""
    from tests.weights import torch_peers

    network = torch_peers.randomize(torch_peers.create("torchvision", name, num_classes=5), X)
    return network, network.state_dict(), torch_peers.logits(network, X)


def of_torch(save, name="squeezenet1_1", file="x.pth"):
    def write(folder):
        network, state, expected = torchvision_state(name)
        save(network, state, folder / file)
        return folder / file, expected

    return write


def saved(wrap=lambda state: state, **options):
    def save(network, state, path):
        import torch

        torch.save(wrap(state), path, **options)

    return save


layout("`.pth`, zip", "torchvision", "squeezenet1_1")(of_torch(saved()))
layout("`.pth`, one stream", "torchvision", "squeezenet1_1")(of_torch(saved(_use_new_zipfile_serialization=False)))
layout("`.ckpt` of Lightning, `state_dict` and `model.`", "torchvision", "resnet18")(
    of_torch(saved(lambda s: {"state_dict": {f"model.{k}": v for k, v in s.items()}, "epoch": 1}), "resnet18", "x.ckpt")
)
layout("`.pth` that names resnetblur50 under `arch`", "torchvision", "resnet18")(
    of_torch(saved(lambda s: {"arch": "resnetblur50", "state_dict": s}), "resnet18")
)
layout("`resnetblur18.pth`", "torchvision", "resnet18")(of_torch(saved(), "resnet18", "resnetblur18.pth"))


@layout("the whole network, `torch.save(model)`", "torchvision", "resnet18")
def network(folder):
    import torch

    model, _, expected = torchvision_state("resnet18")
    torch.save(model, folder / "x.pth")
    return folder / "x.pth", expected


@layout("TorchScript", "torchvision", "squeezenet1_1")
def script(folder):
    import torch

    model, _, expected = torchvision_state()
    torch.jit.trace(model, torch.zeros(1, 3, 96, 96)).save(folder / "x.pt")
    return folder / "x.pt", expected


@layout("`.pt2` of torch.export", "torchvision", "squeezenet1_1")
def exported(folder):
    import torch

    model, _, expected = torchvision_state()
    torch.export.save(torch.export.export(model, (torch.zeros(1, 3, 96, 96),)), folder / "x.pt2")
    return folder / "x.pt2", expected


@layout("`.pkl` of a dict of arrays", "torchvision", "squeezenet1_1")
def arrays(folder):
    _, state, expected = torchvision_state()
    (folder / "x.pkl").write_bytes(pickle.dumps({name: value.numpy() for name, value in state.items()}))
    return folder / "x.pkl", expected


def with_head(change):
    """ResNet-18 whose classifier is changed before it is saved."""

    def write(folder):
        import torch

        from tests.weights import torch_peers

        model, _, _ = torchvision_state("resnet18")
        change(torch, model)
        torch.save(model.state_dict(), folder / "x.pth")
        return folder / "x.pth", torch_peers.logits(model, X)

    return write


def sequential(torch, model):
    model.fc = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Linear(512, 5)).eval()


def without_bias(torch, model):
    model.fc = torch.nn.Linear(512, 5, bias=False)


def weight_norm(torch, model):
    model.fc = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(512, 5))
    torch.nn.init.uniform_(model.fc.parametrizations.weight.original0, 0.5, 2)


def spectral_norm(torch, model):
    model.fc = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(512, 5))


def pruned(torch, model):
    from torch.nn.utils import prune

    prune.l1_unstructured(model.fc, "weight", 0.5)


def two_layers(torch, model):
    model.fc = torch.nn.Sequential(torch.nn.Linear(512, 8), torch.nn.ReLU(), torch.nn.Linear(8, 5))


def not_finite(torch, model):
    torch.nn.init.constant_(model.fc.weight, float("nan"))


HEADS = {
    "classifier `Sequential(Dropout, Linear)`": sequential,
    "classifier without a bias": without_bias,
    "classifier under weight normalization": weight_norm,
    "classifier under spectral normalization": spectral_norm,
    "classifier with a pruning mask": pruned,
    "classifier of two Linear layers": two_layers,
    "classifier of NaN": not_finite,
}
for text, change in HEADS.items():
    layout(text, "torchvision", "resnet18")(with_head(change))


def of_timm(architecture, named=True):
    """A folder of timm's hub. named: with its config.json."""

    def write(folder):
        from safetensors.torch import save_file

        from tests.weights import torch_peers

        network = torch_peers.randomize(torch_peers.create("timm", architecture, num_classes=5), X)
        save_file({k: v.contiguous() for k, v in network.state_dict().items()}, folder / "model.safetensors")
        if named:
            (folder / "config.json").write_text(json.dumps({"architecture": architecture}))
        return folder, torch_peers.logits(network, X)

    return write


layout("hub folder", "timm", "mobilenet_v3_small")(of_timm("mobilenetv3_small_100"))
layout("hub folder of another padding (`tf_`)", "timm", "mobilenet_v3_small")(of_timm("tf_mobilenetv3_small_100"))
layout("hub folder of another width, `width=0.5` set", "timm", "mobilenet_v3_small", width=0.5)(
    of_timm("mobilenetv3_small_050")
)
layout("hub folder of another width", "timm", "mobilenet_v3_small")(of_timm("mobilenetv3_small_050"))
layout("hub folder of resnetblur18", "timm", "resnet18")(of_timm("resnetblur18"))


def of_transformers(kind, **options):
    def write(folder):
        from tests.weights import torch_peers

        return folder, torch_peers.saved_by_transformers(kind, options, X, folder)

    return write


RESNET18 = {"depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512], "layer_type": "basic"}
layout("folder of ResNet", "transformers", "resnet18")(of_transformers("ResNet", **RESNET18))
layout("folder of MobileNetV2", "transformers", "mobilenet_v2")(of_transformers("MobileNetV2"))
layout("folder of BiT", "transformers", "bit_r50x1")(of_transformers("Bit", depths=[1, 1, 1, 1]))


@layout("preset folder of ResNet", "keras-hub", "resnet18")
def preset(folder):
    import keras_hub

    from tests.weights import test_keras_hub

    model = test_keras_hub.classifier(keras_hub, "resnet18", SHAPE)
    test_keras_hub.fill(model, X)
    model.save_to_preset(str(folder / "preset"))
    return folder / "preset", model.predict(X, verbose=0)


def of_mmpretrain(theirs):
    def write(folder):
        from tests.weights.test_openmmlab import written_by_mmpretrain

        _, expected = written_by_mmpretrain(theirs, folder / "epoch_3.pth", SHAPE[:2], X)
        return folder / "epoch_3.pth", expected

    return write


layout("checkpoint of ResNet", "mmpretrain", "resnet18")(of_mmpretrain("resnet18_8xb32_in1k"))
layout("checkpoint of MobileNetV2", "mmpretrain", "mobilenet_v2")(of_mmpretrain("mobilenet-v2_8xb32_in1k"))


@layout("`R-50.pkl` as converted from torchvision", "detectron2", "resnet50_v1_5")
def zoo(folder):
    from tests.weights.test_detectron2 import written_by_detectron2

    return folder / "R.pkl", written_by_detectron2(50, False, folder / "R.pkl", X)


def outcome(name, write, columns):
    """The largest difference of logits as a fraction of the largest logit, with warnings; or the refusal."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        path, expected = write(Path(folder))
        warnings.simplefilter("always", UserWarning)
        try:
            options = {"input_shape": SHAPE, "classifier_activation": None} | columns
            ours = keras_cnns.build(name, weights=path, **options)
        except UserError as error:
            return "refused: " + re.sub(rf"{folder}\S*/", "", str(error)).replace(folder, "the folder")
        difference = np.abs(ours.predict(X, verbose=0) - expected).max() / np.abs(expected).max()
        notes = [str(w.message).replace(folder, "") for w in caught if issubclass(w.category, UserWarning)]
        notes = [text for text in notes if not text.startswith("nothing beside") and "__array__" not in text]
        return f"{difference:.1e}" + (f"; warning: {' '.join(notes)}" if notes else "")


def installed(library):
    """The library and its version, None if it is not installed."""
    if find_spec(library.replace("-", "_")) is None:
        return None
    try:
        return f"{library} {version(library)}"
    except PackageNotFoundError:  # detectron2 from its source
        return library


def main(path, pattern=""):
    text = Path(path).read_text(encoding="utf-8")
    before, _, rest = text.partition(HEAD)
    table, _, after = rest.partition("\n\n")
    known = {tuple(line.split(" | ")[:2]): line for line in table.splitlines()[2:]}
    lines = [HEAD, "| --- | --- | --- | --- |"]
    for (what, library), (name, write, columns) in ROWS.items():
        old = next((line for (a, b), line in known.items() if a == f"| {what}" and b.split()[0] == library), None)
        written_by = installed(library)
        if written_by and re.search(pattern, f"{what} {library}"):
            lines.append(f"| {what} | {written_by} | {name} | {outcome(name, write, columns)} |")
            print(lines[-1], flush=True)
        elif old:
            lines.append(old)
    write_text(path, before + "\n".join(lines) + "\n\n" + after)


if __name__ == "__main__":
    main(*sys.argv[1:])
