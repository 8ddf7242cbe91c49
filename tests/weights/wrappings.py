"""Every wrapping of a checkpoint times every library that writes torch files, and what happens.

`python -m tests.weights.wrappings docs/guides/weights.md` tries them all and writes the table; it needs torch,
torchvision and
timm.
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
    """What `build` does with the file: loaded and what was said, or the refusal."""
    name, theirs, tensor, layer = NETWORKS[library]
    state = written_by(library, theirs, name)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        path = Path(folder) / "x.pth"
        torch.save(WRAPPINGS[wrapping](state), path, _use_new_zipfile_serialization=not older)
        try:
            model = keras_cnns.build(name, weights=path, input_shape=(64, 64, 3))
        except UserError as error:
            return "refused: " + str(error).replace(f"{path}", "it")
        kernel = np.asarray(model.get_layer(layer).kernel)
        np.testing.assert_allclose(kernel, state[tensor].numpy().transpose(2, 3, 1, 0), rtol=1e-2, atol=1e-6)
        said = [str(w.message).replace(f"{path}", "it") for w in told if issubclass(w.category, UserWarning)]
        said = [text for text in said if not text.startswith("nothing beside")]
        return "loaded" + (f"; said: {' '.join(said)}" if said else "")


HEAD = """# Files of weights

What `build(name, weights=file)` does with files of other libraries. Nothing in a file is run, and no other library need
be installed. The content of a file decides, not its name (`model.zip` may be a .keras file), with one exception: a file
that is named after another network (`resnetblur50-84f4748f.pth`) is refused, because some networks have the same tensors
and other answers.

## Formats

| format | what happens |
| --- | --- |
| `.weights.h5`, `.h5` of Keras 1 to 3 | read; links, external storage and virtual data sets are refused |
| `.weights.json` and its parts (`max_shard_size=`) | read together |
| `.keras` of Keras 3 and of tf_keras | read, with the preprocessing inside the model |
| `.keras` and `.weights.h5` after `model.quantize` | refused: the weights are rounded |
| `.safetensors`, also in several files with an index | read through the safetensors library |
| `.pth`, `.pt`, `.bin`, `.ckpt` of `torch.save`, both layouts | read without torch |
| a folder of timm's hub | read with its `config.json`: architecture, mean, std, class names |
| a folder of timm's hub for another width (`mobilenetv2_050`) | read with `width=0.5`, otherwise refused with that hint |
| a preset folder of KerasHub | read with its configuration and image converter, see below |
| TorchScript, `.pt2` | refused: a program; the message says how to save the weights |
| `.pkl`, `.npz`, checkpoints of TensorFlow, SavedModel, `.tflite`, git-lfs pointers, HTML | refused, each by its name |

## Classifiers

| in the file | what happens |
| --- | --- |
| the library's own classifier | loaded, with its number of classes |
| one Linear with the inputs of our class scores: `Sequential(Dropout, Linear)`, `fc`, `classifier`, `last_linear` | loaded |
| the same beside the network: OpenMMLab's `head.fc` with `backbone.` | loaded |
| the same without a bias | loaded, the bias is zero |
| a head of several layers, a normalization before the Linear, global maximum pooling | a new classifier; needs `classes=` |
| some layers of our head and another last one | the layers before it are loaded; needs `classes=` |
| the projection of self-supervised training (`projector`) | a new classifier; needs `classes=` |
| no classifier | a new classifier; needs `classes=`, or `include_top=False` |

## Names that publishers change when they load their own files

| files | names there | names in the state_dict |
| --- | --- | --- |
| torchvision's and timm's DenseNet | `denselayer1.norm.1` | `denselayer1.norm1` |
| torchvision's Faster R-CNN | `inner_blocks.0`, `rpn.head.conv` | `inner_blocks.0.0`, `rpn.head.conv.0.0` |
| timm's VGG | `classifier.0`, `classifier.3` | `pre_logits.fc1`, `pre_logits.fc2` |

Both spellings load. torchvision's other renaming (MnasNet of other widths than 1) and timm's (RepVGG and others) concern
networks that are not here.

## Presets of KerasHub

Random weights, saved by KerasHub 0.32.0 with `save_to_preset` and loaded here, at 107x129 pixels (VGG: 224x224): the
largest difference of logits as a fraction of the largest logit. `tox -e keras-hub` measures them again.

| name | KerasHub's backbone | difference |
| --- | --- | --- |
HUB_ROWS

A preset whose configuration differs from the network (strides, block type, activation) is refused and the key named.
KerasHub's ResNet-50 is `resnet50_v1_5` here, because its stride is in the 3x3 convolution; its DenseNet pads as
TensorFlow does, unlike that of keras.applications.

## Wrappings of torch's checkpoints

Written by `python -m tests.weights.wrappings docs/guides/weights.md`. One tensor of the network was compared with the
file each time, in both layouts of `torch.save`.

Damaged files: `python -m tests.weights.test_damaged_files 3000` (seed 0) cuts, flips, blanks, inserts, deletes, repeats
and swaps bytes in files of six kinds (.keras, .weights.h5, .h5, .pth of both layouts, .safetensors). Of 3,000 cases
2,646 were refused in one line and the model did not change; 354 loaded in full, because nothing reads or checks the
changed bytes; none ended otherwise.

"""


def main(path):
    lines = ["| wrapping | " + " | ".join(NETWORKS) + " |", "| --- |" + " --- |" * len(NETWORKS)]
    for wrapping in WRAPPINGS:
        cells = []
        for library in NETWORKS:
            found = {outcome(library, wrapping, older) for older in (False, True)}
            cells.append(" / ".join(sorted(found)))
        lines.append(f"| {wrapping} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    write_text(path, HEAD + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
