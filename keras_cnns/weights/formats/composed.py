"""Weights that torch keeps in parts (weight normalization, pruning masks), put together as torch does it."""

import re
from typing import Any

import numpy as np

from keras_cnns.support.errors import UnreadableFile

# how the names of the parts end -> what the file has; they cannot be put together without the network
UNMERGED = {
    r"\.lora_[AB](\.|$)": "LoRA's factors beside its weights: call merge_and_unload()",
    r"(\.weight_u|\.parametrizations\.\w+\.0\._u)$": "spectrally normalized weights: call remove_spectral_norm()",
}
PEFT = re.compile(r"(?P<layer>.+)\.modules_to_save\.[^.]+\.(?P<variable>.+)")  # layers that peft trains in full
PARTS = [  # (name of the first part, of the second, how a weight is made of them)
    (r"\.weight_g$", ".weight_v", "norm"),
    (r"\.parametrizations\.weight\.original0$", ".parametrizations.weight.original1", "norm"),
    (r"\.weight_orig$", ".weight_mask", "mask"),
]


def composed(state: dict[str, Any], path: object) -> dict[str, Any]:
    """The tensors, each weight in one piece.

    Args:
      state: {name in torch: array}.
      path: of the file, for the message.

    Raises:
      UserError: there are parts of weights that only the network can put together, or that do not fit together.
    """
    for pattern, what in UNMERGED.items():
        if any(re.search(pattern, name) for name in state):
            raise UnreadableFile(f"{path} holds {what} and save the state_dict again.")
    result = _trained_copies(state, path)
    for first, second, how in PARTS:
        for name in [name for name in result if re.search(first, name)]:
            layer = re.sub(first, "", name)
            if f"{layer}{second}" in result:
                a, b = result.pop(name), result.pop(f"{layer}{second}")
                if not _fit(a.shape, b.shape, how):
                    raise UnreadableFile(f"{path} is damaged: {name} and {layer}{second} do not fit together.")
                result[f"{layer}.weight"] = a * b if how == "mask" else _normalized(a, b)
    return result


def _trained_copies(state: dict[str, Any], path: object) -> dict[str, Any]:
    """The tensors, with the layers that peft trained in full under their own names, without the layers they replace."""
    result = dict(state)
    for name in state:
        if match := PEFT.fullmatch(name):
            layer, variable = match["layer"], match["variable"]
            if f"{layer}.{variable}" in result:
                raise UnreadableFile(f"{path} holds {layer} of several adapters: save the state_dict with one of them.")
            result[f"{layer}.{variable}"] = result.pop(name)
            result.pop(f"{layer}.original_module.{variable}", None)
    return result


def _fit(first: tuple[int, ...], second: tuple[int, ...], how: str) -> bool:
    """Whether the product of two parts is of the size of the second, and not of any size up to that of both."""
    if how == "mask":
        return first == second
    return not first or len(first) == len(second) and all(a in (1, b) for a, b in zip(first, second, strict=True))


def _normalized(lengths: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """g * v / |v|, the length of each output's vector: `torch.nn.utils.weight_norm`."""
    axes = tuple(i for i in range(directions.ndim) if lengths.ndim != directions.ndim or lengths.shape[i] == 1)
    norms = np.sqrt(np.sum(np.square(directions, dtype="float64"), axis=axes, keepdims=True))
    return (lengths * directions / norms).astype(directions.dtype)
