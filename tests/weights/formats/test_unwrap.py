"""Checkpoints in their wrappings, written without torch: what is taken, ignored, noted and refused."""

import re
import warnings

import numpy as np
import pytest

import keras_cnns
from keras_cnns.support.errors import UserError
from keras_cnns.weights.formats.torch_files import foreign
from keras_cnns.weights.formats.unwrap import state_dict
from tests.weights import torch_written
from tests.weights.test_damaged_files import SMALL

STATE, OTHER = (torch_written.squeezenet(seed) for seed in (0, 1))
THIRD = torch_written.squeezenet(2)
MORE = {k: np.concatenate([v, v]) if k.startswith("classifier") else v for k, v in OTHER.items()}  # twice the classes
NAMELESS = list(OTHER.values())


def prefixed(prefix, state):
    return {f"{prefix}{key}": value for key, value in state.items()}


def loaded(path):
    """(the values of one kernel, the messages)"""
    with warnings.catch_warnings(record=True) as text:
        warnings.simplefilter("always")
        model = keras_cnns.build("squeezenet1_1", weights=path, **SMALL)
    message = " ".join(str(w.message) for w in text if issubclass(w.category, UserWarning))
    return model.get_layer("fire9_expand3x3_conv").kernel.numpy(), message


def right(state):
    return state["features.12.expand3x3.weight"].transpose(2, 3, 1, 0)


