"""Clustered kernels hold few values, which the training moves together."""

import keras
import numpy as np
import pytest
from sklearn.cluster import KMeans

from keras_cnns.support.errors import UserError
from keras_cnns.tflite import KeepCompressed, cluster, gzip_size, prune, quantization_aware
from keras_cnns.tflite.aware import convert as aware_convert
from keras_cnns.tflite.compress.clustering import centroids, clustered, equal_within
from tests.tflite.compress.test_pruning import accuracy, large

VALUES = np.random.default_rng(0).normal(size=500)


@pytest.fixture(scope="module")
def clustered_network(network, digits):
    lean = prune(network, digits[0], sparsity=0.5, epochs=4, smallest=200, learning_rate=3e-3)
    return lean, cluster(lean, digits[0], clusters=8, epochs=2, smallest=200)


def test_centroids_are_those_of_k_means():
    start = np.linspace(VALUES.min(), VALUES.max(), 6)[:, None]
    expected = KMeans(6, init=start, n_init=1, tol=0).fit(VALUES[:, None]).cluster_centers_.ravel()
    np.testing.assert_allclose(centroids(VALUES, 6), np.sort(expected), rtol=1e-6)


def test_a_step_moves_a_centroid_by_the_mean_of_its_weights():
    kernel = VALUES[:60].reshape(3, 5, 4).astype("float32")
    groups = clustered(kernel, 5)
    values = equal_within(groups)(kernel).numpy()
    assert len(np.unique(values)) == 5
    np.testing.assert_array_equal(equal_within(groups)(values).numpy(), values)  # equal values stay as they are
    gradient = np.random.default_rng(1).normal(size=kernel.shape).astype("float32")
    moved = equal_within(groups)(values - 0.1 * gradient).numpy()
    for group in range(5):
        members = groups == group
        np.testing.assert_allclose(moved[members], (values - 0.1 * gradient[members].mean())[members], atol=1e-6)


def test_the_zeros_of_a_pruned_kernel_stay_and_do_not_count():
    kernel = np.where(np.abs(VALUES) > 0.7, VALUES, 0).astype("float32").reshape(50, 10)
    groups = clustered(kernel, 4)
    assert set(np.unique(groups)) == {-1, 0, 1, 2, 3} and np.array_equal(groups == -1, kernel == 0)
    assert np.array_equal(equal_within(groups)(kernel + 1).numpy() == 0, kernel == 0)


def test_a_dense_network_is_clustered(network, digits):
    result = cluster(network, digits[0], clusters=4, epochs=1, smallest=3000)
    largest = max(large(result).values(), key=np.size)
    assert len(np.unique(largest)) <= 4
    assert not set(np.unique(largest)) <= set(centroids(max(large(network).values(), key=np.size).ravel(), 4))


@pytest.mark.slow
def test_clustering_leaves_few_values_and_the_zeros(clustered_network, network, digits):
    lean, result = clustered_network
    for name, kernel in large(result).items():
        assert len(np.unique(kernel)) <= 9  # the clusters, and zero
        assert np.mean(kernel == 0) >= np.mean(large(lean)[name] == 0)
    assert accuracy(result, digits[1]) > accuracy(network, digits[1]) - 0.03


@pytest.mark.slow
def test_quantization_aware_training_keeps_zeros_and_equal_values(clustered_network, digits):
    aware = quantization_aware(clustered_network[1])
    aware.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", jit_compile=False)
    before = large(aware)
    aware.fit(*digits[0], 64, epochs=1, verbose=0, callbacks=[KeepCompressed()])
    for name, kernel in large(aware).items():
        assert not np.array_equal(kernel, before[name])
        assert np.array_equal(kernel == 0, before[name] == 0)
        for i in range(kernel.shape[-1]):
            assert len(np.unique(kernel[..., i])) <= len(np.unique(before[name][..., i]))


@pytest.mark.slow
def test_prune_then_cluster_then_train_quantized_shrinks_the_download(network, clustered_network, digits, tmp_path):
    sizes = []
    for model in (network, clustered_network[1]):
        aware = quantization_aware(model)
        aware.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", jit_compile=False)
        aware.fit(*digits[0], 64, epochs=1, verbose=0, callbacks=[KeepCompressed()])
        data = aware_convert.convert(aware)
        (tmp_path / "model.tflite").write_bytes(data)
        assert gzip_size(tmp_path / "model.tflite") == gzip_size(data) < len(data)
        sizes.append(gzip_size(data))
    assert sizes[1] < 0.8 * sizes[0]
    assert accuracy(aware, digits[1]) > accuracy(network, digits[1]) - 0.03


def test_one_cluster_is_refused(network, digits):
    with pytest.raises(UserError, match="1 clusters"):
        cluster(network, digits[0], clusters=1)


def test_the_size_of_a_file_that_cannot_be_read(tmp_path):
    for file in (tmp_path / "none.tflite", tmp_path, 3):
        with pytest.raises(UserError):
            gzip_size(file)
