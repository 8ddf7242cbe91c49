"""Pruned kernels hold zeros, clustered ones few values; both survive quantization-aware training."""

import keras
import numpy as np
import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.aware import api
from keras_cnns.tflite.aware import convert as aware_convert

pytest.importorskip("tf_keras")
pytest.importorskip("tensorflow_model_optimization")
from keras_cnns.tflite.aware import compress  # noqa: E402


def accuracy(model, data):
    return np.mean(model.predict(data[0], verbose=0).argmax(1) == data[1])


def large(model):
    return {
        layer.name: layer.kernel.numpy()
        for layer in model.layers
        if hasattr(layer, "kernel") and np.prod(layer.kernel.shape) >= 200 and "Depthwise" not in type(layer).__name__
    }


@pytest.fixture(scope="module")
def pruned(network, digits):
    return compress.prune(network, digits[0], sparsity=0.5, epochs=4, smallest=200, learning_rate=3e-3)


@pytest.fixture(scope="module")
def clustered(pruned, digits):
    return compress.cluster(pruned, digits[0], clusters=8, epochs=2, smallest=200)


def test_pruning_leaves_the_zeros_it_was_asked_for(pruned, network, digits):
    assert isinstance(pruned, keras.Model)
    for kernel in large(pruned).values():
        assert np.mean(kernel == 0) == pytest.approx(0.5, abs=0.01)
    assert compress.sparsity(network) == 0 and 0.4 < compress.sparsity(pruned) < 0.5
    assert accuracy(pruned, digits[1]) > accuracy(network, digits[1]) - 0.02


def test_the_source_keeps_its_weights(pruned, network):
    assert all(np.mean(kernel == 0) < 0.01 for kernel in large(network).values())


@pytest.mark.slow
def test_clustering_leaves_few_values_and_the_zeros(clustered, pruned, network, digits):
    for name, kernel in large(clustered).items():
        assert len(np.unique(kernel)) <= 9  # the clusters, and zero
        assert np.mean(kernel == 0) >= np.mean(large(pruned)[name] == 0)
    assert accuracy(clustered, digits[1]) > accuracy(network, digits[1]) - 0.03


def test_a_dense_network_is_clustered_too(network, digits):
    result = compress.cluster(network, digits[0], clusters=4, epochs=1, smallest=3000)
    largest = max(large(result).values(), key=np.size)
    assert len(np.unique(largest)) <= 4


@pytest.mark.slow
def test_training_further_keeps_zeros_and_equal_values(clustered, digits):
    aware = api.quantization_aware(clustered)
    aware.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    before = large(aware)
    aware.fit(*digits[0], 64, epochs=1, verbose=0, callbacks=[compress.Keep()])
    for name, kernel in large(aware).items():
        assert not np.array_equal(kernel, before[name])
        assert np.array_equal(kernel == 0, before[name] == 0)
        for i in range(kernel.shape[-1]):
            assert len(np.unique(kernel[..., i])) <= len(np.unique(before[name][..., i]))


@pytest.mark.slow
def test_without_it_they_are_lost(clustered, digits):
    aware = api.quantization_aware(clustered)
    aware.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    aware.fit(*digits[0], 64, epochs=1, verbose=0)
    assert compress.sparsity(aware) < 0.1


@pytest.mark.slow
def test_prune_then_cluster_then_train_quantized_shrinks_the_download(network, clustered, digits, tmp_path):
    sizes = []
    for model in (network, clustered):
        aware = api.quantization_aware(model)
        aware.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
        aware.fit(*digits[0], 64, epochs=1, verbose=0, callbacks=[compress.Keep()])
        data = aware_convert.convert(aware)
        (tmp_path / "model.tflite").write_bytes(data)
        assert compress.gzip_size(tmp_path / "model.tflite") == compress.gzip_size(data) < len(data)
        sizes.append(compress.gzip_size(data))
    assert sizes[1] < 0.8 * sizes[0]
    assert accuracy(aware, digits[1]) > accuracy(network, digits[1]) - 0.03


@pytest.mark.parametrize("options", [{"sparsity": 1.0}, {"sparsity": 0.2, "start": 0.5}, {"smallest": 10**9}])
def test_what_cannot_be_pruned_is_refused(network, digits, options):
    with pytest.raises(UserError, match="is not possible|no convolution"):
        compress.prune(network, digits[0], epochs=1, **options)


def test_other_arguments_that_cannot_be(network, digits):
    pictures, labels = digits[0]
    with pytest.raises(UserError, match="1 clusters"):
        compress.cluster(network, digits[0], clusters=1)
    with pytest.raises(UserError, match="1000 pictures and 3 labels"):
        compress.cluster(network, (pictures, labels[:3]))
