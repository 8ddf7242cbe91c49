"""The layers only LeNet-5 has, against the paper's sums."""

import numpy as np

from keras_cnns.layers import EuclideanRBF, TableConv2D
from keras_cnns.layers.euclidean_rbf import codes
from keras_cnns.models.lenet import TABLE_I

RNG = np.random.default_rng(0)


def test_table_convolution_sums_over_the_connected_maps_only():
    layer, x = TableConv2D(TABLE_I, 5), RNG.normal(size=(2, 9, 8, 6)).astype("float32")
    layer.build(x.shape)
    assert layer.count_params() == 1516
    kernel, bias = RNG.normal(size=(5, 5, 60)).astype("float32"), RNG.normal(size=16).astype("float32")
    layer.set_weights([kernel, bias])
    expected, at = np.zeros((2, 5, 4, 16)) + bias, 0
    for after, seen in enumerate(TABLE_I):
        for before in seen:
            for row in range(5):
                for column in range(4):
                    window = x[:, row : row + 5, column : column + 5, before]
                    expected[:, row, column, after] += (window * kernel[:, :, at]).sum(axis=(1, 2))
            at += 1
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-4)


def test_the_table_is_the_papers():
    assert [len(seen) for seen in TABLE_I] == [3] * 6 + [4] * 9 + [6]
    assert len(set(map(frozenset, TABLE_I))) == 16
    assert [sum(before in seen for seen in TABLE_I) for before in range(6)] == [10] * 6


def test_rbf_units_measure_squared_distances():
    x = RNG.normal(size=(3, 84)).astype("float32")
    expected = [[((row - code) ** 2).sum() for code in codes(10, 84).T] for row in x]
    np.testing.assert_allclose(EuclideanRBF(10)(x), expected, rtol=1e-5)


def test_a_picture_of_a_digit_is_nearest_to_its_own_unit():
    pictures = codes(10, 84).T
    assert np.abs(pictures).min() == np.abs(pictures).max() == 1
    distances = np.asarray(EuclideanRBF(10)(pictures))
    assert (np.diag(distances) == 0).all() and (distances.argmin(axis=1) == range(10)).all()
    assert np.sort(distances, axis=1)[:, 1].min() >= 4 * 5, "two digits differ in less than five pixels"


def test_codes_stay_when_the_rest_learns():
    layer = EuclideanRBF(10)
    layer.build((None, 84))
    assert not layer.trainable_weights and len(layer.weights) == 1


def test_more_classes_than_digits_get_random_codes():
    assert codes(96, 84).shape == (84, 96) and np.unique(codes(96, 84), axis=1).shape == (84, 96)
