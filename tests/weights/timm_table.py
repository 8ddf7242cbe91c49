"""What timm calls the networks that are here too, and the pixels that each of its published weights was trained on.

`python -m tests.weights.timm_table keras_cnns/weights/timm.json` writes the file that keras_cnns/weights/beside.py
reads; it needs torch and timm.

  architectures  every name in timm whose tensors have the names and shapes of a network of ours, and our names for it
  pixels         by "architecture.tag": "tf", "torch" and so on where that is what mean and deviation come to
  old            names of earlier releases, and what they are called now
  others         all other names of classifiers in timm and torchvision, which a file may be named after
"""

import sys
from pathlib import Path

import torch

from keras_cnns.blocks.preprocessing import of_unit_range
from keras_cnns.support.atomic_files import write_json
from keras_cnns.weights.renaming import constructor, peers
from tests.weights.torch_peers import timm, torchvision

LIKELY = ("resnet", "resnext", "wide_resnet", "seresnet", "densenet", "vgg", "inception", "efficientnet", "tf_")
LIKELY += ("mobilenet", "mnasnet", "legacy_xception", "convnext", "regnet")


def signature(name, **options):
    """Names and shapes of all tensors."""
    with torch.device("meta"):
        network = timm.create_model(name, pretrained=False, **options)
    return frozenset((key, tuple(value.shape)) for key, value in network.state_dict().items())


def alike():
    """{name in timm: our names of networks with the same tensors}."""
    ours = {}
    for name, theirs in peers("timm").items():
        network, options = constructor(theirs)
        ours.setdefault(signature(network, **options), []).append(name)
    names = [name for name in timm.list_models() if name.startswith(LIKELY)]
    result = {name: ours.get(signature(name)) for name in names}
    return {name: of for name, of in result.items() if of}


def pixels(mean, std):
    """A name in PREPROCESSING, or [mean, deviation] of pixels from 0 to 1."""
    result = of_unit_range(mean, std)
    return result if isinstance(result, str) else [list(mean), list(std)]


def table():
    architectures = alike()
    registry = timm.models._registry
    sets = {
        f"{name}.{tag}" if tag else name: pixels(config.mean, config.std)
        for name in architectures
        for tag, config in registry._model_default_cfgs[name].cfgs.items()
        if tag or config.has_weights
    }
    old = {o: n for o, n in registry._deprecated_models.items() if n and n.split(".")[0] in architectures}
    names = {*timm.list_models(), *registry._deprecated_models, *torchvision.models.list_models(torchvision.models)}
    others = sorted(
        names - {*architectures, *old, *(constructor(theirs)[0] for theirs in peers("torchvision").values())}
    )
    return {"architectures": architectures, "pixels": sets, "old": dict(sorted(old.items())), "others": others}


if __name__ == "__main__":
    write_json(Path(sys.argv[1]), table())
