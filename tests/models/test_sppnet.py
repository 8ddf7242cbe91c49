"""SPPnet: the same vector length for any picture, the paper's windows, one set of weights at every size."""

import numpy as np
import pytest

from keras_cnns import UserError, build
from keras_cnns.testing import pictures, randomize
from tests.layers.test_adaptive_pooling import expected

SMALL = {"columns": {"lrn": True, "widths": (8, 8, 8, 8, 8)}, "fc": (16,), "classes": 5}


def test_the_vector_is_as_long_for_any_size_and_holds_every_windows_maximum():
    model = randomize(build("sppnet_zf", input_shape=(None, None, 3), **SMALL))
    inner = type(model)(model.input, [model.get_layer("conv5_relu").output, model.get_layer("spp").output])
    for shape in ((224, 224, 3), (96, 131, 3), (63, 63, 3)):
        level, vector = (np.asarray(x) for x in inner(pictures(2, shape)))
        assert vector.shape == (2, 8 * (36 + 9 + 4 + 1))
        parts = [expected(level, size, np.max).reshape(2, -1) for size in (6, 3, 2, 1)]
        np.testing.assert_allclose(vector, np.concatenate(parts, 1), atol=1e-5)


def test_a_network_for_one_size_is_the_one_for_any():
    """At 224 pixels conv5 is 13 x 13 and the windows ordinary poolings; at 131 they overlap unevenly."""
    free = randomize(build("sppnet_zf", input_shape=(None, None, 3), **SMALL))
    for shape in ((224, 224, 3), (96, 131, 3)):
        fixed = build("sppnet_zf", input_shape=shape, **SMALL)
        fixed.set_weights(free.get_weights())
        np.testing.assert_allclose(fixed(pictures(2, shape)), free(pictures(2, shape)), atol=1e-5)
        kinds = {type(layer).__name__ for layer in fixed.layers if layer.name.startswith("spp")}
        assert ("AdaptivePooling2D" in kinds) == (shape != (224, 224, 3))


@pytest.mark.slow
def test_the_papers_network():
    model = build("sppnet_zf")
    assert model.get_layer("conv5_relu").output.shape[1:] == (13, 13, 256)
    assert model.get_layer("fc6").kernel.shape == (50 * 256, 4096)


def test_a_mistake_gets_one_clear_line():
    with pytest.raises(UserError, match="C9"):
        build("sppnet_zf", level="C9", **SMALL)
