"""Weights that torch keeps in parts: weight normalization and pruning masks are put together, others are refused."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from keras_cnns.support.errors import UserError
from keras_cnns.weights.formats.composed import composed
from keras_cnns.weights.formats.readers import read

RANDOM = np.random.default_rng(0)
LENGTHS = RANDOM.uniform(0.5, 2, (5, 1, 1, 1)).astype("float32")
DIRECTIONS = RANDOM.normal(size=(5, 4, 3, 3)).astype("float32")


@pytest.mark.parametrize(
    "names",
    [
        ("conv.weight_g", "conv.weight_v"),
        ("conv.parametrizations.weight.original0", "conv.parametrizations.weight.original1"),
    ],
)
def test_weight_normalization(names):
    state = composed({**dict(zip(names, (LENGTHS, DIRECTIONS), strict=True)), "conv.bias": np.ones(5)}, "x")
    assert list(state) == ["conv.bias", "conv.weight"]
    for length, direction, kernel in zip(LENGTHS, DIRECTIONS, state["conv.weight"], strict=True):
        np.testing.assert_allclose(np.linalg.norm(kernel), length.item(), rtol=1e-6)
        np.testing.assert_allclose(kernel / length, direction / np.linalg.norm(direction), rtol=1e-6)


def test_weight_normalization_as_torch_computes_it():
    torch = pytest.importorskip("torch")
    layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(4, 3))
    with torch.no_grad():
        layer.parametrizations.weight.original0.uniform_(0.5, 2)
    state = composed({name: value.detach().numpy() for name, value in layer.state_dict(prefix="fc.").items()}, "x")
    np.testing.assert_allclose(state["fc.weight"], layer.weight.detach().numpy(), rtol=1e-6)


def test_a_mask_of_pruning():
    mask = (DIRECTIONS > 0).astype("float32")
    state = composed({"conv.weight_orig": DIRECTIONS, "conv.weight_mask": mask}, "x")
    np.testing.assert_array_equal(state["conv.weight"], np.maximum(DIRECTIONS, 0))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("fc.base_layer.weight", "fc.lora_A.default.weight"), "LoRA's factors .*merge_and_unload"),
        (("fc.weight_orig", "fc.weight_u"), "spectrally normalized weights"),
        (("fc.parametrizations.weight.original", "fc.parametrizations.weight.0._u"), "spectrally normalized weights"),
    ],
)
def test_parts_that_only_the_network_can_put_together(names, message, tmp_path):
    save_file({name: DIRECTIONS for name in names}, tmp_path / "x.safetensors")
    with pytest.raises(UserError, match=message):
        read(tmp_path / "x.safetensors")


def test_kernels_in_integers_are_rounded(tmp_path):
    counter = {"bn.num_batches_tracked": np.array(3), "ids.index": np.ones((1, 3), "int64")}
    save_file(counter | {"conv.weight": DIRECTIONS}, tmp_path / "x.safetensors")
    assert set(read(tmp_path / "x.safetensors").arrays) == {"conv/weight", "ids/index"}
    save_file({"conv.weight": DIRECTIONS.astype("int8")}, tmp_path / "x.safetensors")
    with pytest.raises(UserError, match="conv.weight in int8: its weights are rounded"):
        read(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ((20_000, 1), (1, 20_000), ("weight_g", "weight_v")),
        ((20_000, 1), (20_000,), ("weight_g", "weight_v")),
        ((20_000, 1), (1, 20_000), ("weight_orig", "weight_mask")),
    ],
)
def test_parts_whose_product_is_larger_than_both_are_refused(first, second, names):
    """It would have any size: here 1.6 GB of 160 kB."""
    parts = (np.ones(first, "float32"), np.ones(second, "float32"))
    with pytest.raises(UserError, match="do not fit together"):
        composed({f"fc.{name}": part for name, part in zip(names, parts, strict=True)}, "x")


def test_layers_that_peft_trained_in_full_replace_those_of_before():
    prefix = "base_model.model.fc"
    saved = {f"{prefix}.modules_to_save.default.{name}": np.ones(3) for name in ("weight", "bias")}
    before = {f"{prefix}.original_module.{name}": np.zeros(3) for name in ("weight", "bias")}
    state = composed({**before, **saved, "base_model.model.conv.weight": DIRECTIONS}, "x")
    assert set(state) == {f"{prefix}.weight", f"{prefix}.bias", "base_model.model.conv.weight"}
    assert (state[f"{prefix}.weight"] == 1).all()
    with pytest.raises(UserError, match="of several adapters"):
        composed(saved | {f"{prefix}.modules_to_save.second.weight": np.ones(3)}, "x")


def test_a_state_dict_saved_with_numpy(tmp_path):
    np.savez(
        tmp_path / "x.npz", **{"module.conv.weight": DIRECTIONS.astype("float16"), "module.bn.running_mean": np.ones(3)}
    )
    tensors = read(tmp_path / "x.npz")
    assert tensors.kind == "torch" and set(tensors.arrays) == {"module.conv/weight", "module.bn/running_mean"}
    np.testing.assert_array_equal(tensors.arrays["module.conv/weight"], DIRECTIONS.astype("float16").astype("float32"))
    np.savez(tmp_path / "x.npz", kernel=DIRECTIONS)
    with pytest.raises(UserError, match="archive of NumPy arrays .* not those of layers"):
        read(tmp_path / "x.npz")