WRAPPINGS = {
    "a dict in a list": [STATE],
    "a tuple of weights and an optimizer": [STATE, {"lr": 0.1, "state": {"0": {"m": np.zeros(9, "float32")}}}],
    "a list in a dict": {"models": [{"weights": STATE}], "epoch": 3},
    "DeepSpeed": {"module": STATE, "ds_config": {}, "optimizer": None, "dp_world_size": 1},
    "timm's wrapper on the hub": prefixed("timm_model.", STATE),
    "averaged, with its count": {"n_averaged": np.array(5, "int64"), **prefixed("module.", STATE)},
    "a model in a model": {"state_dict": prefixed("model.model.", STATE)},
    "a class's own attribute": {
        "state_dict": prefixed("net.feature_extractor.", STATE),
        "hyper_parameters": {"lr": 0.1},
    },
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("zipped", [True, False], ids=["archive", "stream"])
def test_the_network_is_found_without_a_message(tmp_path, wrapping, zipped):
    torch_written.save(WRAPPINGS[wrapping], tmp_path / "x.pth", zipped)
    result, message = loaded(tmp_path / "x.pth")
    np.testing.assert_array_equal(result, right(STATE))
    assert message == ""


AVERAGES = {
    "torch_ema": {"model": STATE, "ema": {"decay": 0.999, "num_updates": 3, "shadow_params": NAMELESS}},
    "shadow_params": {"model": STATE, "shadow_params": NAMELESS},
    "a list": {"state_dict": STATE, "ema": NAMELESS},
    "deep inside": {"trainer": {"model": STATE, "ema_weights": NAMELESS}},
    "a callback's": {"model": STATE, "callbacks": {"EMACallback": {"shadow": NAMELESS}}},
    "a part": {"model": STATE, "ema": dict(list(OTHER.items())[:9])},
}


@pytest.mark.parametrize("average", AVERAGES)
def test_an_average_that_cannot_be_used_is_a_warning(tmp_path, average):
    torch_written.save(AVERAGES[average], tmp_path / "x.pth")
    result, message = loaded(tmp_path / "x.pth")
    np.testing.assert_array_equal(result, right(STATE))
    assert "an average of the weights lies in" in message and "was ignored" in message


@pytest.mark.parametrize(
    "content",
    [
        {"model": STATE, "swa": {"n_averaged": np.array(5, "int64"), **prefixed("module.", OTHER)}},
        {"model": STATE, "model_avg": OTHER},
        prefixed("student.", STATE) | prefixed("teacher.", OTHER),
    ],
    ids=["swa", "model_avg", "teacher"],
)
def test_an_average_with_names_is_used_with_a_message(tmp_path, content):
    torch_written.save(content, tmp_path / "x.pth")
    result, message = loaded(tmp_path / "x.pth")
    np.testing.assert_array_equal(result, right(OTHER))
    assert "was taken" in message


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ({"best": STATE, "last": OTHER}, "best, last"),
        ({"net_a": STATE, "net_b": {"state_dict": OTHER}}, "net_b/state_dict, net_a"),
        ({"model": STATE, "best_model": prefixed("module.", OTHER)}, "model, best_model"),
        ({"folds": [STATE, OTHER]}, "folds/0, folds/1"),
        ({"model": STATE, "ema": OTHER, "swa": THIRD}, "ema, swa"),
        (prefixed("model.", STATE) | prefixed("expert.", OTHER), "model and expert"),
        ({"state_dict": prefixed("nets.0.", STATE) | prefixed("nets.1.", OTHER)}, "nets.0 and nets.1"),
        ({"state_dict": prefixed("ema.", STATE) | prefixed("swa.", OTHER)}, "ema and swa"),
        (prefixed("student.", STATE) | prefixed("teacher.", MORE), "student and teacher"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.sampled(1)
def test_of_two_that_fit_none_is_taken_and_both_are_named(tmp_path, content, names, reverse):
    """A teacher for other classes is no average of the student."""
    if reverse:
        content, names = dict(reversed(content.items())), re.split(", | and ", names)
        names = "(?=.*" + ")(?=.*".join(map(re.escape, names)) + ")"
    torch_written.save(content, tmp_path / "x.pth")
    with pytest.raises(UserError, match=f"several networks .*{names}.* alone"):
        loaded(tmp_path / "x.pth")


SAME = {
    "two names of one network": {"best": STATE, "last": STATE},
    "a copy under another prefix": prefixed("model.", STATE) | prefixed("net.", STATE),
    "a copy and its list": {"models": [STATE, dict(STATE)]},
    "Lightning's WeightAveraging": {"state_dict": STATE, "current_model_state": OTHER, "averaging_state": {}},
    "MoCo": {"state_dict": prefixed("module.encoder_q.", STATE) | prefixed("module.encoder_k.", OTHER)},
    "BYOL": prefixed("target_network.", OTHER) | prefixed("online_network.", STATE),
    "a momentum encoder": prefixed("momentum_backbone.", OTHER) | prefixed("backbone.", STATE),
}


@pytest.mark.parametrize("content", SAME)
@pytest.mark.sampled(1)
def test_one_of_several_is_the_known_choice_or_all_are_the_same(tmp_path, content):
    torch_written.save(SAME[content], tmp_path / "x.pth")
    result, message = loaded(tmp_path / "x.pth")
    np.testing.assert_array_equal(result, right(STATE))
    assert "ignored" in message or not any(value is OTHER["features.0.weight"] for value in _arrays(SAME[content]))


def _arrays(content):
    for value in content.values() if isinstance(content, dict) else content:
        yield from _arrays(value) if isinstance(value, dict | list) else [value]


@pytest.mark.parametrize("name", ["squeezenet1_1", "squeezenet1_0"])
@pytest.mark.sampled(1)
def test_of_two_networks_the_one_that_fits_is_taken(tmp_path, name):
    """A student and a teacher of another architecture, whose layers have the same names."""
    wide = {key: np.concatenate([v, v]) if key.endswith("squeeze.weight") else v for key, v in OTHER.items()}
    torch_written.save({"state_dict": prefixed("student.", STATE) | prefixed("teacher.", wide)}, tmp_path / "x.ckpt")
    if name == "squeezenet1_0":
        with pytest.raises(UserError, match="are not those of squeezenet1_0"):
            keras_cnns.build(name, weights=tmp_path / "x.ckpt", **SMALL)
        return
    result, message = loaded(tmp_path / "x.ckpt")
    np.testing.assert_array_equal(result, right(STATE))
    assert "student was taken, teacher beside it ignored" in message


@pytest.mark.parametrize(("names", "prefix"), [(("0.mean", "0.std"), "1."), (("pixel_mean", "pixel_std"), "")])
@pytest.mark.parametrize("usual", [True, False])
def test_preprocessing_inside_the_files_network_is_a_warning(tmp_path, names, prefix, usual):
    values = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]) if usual else ([0.5] * 3, [0.25] * 3)
    own = {name: np.array(value, "float32").reshape(1, 3, 1, 1) for name, value in zip(names, values, strict=True)}
    torch_written.save(own | prefixed(prefix, STATE), tmp_path / "x.pth")
    result, message = loaded(tmp_path / "x.pth")
    np.testing.assert_array_equal(result, right(STATE))
    assert (f"{names[0]} [0.5, 0.5, 0.5]" in message) == (not usual)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("torch._utils._rebuild_qtensor", r"tensors that cannot be read here \(qtensor\)"),
        ("torch._utils._rebuild_sparse_tensor", r"tensors that cannot be read here \(sparse_tensor\)"),
        ("torch.float8_e4m3fn", r"tensors that cannot be read here \(float8_e4m3fn\)"),
        ("torch.ComplexFloatStorage", r"tensors that cannot be read here \(ComplexFloatStorage\)"),
        ("numpy._core.multiarray._reconstruct", "NumPy's arrays"),
        ("torchvision.models.resnet.ResNet", r"more than weights \(torchvision.models.resnet.ResNet\).*would run code"),
    ],
)
def test_what_lies_in_the_place_of_tensors_is_named_and_not_called_damage(what, message):
    for content in ({"conv1.weight": foreign(what)()}, {"model": {"conv1.weight": foreign(what)()}}, foreign(what)()):
        with pytest.raises(UserError, match=message) as error:
            state_dict(content, "x.pth")
        assert "damaged" not in str(error.value)


def test_a_list_of_tensors_has_no_names(tmp_path):
    for content in (NAMELESS, {"params": NAMELESS}, {"epoch": 3}, 3, [[3]]):
        torch_written.save(content, tmp_path / "x.pth")
        with pytest.raises(UserError, match="holds no state_dict"):
            loaded(tmp_path / "x.pth")
