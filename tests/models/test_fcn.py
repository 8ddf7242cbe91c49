"""FCN: any size, exact enlargement, skips that begin as nothing, backbones by name."""

import keras
import numpy as np
import pytest

from keras_cnns import UserError, build
from keras_cnns.layers import Bilinear
from keras_cnns.testing import pictures, randomize

SMALL = {"columns": {"width": 0.35}, "classes": 5, "input_shape": (64, 96, 3)}


def test_answers_at_the_size_of_the_picture():
    for shape in ((64, 96, 3), (50, 71, 3)):
        assert build("fcn8s", **{**SMALL, "input_shape": shape}).output_shape == (None, *shape[:2], 5)


def test_one_network_for_any_size():
    fixed, free = (build("fcn8s", **{**SMALL, "input_shape": shape}) for shape in ((50, 71, 3), (None, None, 3)))
    randomize(fixed)
    free.set_weights(fixed.get_weights())
    images = pictures(2, (50, 71, 3))
    np.testing.assert_allclose(free(images), fixed(images), atol=1e-5)
    assert free(images[:, :33, :64]).shape == (2, 33, 64, 5)


def test_scores_are_probabilities_at_each_pixel():
    np.testing.assert_allclose(np.sum(build("fcn32s", **SMALL)(pictures(1, (64, 96, 3))), -1), 1, atol=1e-5)


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_enlargement_begins_as_bilinear(stride):
    """Inside, a slope stays the slope; each channel is its own."""
    layer = keras.layers.Conv2DTranspose(2, 2 * stride, stride, "same", use_bias=False, kernel_initializer=Bilinear())
    y, x = np.mgrid[:6, :6].astype("float32")
    large = np.asarray(layer(np.stack([x + 10 * y, 0 * x], -1)[None]))[0]
    centre = (np.arange(6 * stride) + 0.5) / stride - 0.5
    inner = slice(stride, -stride)
    expected = centre[None, :] + 10 * centre[:, None]
    np.testing.assert_allclose(large[inner, inner, 0], expected[inner, inner], atol=1e-4)
    assert not large[..., 1].any()


def test_the_finer_nets_begin_as_the_coarser_one():
    """The skips' scores begin as zero; what is left are two bilinear steps instead of one."""
    image = pictures(1, (64, 96, 3))
    nets = []
    for name in ("fcn32s", "fcn8s"):
        keras.utils.set_random_seed(0)
        nets.append(build(name, classifier_activation=None, **SMALL))
    shared = {w.path: w for w in nets[0].weights}
    for w in nets[1].weights:
        if w.path in shared and "upsample" not in w.path:
            w.assign(shared[w.path])
    coarse, fine = (np.asarray(net(image)) for net in nets)
    assert np.corrcoef(coarse.ravel(), fine.ravel())[0, 1] > 0.95


def test_the_last_enlargement_is_not_trained():
    names = {v.path.split("/")[0] for v in build("fcn8s", **SMALL).trainable_variables}
    assert {"upsample16", "upsample8", "score_C3"} <= names and "upsample" not in names


def test_vgg16_weighs_what_the_paper_says():
    """Table 1: 134 M parameters, with fc6 and fc7 as convolutions."""
    net = build("fcn32s_vgg16")
    assert round(sum(np.prod(v.shape) for v in net.trainable_variables) / 1e6) == 134
    assert net.get_layer("fc6_conv").kernel.shape == (7, 7, 512, 4096)


@pytest.mark.parametrize(
    "wrong, hint",
    [
        ({"backbone": "resnet5O"}, "resnet50"),
        ({"backbone": "fcn32s"}, "has a backbone itself"),
        ({"backbone": "inception_v3", "columns": {}, "input_shape": (96, 96, 3)}, "halve"),
        ({"backbone": "lenet5", "columns": {}}, "C4"),
        ({"columns": {"widht": 0.35}}, "width"),
        ({"skips": ("pool9",)}, "pool9"),
    ],
)
def test_a_mistake_gets_one_clear_line(wrong, hint):
    with pytest.raises(UserError, match=hint) as error:
        build("fcn8s", **{**SMALL, **wrong})
    assert "\n" not in str(error.value)


def test_a_narrow_classifier_of_digits_is_what_the_scenes_recipe_starts_from(tmp_path):
    narrow = {"widths": (8, 8, 8, 8, 8), "fc": ()}
    classifier = randomize(build("vgg11_bn", weights=None, classes=10, input_shape=(32, 32, 3), **narrow))
    classifier.save(tmp_path / "digits.keras")
    options = {"backbone": "vgg11_bn", "columns": narrow, "classes": 11, "input_shape": (64, 64, 3)}
    with pytest.warns(UserWarning, match="keeps? (its|their) initial weights"):
        net = build("fcn8s", weights=tmp_path / "digits.keras", **options)
    for layer in classifier.layers:
        if layer.name.startswith("conv"):
            for mine, theirs in zip(net.get_layer(layer.name).get_weights(), layer.get_weights(), strict=True):
                np.testing.assert_array_equal(mine, theirs)
