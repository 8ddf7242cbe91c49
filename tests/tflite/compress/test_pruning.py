"""Pruned kernels hold zeros, which survive further training and every export."""

import importlib

import keras
import numpy as np
import pytest

from keras_cnns import tflite
from keras_cnns.support.errors import UserError
from keras_cnns.tflite import KeepCompressed, Pruning, prune, sparsity
from keras_cnns.tflite.quantize.steps import File


def accuracy(model, data):
    return np.mean(model.predict(data[0], verbose=0).argmax(1) == data[1])


def large(model):
    return {
        layer.name: layer.kernel.numpy()
        for layer in model.layers
        if hasattr(layer, "kernel") and np.prod(layer.kernel.shape) >= 200 and "Depthwise" not in type(layer).__name__
    }


def compiled(model, **options):
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", jit_compile=False, **options)
    return copy


@pytest.fixture(scope="module")
def pruned(network, digits):
    return prune(network, digits[0], sparsity=0.5, epochs=4, smallest=200, learning_rate=3e-3)


def test_pruning_leaves_the_zeros_it_was_asked_for(pruned, network, digits):
    assert type(pruned) is type(network) and [type(a) for a in pruned.layers] == [type(a) for a in network.layers]
    for kernel in large(pruned).values():
        assert np.mean(kernel == 0) == pytest.approx(0.5, abs=0.01)
    assert sparsity(network) == 0 and 0.4 < sparsity(pruned) < 0.5
    assert accuracy(pruned, digits[1]) > accuracy(network, digits[1]) - 0.02


def test_the_model_that_was_given_keeps_its_weights_and_statistics(pruned, network):
    assert all(np.mean(kernel == 0) < 0.01 for kernel in large(network).values())
    for before, after in zip(network.non_trainable_variables[:2], pruned.non_trainable_variables[:2], strict=True):
        np.testing.assert_array_equal(before.numpy(), after.numpy())


@pytest.mark.slow
def test_the_callback_works_in_a_fit_that_was_compiled_before_and_lets_go_afterwards(network, digits):
    (pictures, labels), _ = digits
    model, some = compiled(network), slice(0, 64)
    model.fit(pictures[some], labels[some], 32, verbose=0)
    model.fit(pictures[:320], labels[:320], 32, epochs=2, verbose=0, callbacks=[Pruning(0.6, smallest=200)])
    for kernel in large(model).values():
        assert np.mean(kernel == 0) == pytest.approx(0.6, abs=0.01)
    model.fit(pictures[some], labels[some], 32, verbose=0, callbacks=[KeepCompressed()])
    assert all(np.mean(kernel == 0) == pytest.approx(0.6, abs=0.01) for kernel in large(model).values())
    model.fit(pictures[some], labels[some], 32, verbose=0)
    assert sparsity(model) < 0.1


def test_a_pattern_holds_from_the_first_step_on(network, digits):
    (pictures, labels), _ = digits
    model = compiled(network)
    model.fit(pictures[:64], labels[:64], 32, verbose=0, callbacks=[Pruning(pattern="2:4", smallest=200)])
    for kernel in large(model).values():
        groups = np.moveaxis(kernel, -2, 0).reshape(-1, 4, kernel.size // kernel.shape[-2])
        assert np.all(np.sum(groups != 0, axis=1) <= 2)


@pytest.mark.parametrize("scheme", ["float32", "int8"])
def test_an_export_keeps_every_zero(pruned, digits, tmp_path, scheme):
    (pictures, _), (images, labels) = digits
    path = tmp_path / "net.tflite"
    options = {"calibration": pictures[:100]} if scheme == "int8" else {}
    tflite.export(pruned, path, scheme=scheme, images=images[:50], labels=labels[:50], **options)
    file = File(path.read_bytes())
    zeros = [np.mean(file.constant(o.inputs[1]) == 0) for o in file.operators if len(o.inputs) == 3]
    assert sum(share >= 0.49 for share in zeros) >= len(large(pruned))


@pytest.mark.slow
def test_replicas_have_the_same_zeros(network, digits):
    import tensorflow as tf

    devices = tf.config.list_logical_devices("CPU")
    strategy = tf.distribute.MirroredStrategy([devices[0].name])
    with strategy.scope():
        model = compiled(network)
        model.fit(*digits[0], 50, verbose=0, callbacks=[Pruning(0.6, smallest=200)])
    assert all(np.mean(kernel == 0) == pytest.approx(0.6, abs=0.01) for kernel in large(model).values())


@pytest.mark.parametrize("options", [{"sparsity": 1.0}, {"sparsity": 0.2, "start": 0.5}, {"smallest": 10**9}])
def test_what_cannot_be_pruned_is_refused(network, digits, options):
    with pytest.raises(UserError, match="is not possible|no convolution"):
        prune(network, digits[0], epochs=1, **options)


def test_other_arguments_that_cannot_be(network, digits):
    pictures, labels = digits[0]
    with pytest.raises(UserError, match="1000 pictures and 3 labels"):
        prune(network, (pictures, labels[:3]))
    with pytest.raises(UserError, match="there is no argument epoch: choose from epochs"):
        prune(network, digits[0], epoch=1)
    with pytest.raises(UserError, match="how many batches"):
        compiled(network).fit(
            ((pictures[:8], labels[:8]) for _ in range(2)), verbose=0, callbacks=[Pruning(smallest=200)]
        )


def test_the_old_path_still_works():
    with pytest.warns(DeprecationWarning, match="import from keras_cnns.tflite"):
        old = importlib.import_module("keras_cnns.tflite.aware.compress")
        importlib.reload(old)
    assert (old.prune, old.cluster, old.Keep) == (prune, tflite.cluster, KeepCompressed)
