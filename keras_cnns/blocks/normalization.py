"""Normalizations older than batch normalization."""

from keras_cnns.blocks.own_layers import own


def local_response_norm(x, *, n=5, k=2.0, alpha=1e-4, beta=0.75, name):
    """Krizhevsky et al. 2012, section 3.3: a channel is divided by the strength of its n neighbours."""
    return own.LocalResponseNormalization(n, k, alpha, beta, name=name)(x)


def local_contrast_norm(x, *, size=9, name):
    """Jarrett et al. 2009, section 2: the surroundings' mean is subtracted, and their deviation divided by."""
    return own.LocalContrastNormalization(size, name=name)(x)
