"""Every wrapping of a checkpoint for every library that writes torch files, and what happens.

`python -m tests.weights.wrappings docs/guides/weights.md` tries them all and writes the table at the end of the page.
It needs torch, torchvision and timm.
"""

import argparse
import datetime
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import torch

import keras_cnns
from keras_cnns.support.atomic_files import write_text
from keras_cnns.support.errors import UserError
from keras_cnns.testing import randomize
from tests.weights import lite_written
from tests.weights.torch_peers import create

NETWORKS = {  # library: (our name, its name, a tensor of its, our layer, columns)
    "torchvision": ("squeezenet1_1", "squeezenet1_1", "features.7.expand3x3.weight", "fire5_expand3x3_conv"),
    "timm": ("mobilenet_v3_small", "mobilenetv3_small_100", "conv_stem.weight", "stem_conv"),
    "efficientnet_pytorch": ("efficientnet_lite0", "efficientnet-lite0", "_conv_stem.weight", "stem_conv"),
}


def prefixed(prefix, state):
    return {f"{prefix}{key}": value for key, value in state.items()}


def zeros(state):
    return {key: torch.zeros_like(value) for key, value in state.items()}


WRAPPINGS = {
    "the state_dict alone": lambda s: s,
    "`state_dict` and an optimizer": lambda s: {"state_dict": s, "optimizer": {"state": {0: {"m": torch.zeros(9)}}}},
    "`model_state_dict`": lambda s: {"epoch": 3, "model_state_dict": s},
    "`model`": lambda s: {"model": s, "args": {"lr": 0.1}},
    "`net`": lambda s: {"net": s, "acc": 91.2},
    "a dict in a dict": lambda s: {"checkpoint": {"model": {"state_dict": s}}},
    "beside numbers": lambda s: {**s, "epoch": 3},
    "`module.`": lambda s: prefixed("module.", s),
    "`_orig_mod.`": lambda s: prefixed("_orig_mod.", s),
    "`module._orig_mod.`": lambda s: prefixed("module._orig_mod.", s),
    "`backbone.`": lambda s: prefixed("backbone.", s),
    "`encoder.backbone.`": lambda s: prefixed("encoder.backbone.", s),
    "Lightning, `model.`, and a criterion": lambda s: {
        "state_dict": prefixed("model.", s) | {"criterion.weight": torch.ones(5)}
    },
    "an average beside, `state_dict_ema`": lambda s: {"state_dict": zeros(s), "state_dict_ema": s},
    "an average beside, `ema_model.`": lambda s: {
        "state_dict": prefixed("model.", zeros(s)) | prefixed("ema_model.", s)
    },
    "two networks, `best` and `last`": lambda s: {"best": s, "last": zeros(s)},
    "two networks, `net_a.` and `net_b.`": lambda s: prefixed("net_a.", s) | prefixed("net_b.", zeros(s)),
    "a network and its copy of the same values": lambda s: prefixed("model.", s) | prefixed("net.", s),
    "half floats": lambda s: {k: v.half() if v.is_floating_point() else v for k, v in s.items()},
    "bfloat16": lambda s: {k: v.bfloat16() if v.is_floating_point() else v for k, v in s.items()},
    "Parameters (`keep_vars`)": lambda s: {k: torch.nn.Parameter(v, v.is_floating_point()) for k, v in s.items()},
    "`timm_model.` (timm's wrapper on the hub)": lambda s: prefixed("timm_model.", s),
    "DeepSpeed, `module`": lambda s: {"module": s, "ds_config": {}, "optimizer": None},
    "averaged (SWA), `n_averaged` and `module.`": lambda s: {"n_averaged": torch.tensor(5), **prefixed("module.", s)},
    "an average beside, a list (`shadow_params`)": lambda s: {
        "model": s,
        "ema": {"decay": 0.999, "shadow_params": list(s.values())},
    },
    "an average beside, deep inside": lambda s: {"trainer": {"model": s, "ema_weights": list(s.values())}},
    "a dict in a list": lambda s: [s, {"lr": 0.1}],
    "objects beside (a namespace, a date)": lambda s: {
        "state_dict": s,
        "args": argparse.Namespace(lr=0.1),
        "when": datetime.datetime(2026, 1, 1),
        "path": Path("x"),
    },
    "NumPy's numbers and arrays beside": lambda s: {"model": s, "best": np.float64(0.9), "history": np.arange(5.0)},
    "double floats": lambda s: {k: v.double() if v.is_floating_point() else v for k, v in s.items()},
    "a Normalize in front, `0.mean`": lambda s: {
        "0.mean": torch.full((1, 3, 1, 1), 0.5),
        "0.std": torch.full((1, 3, 1, 1), 0.25),
        **prefixed("1.", s),
    },
    "without the classifier": lambda s: {k: v for k, v in s.items() if not k.startswith(("classifier", "_fc"))},
    "float8": lambda s: {k: v.to(torch.float8_e4m3fn) if v.ndim == 4 else v for k, v in s.items()},
    "sparse tensors": lambda s: {k: v.to_sparse() if v.ndim == 4 else v for k, v in s.items()},
    "NumPy's arrays": lambda s: {k: v.numpy() for k, v in s.items()},
    "the whole network": lambda s: torch.nn.Linear(2, 2),
    "a list of tensors": lambda s: list(s.values()),
    "numbers for names": lambda s: dict(enumerate(s.values())),
}


@cache
def written_by(library, theirs, name):
    """The state_dict of a network of that library."""
    torch.manual_seed(0)
    if library == "efficientnet_pytorch":
        model = randomize(keras_cnns.build(name, input_shape=(64, 64, 3)))
        return {key: torch.from_numpy(value) for key, value in lite_written.state(model).items()}
    return create(library, theirs).state_dict()


def outcome(library, wrapping, older=False):
    """What `build` does with the file: loaded, with its warnings, or refused."""
    name, theirs, tensor, layer = NETWORKS[library]
    state = written_by(library, theirs, name)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        path = Path(folder) / "x.pth"
        torch.save(WRAPPINGS[wrapping](state), path, _use_new_zipfile_serialization=not older)
        try:
            model = keras_cnns.build(name, weights=path, input_shape=(64, 64, 3))
        except UserError as error:
            return "refused: " + str(error).replace(f"{path}", "it")
        kernel = np.asarray(model.get_layer(layer).kernel)
        np.testing.assert_allclose(kernel, state[tensor].numpy().transpose(2, 3, 1, 0), rtol=1e-2, atol=1e-6)
        notes = [str(w.message).replace(f"{path}", "it") for w in caught if issubclass(w.category, UserWarning)]
        notes = [text for text in notes if not text.startswith("nothing beside")]
        return "loaded" + (f"; warning: {' '.join(notes)}" if notes else "")


TABLE = "| wrapping |"  # how the table begins; what stands before it stays


def main(path):
    lines = [f"{TABLE} " + " | ".join(NETWORKS) + " |", "| --- |" + " --- |" * len(NETWORKS)]
    for wrapping in WRAPPINGS:
        cells = []
        for library in NETWORKS:
            outcomes = {outcome(library, wrapping, older) for older in (False, True)}
            cells.append(" / ".join(sorted(outcomes)))
        lines.append(f"| {wrapping} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    before = Path(path).read_text(encoding="utf-8").partition(TABLE)[0]
    write_text(path, before + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
