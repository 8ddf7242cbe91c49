"""Normalizations older than batch normalization."""

from keras_cnns.blocks.own_layers import own
from keras_cnns.support.types import Tensor


def local_response_norm(
    x: Tensor, *, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75, name: str
) -> Tensor:
    """Divides each channel by the strength of its n neighbours: see `layers.LocalResponseNormalization`."""
    return own.LocalResponseNormalization(n, k, alpha, beta, name=name)(x)


def local_contrast_norm(x: Tensor, *, size: int = 9, name: str) -> Tensor:
    """Subtracts the local mean and divides by the local deviation: see `layers.LocalContrastNormalization`."""
    return own.LocalContrastNormalization(size, name=name)(x)
