"""Every wrapping of a checkpoint times every library that writes torch files, and what happens.

`python -m tests.weights.wrappings docs/weights.md` tries them all and writes the table; it needs torch, torchvision and
timm.
"""

import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch

import keras_cnns
from keras_cnns.errors import UserError
from keras_cnns.files import write_text
from tests.weights.torch_peers import create

NETWORKS = {  # library: (our name, its name, a tensor of its, our layer, columns)
    "torchvision": ("squeezenet1_1", "squeezenet1_1", "features.7.expand3x3.weight", "fire5_expand3x3_conv"),
    "timm": ("mobilenet_v3_small", "mobilenetv3_small_100", "conv_stem.weight", "stem_conv"),
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
    "without the classifier": lambda s: {k: v for k, v in s.items() if not k.startswith("classifier")},
    "a list of tensors": lambda s: list(s.values()),
    "numbers for names": lambda s: dict(enumerate(s.values())),
}


def outcome(library, wrapping, older=False):
    """What `build` does with the file: loaded and what was said, or the refusal."""
    name, theirs, tensor, layer = NETWORKS[library]
    torch.manual_seed(0)
    state = create(library, theirs).state_dict()
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


HEAD = """# Files of weights, as they lie around

What `build(name, weights=file)` does with a checkpoint of torch's in each of its usual wrappings. Whether a tensor of
the network has the file's values was looked at each time; both layouts of `torch.save` were tried. Nothing in a file is
run, and torch need not be installed. Written by `python -m tests.weights.wrappings docs/weights.md`.

Damaged files: `python -m tests.weights.test_damaged_files 3000` (seed 0) cut, flip, blank, insert, delete, repeat and
swap bytes in files of six kinds (.keras, .weights.h5, .h5, .pth of both layouts, .safetensors). Of 3,000 cases 2,646
were refused in one line with the model as it was, 354 loaded whole (what was hit were bytes that nothing checks or
reads); none ended otherwise.

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
