"""What weight decay leaves of a kernel before batch normalization says nothing of the network: nor does training on."""

import keras
import numpy as np
import pytest

from keras_cnns.tflite.aware import api
from tests.small_kernels import LINEAR, X, Y, network


def trained_on(kind, small, method="keras"):
    library = keras
    if method == "tfmot":
        from keras_cnns.tflite.aware.twin import tf_keras as library
    model = api.quantization_aware(network(kind, small), method=method, pictures=X)
    model.compile(library.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(X, Y, 16, epochs=2, shuffle=False, verbose=0)
    return np.asarray(model.predict(X, verbose=0))


def check(kind, method="keras"):
    before, further = network(kind, 1.0).predict(X, verbose=0), trained_on(kind, 1.0, method)
    assert np.abs(trained_on(kind, 0.1, method) - further).mean() < 0.15 * np.abs(further - before).mean()


@pytest.mark.parametrize("kind", LINEAR)
def test_the_two_are_one_network(kind):
    whole, small = (network(kind, small).predict(X, verbose=0) for small in (1.0, 0.1))
    np.testing.assert_allclose(small, whole, atol=1e-4)


@pytest.mark.parametrize("kind", LINEAR)
def test_training_on_moves_a_small_kernel_no_further(kind):
    check(kind)


def test_nor_by_the_other_method():
    check("conv", "tfmot")
