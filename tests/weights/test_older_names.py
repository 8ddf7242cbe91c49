"""Files with the names of earlier releases of torchvision and timm, which these libraries rename while loading.

Their own loaders are the reference: what they read from such a file, saved again under today's names, is what we read.
"""

import re
import warnings

import numpy as np
import pytest

import keras_cnns

torch = pytest.importorskip("torch")

DENSENET = [(r"(denselayer\d+\.(?:norm|conv))(\d)\.", r"\1.\2.")]
VGG = [(r"^pre_logits\.fc1", "classifier.0"), (r"^pre_logits\.fc2", "classifier.3")]
PYRAMID = [(r"(inner|layer)_blocks\.(\d)\.0\.", r"\1_blocks.\2.")]
TOWERS = [*PYRAMID, (r"_head\.conv\.(\d)\.0\.", lambda match: f"_head.conv.{2 * int(match[1])}.")]
PROPOSALS = [*PYRAMID, (r"rpn\.head\.conv\.0\.0\.", "rpn.head.conv.")]
FILES = {  # our name: (library, its name, rules from today's names to the older ones, prefix, size)
    "densenet121": ("torchvision", "densenet121", DENSENET, "", 64),
    "densenet169": ("torchvision", "densenet169", DENSENET, "model.", 64),
    "densenet161": ("torchvision", "densenet161", DENSENET, "module.backbone.", 64),
    "densenet201": ("timm", "densenet201", DENSENET, "", 64),
    "vgg11_bn": ("timm", "vgg11_bn", VGG, "", 224),
    "retinanet_resnet50_fpn": ("torchvision", "retinanet_resnet50_fpn", TOWERS, "", 64),
    "faster_rcnn_resnet50_fpn": ("torchvision", "fasterrcnn_resnet50_fpn", PROPOSALS, "", 64),
}


def older(state, rules):
    """The tensors under their older names, without the counts of batches, which the oldest files do not have."""
    renamed = {}
    for name, value in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        renamed[name] = value
    return renamed


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_older_names_are_those_of_the_publishers_loader(name, tmp_path):
    from tests.weights.torch_peers import create

    library, theirs, rules, prefix, size = FILES[name]
    torch.manual_seed(0)
    network = create(library, theirs)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    names = older(before, rules)
    assert not names.keys() <= before.keys()
    for value in network.parameters():
        torch.nn.init.zeros_(value)
    load(library, theirs, network, dict(names))
    today = network.state_dict()
    assert all(torch.equal(today[key], before[key]) for key in older(before, [])), "the publisher reads the older names"
    models = []
    for number, state in enumerate((names, today)):
        path = tmp_path / f"{number}.pth"
        torch.save({f"{prefix}{key}": value for key, value in state.items()}, path)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="nothing beside")
            models.append(keras_cnns.build(name, weights=path, input_shape=(size, size, 3)))
    for old, new in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(old, new)


def load(library, theirs, network, state):
    """Loads a published file as its library does: with the renaming that torchvision and timm apply to it."""
    if library == "timm":
        from timm.models import densenet, vgg

        renamed = vgg._filter_fn if theirs.startswith("vgg") else densenet._filter_torchvision_pretrained
        state = renamed(state)
    elif theirs.startswith("densenet"):
        from torchvision.models import densenet

        weights = type("Weights", (), {"get_state_dict": staticmethod(lambda **_: state)})
        densenet._load_state_dict(network, weights, progress=False)
        return
    network.load_state_dict(state)
