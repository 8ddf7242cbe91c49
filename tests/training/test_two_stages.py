"""Fine-tuning in two stages: the second starts with what the first ended with, wherever the weights came from."""

import json
import warnings

import keras
import numpy as np
import pytest
from PIL import Image

import keras_cnns
from keras_cnns.testing import randomize
from keras_cnns.training import Recipe, train
from tests.weights import lite_written, torch_written

SIDE = 64


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """Stripes that lie, stand or lean: four pictures of each are held out, and colours do not show the class."""
    folder, rng = tmp_path_factory.mktemp("shapes"), np.random.default_rng(0)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for name, at in (("leaning", rows + columns), ("lying", rows), ("standing", columns)):
        (folder / name).mkdir()
        for k in range(20):
            wave = 90 * np.sin(at[..., None] * rng.uniform(0.3, 0.6) + rng.uniform(0, 6, 3)) + 128
            pixels = np.clip(wave + rng.normal(0, 10, (SIDE, SIDE, 3)), 0, 255).astype("uint8")
            Image.fromarray(pixels).save(folder / name / f"{k}.png")
    return folder


def own(folder):
    """A file of ours, trained on pixels that were prepared as Caffe does."""
    inside = {"preprocessing": "caffe", "include_preprocessing": True}
    randomize(keras_cnns.build("squeezenet1_1", input_shape=(SIDE, SIDE, 3), classes=5, **inside)).save(
        folder / "x.keras"
    )
    return "squeezenet1_1", folder / "x.keras"


def torchvision(folder):
    torch_written.save({"state_dict": torch_written.squeezenet()}, folder / "x.pth")
    return "squeezenet1_1", folder / "x.pth"


def applications(folder):
    """MobileNetV2 below a Dense layer, on pixels that a Rescaling brings to -1..1."""
    base = randomize(
        keras.applications.MobileNetV2(weights=None, include_top=False, pooling="avg", input_shape=(SIDE, SIDE, 3))
    )
    image = keras.Input((SIDE, SIDE, 3))
    x = base(keras.layers.Rescaling(1 / 127.5, -1)(image), training=False)
    keras.Model(image, keras.layers.Dense(5)(x)).save(folder / "x.h5")
    return "mobilenet_v2", folder / "x.h5"


def lite(folder):
    """EfficientNet-Lite0 in the names of the efficientnet-lite-pytorch package."""
    model = randomize(keras_cnns.build("efficientnet_lite0", input_shape=(SIDE, SIDE, 3), classes=5))
    torch_written.save(lite_written.state(model), folder / "efficientnet_lite0.pth")
    return "efficientnet_lite0", folder / "efficientnet_lite0.pth"


def timm(folder):
    """A folder of timm's hub, its pixels from -1 to 1 by the config.json in it."""
    pytest.importorskip("torch")
    from safetensors.torch import save_file

    from tests.weights import torch_peers

    torch_peers.torch.manual_seed(0)
    net = torch_peers.timm.create_model("mobilenetv3_small_100", pretrained=False, num_classes=5)
    save_file({k: v.contiguous() for k, v in net.state_dict().items()}, folder / "model.safetensors")
    message = {"mean": [0.5] * 3, "std": [0.5] * 3}
    (folder / "config.json").write_text(
        json.dumps({"architecture": "mobilenetv3_small_100", "pretrained_cfg": message})
    )
    return "mobilenet_v3_small", folder


@pytest.mark.parametrize(
    "source",
    [own, *(pytest.param(s, marks=pytest.mark.slow) for s in (torchvision, applications, lite, timm))],
    ids=lambda source: source.__name__,
)
def test_the_second_stage_starts_where_the_first_ended(source, shapes, tmp_path):
    """The head first, then all of it: before a step is made, the accuracy and the loss are those of the first stage."""
    model, weights = source(tmp_path)
    settings = {"optimizer": "adam", "learning_rate": 3e-3, "batch_size": 8, "epochs": 3, "strategy": "one"}
    settings |= {"input_shape": (SIDE, SIDE, 3), "dataset": f"folder:{shapes}"}
    how = {"weights": str(weights), "freeze": "features", "out": str(tmp_path / "first")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its classes keep their initial weights
        first = train(Recipe(model, **settings | how), quiet=True)
    how = {"weights": str(tmp_path / "first" / "model.keras"), "out": str(tmp_path / "second"), "epochs": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        still = {"learning_rate": 0.0, "hold_statistics": True}
        second = train(Recipe(model, **settings | how | still), quiet=True)
    assert second.metrics["accuracy"] == first.metrics["accuracy"]
    assert second.metrics["loss"] == pytest.approx(first.metrics["loss"], rel=1e-4)
    assert first.history[-1]["loss"] != first.history[0]["loss"], "it has to have learned something"
