"""AutoAugment's and RandAugment's operations, beside PIL's."""

import collections

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps

from keras_cnns.data.augment import policies
from keras_cnns.data.augment.random import Random, uniform

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (24, 31, 3)).astype(np.uint8)
DULL = (tf.image.resize(RNG.uniform(60, 190, (3, 4, 3)), (24, 31)).numpy()).astype(np.uint8)


def ours(name, pixels, strength=0.0, sign=1.0):
    result = policies.OPERATIONS[name](tf.constant(pixels, tf.float32), strength, sign)
    return tf.round(tf.clip_by_value(result, 0, 255)).numpy().astype(int)


@pytest.mark.parametrize("pixels", [NOISE, DULL, np.full((9, 9, 3), 77, np.uint8)], ids=["noise", "dull", "one colour"])
def test_operations_without_strength(pixels):
    picture = Image.fromarray(pixels)
    assert np.abs(ours("AutoContrast", pixels) - np.array(ImageOps.autocontrast(picture), int)).max() <= 1
    np.testing.assert_array_equal(ours("Equalize", pixels), np.array(ImageOps.equalize(picture)))
    np.testing.assert_array_equal(ours("Invert", pixels), np.array(ImageOps.invert(picture)))
    np.testing.assert_array_equal(ours("Identity", pixels), pixels)


@pytest.mark.parametrize("strength", [0.0, 0.25, 0.5, 1.0])
def test_posterize_and_solarize(strength):
    picture = Image.fromarray(NOISE)
    expected = ImageOps.posterize(picture, 8 - round(4 * strength))
    np.testing.assert_array_equal(ours("Posterize", NOISE, strength), np.array(expected))
    expected = ImageOps.solarize(picture, 256 * (1 - strength))
    np.testing.assert_array_equal(ours("Solarize", NOISE, strength), np.array(expected))


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("name", ["Color", "Contrast", "Brightness", "Sharpness"])
def test_enhancements(name, strength, sign):
    expected = np.array(getattr(ImageEnhance, name)(Image.fromarray(DULL)).enhance(1 + 0.9 * strength * sign), int)
    assert np.abs(ours(name, DULL, strength, sign) - expected).max() <= 2


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("strength", [0.0, 0.37, 1.0])
@pytest.mark.parametrize("name", ["Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY"])
def test_movements(name, strength, sign):
    height, width, _ = NOISE.shape
    amount, picture = strength * sign, Image.fromarray(NOISE)
    matrix = {
        "ShearX": (1, 0.3 * amount, 0, 0, 1, 0),
        "ShearY": (1, 0, 0, 0.3 * amount, 1, 0),
        "TranslateX": (1, 0, 150 / 331 * width * amount, 0, 1, 0),
        "TranslateY": (1, 0, 0, 0, 1, 150 / 331 * height * amount),
    }
    if name == "Rotate":
        expected = picture.rotate(30 * amount, Image.NEAREST, fillcolor=(128, 128, 128))
    else:
        expected = picture.transform((width, height), Image.AFFINE, matrix[name], fillcolor=(128, 128, 128))
    differing = (ours(name, NOISE, strength, sign) != np.array(expected)).any(-1)
    assert differing.mean() < 0.01  # a pixel exactly between two others may fall to either


def test_the_imagenet_policy_is_table_9():
    operations = collections.Counter(name for row in policies.IMAGENET for name, _, _ in row)
    assert len(policies.IMAGENET) == 25 and set(operations) <= set(policies.OPERATIONS)
    assert operations["Equalize"] == 17 and operations["Rotate"] == 6 and operations["TranslateX"] == 0
    assert policies.IMAGENET[0] == (("Posterize", 0.4, 8), ("Rotate", 0.6, 9))


@pytest.mark.parametrize(
    "function", [policies.autoaugment, lambda picture, random: policies.randaugment(picture, 2, 9, random)]
)
def test_policies_give_whole_numbers_in_range_and_many_guises(function):
    picture = tf.constant(DULL, tf.float32)
    dataset = tf.data.Dataset.range(60).map(lambda i: function(picture, Random(uniform(3, i, 1)[0])))
    seen = np.stack(list(dataset.as_numpy_iterator()))
    assert seen.shape == (60, *DULL.shape) and seen.min() >= 0 and seen.max() <= 255
    np.testing.assert_array_equal(seen, np.round(seen))
    assert len({item.tobytes() for item in seen}) > 20
    np.testing.assert_array_equal(list(dataset.skip(55).as_numpy_iterator()), seen[55:])


def test_randaugment_draws_all_its_operations_alike(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        policies, "_apply", lambda picture, operation, strength, u: drawn.append(int(operation)) or picture
    )
    for i in range(400):
        policies.randaugment(tf.zeros([4, 4, 3]), 2, 9, Random(uniform(0, i, 1)[0]))
    counts = np.bincount(drawn)
    assert len(counts) == policies.RANDAUGMENT == 14 and counts.min() > 30 and counts.max() < 90


def test_randaugment_with_no_layers_changes_nothing():
    picture = tf.constant(DULL, tf.float32)
    random = Random(uniform(0, 1, 1)[0])
    np.testing.assert_array_equal(policies.randaugment(picture, 0, 9, random), picture)
