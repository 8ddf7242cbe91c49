"""A picture as training sees it."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from keras_cnns.data.augment.apply import (
    ERASE_ATTEMPTS,
    augmented,
    chance,
    distort,
    erase,
    finish,
    mirror,
    noise,
    shift,
)
from keras_cnns.data.augment.mix import MIXTURE
from keras_cnns.data.augment.random import NUMBERS, Random, seed, uniform
from keras_cnns.data.augment.settings import Augment
from keras_cnns.support.errors import UserError

PICTURE = np.random.default_rng(0).uniform(1, 255, (9, 12, 3)).astype(np.float32)


def random(index=0, seed=0):
    return Random(uniform(seed, index, 1)[0])


def test_no_settings_change_nothing():
    np.testing.assert_array_equal(augmented(tf.constant(PICTURE), Augment(), random()), PICTURE)


@pytest.mark.parametrize(("u", "moved"), [((0.5, 0.5), (0, 0)), ((0.0, 0.999), (2, -2)), ((0.99, 0.3), (-2, 1))])
def test_shift_moves_by_up_to_pad_and_uncovers_black(u, moved):
    result = shift(tf.constant(PICTURE), 2, tf.constant(u)).numpy()
    padded = np.pad(PICTURE, ((2, 2), (2, 2), (0, 0)))
    down, right = moved
    np.testing.assert_array_equal(result, padded[2 - down : 11 - down, 2 - right : 14 - right])


def test_distort_in_the_middle_of_its_chance_changes_nothing():
    np.testing.assert_allclose(distort(tf.constant(PICTURE), 0.3, tf.constant([0.5] * 3)), PICTURE, rtol=1e-6)


@pytest.mark.parametrize("u", [(0.9, 0.5, 0.5), (0.5, 0.1, 0.5), (0.5, 0.5, 0.8), (0.2, 0.95, 0.05)])
def test_distort_scales_squeezes_and_shears_about_the_centre(u):
    scale, squeeze, shear = 1 + 0.4 * (2 * u[0] - 1), 1 + 0.4 * (2 * u[1] - 1), 0.4 * (2 * u[2] - 1)
    y, x = np.mgrid[:9, :12] - np.array([4.0, 5.5])[:, None, None]
    place = [scale / squeeze * y + 4.0, scale * (squeeze * x + shear * y) + 5.5]
    want = [map_coordinates(PICTURE[..., c], place, order=1, mode="grid-constant") for c in range(3)]
    result = distort(tf.constant(PICTURE), 0.4, tf.constant(u)).numpy()
    np.testing.assert_allclose(result, np.stack(want, -1), atol=1e-2)


def test_distort_is_part_of_the_augmentation_and_differs_from_sample_to_sample():
    first, other = (augmented(tf.constant(PICTURE), Augment(distort=0.2), random(i)).numpy() for i in (1, 2))
    assert first.shape == PICTURE.shape and np.abs(first - other).max() > 10
    assert min(first.min(), other.min()) >= 0 and max(first.max(), other.max()) <= 255


def test_mirror_exchanges_left_and_right_for_half_of_all():
    np.testing.assert_array_equal(mirror(tf.constant(PICTURE), tf.constant(0.49)), PICTURE[:, ::-1])
    np.testing.assert_array_equal(mirror(tf.constant(PICTURE), tf.constant(0.5)), PICTURE)


def test_erase_puts_noise_into_one_rectangle_of_the_area_asked_for():
    picture = tf.fill([40, 50, 3], -1.0)
    areas = []
    for i in range(50):
        changed = erase(picture, 1.0, random(i)(1 + 4 * ERASE_ATTEMPTS), tf.zeros_like(picture)).numpy() != -1
        assert (changed.all(-1) == changed.any(-1)).all()
        rows, columns = np.flatnonzero(changed[..., 0].any(1)), np.flatnonzero(changed[..., 0].any(0))
        assert changed[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        areas.append(changed[..., 0].mean())
    assert 0.015 <= min(areas) < 0.08 and 0.33 < max(areas) <= 0.41


def test_erase_happens_as_often_as_asked():
    picture = tf.fill([20, 20, 1], -1.0)
    changed = [
        (erase(picture, 0.25, random(i)(1 + 4 * ERASE_ATTEMPTS), tf.zeros_like(picture)).numpy() != -1).any()
        for i in range(200)
    ]
    assert 0.17 < np.mean(changed) < 0.33


def test_noise_is_a_function_of_its_seed():
    many = noise((20, 30, 3), seed(uniform(0, 0, 9)[:, :2])).numpy()
    assert many.min() >= 0 and many.max() < 255 and abs(many.mean() - 127.5) < 2
    assert abs(np.corrcoef(many.reshape(9, -1))[np.triu_indices(9, 1)]).max() < 0.1
    np.testing.assert_array_equal(noise((20, 30, 3), seed(uniform(0, 5, 1)[:, :2]))[0], many[5])


EACH = [
    {"pad": 2},
    {"policy": "autoaugment"},
    {"policy": "randaugment"},
    {"erase": 1.0},
    {"mirror": True},
    {"distort": 0.3},
]
EACH += [{"jitter": 0.4}, {"hue": 0.1}, {"pca_noise": 0.1}]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("setting", EACH, ids=str)
def test_every_setting_changes_some_of_the_pictures_and_not_all_alike(setting):
    how, pictures = Augment(**setting), tf.tile(tf.constant(PICTURE)[None], [8, 1, 1, 1])
    chances = tf.stack([chance(how, PICTURE.shape[:2], random(i)) for i in range(8)])
    images, _ = finish(pictures, tf.zeros(8, tf.int64), chances, how=how, classes=10)
    assert len({image.tobytes() for image in images.numpy()}) > 1


ALL = Augment(pad=2, mirror=True, policy="randaugment", jitter=0.4, hue=0.1, pca_noise=0.1, erase=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_everything_at_once_keeps_shape_and_range_and_depends_on_the_index_alone(channels):
    picture = tf.constant(PICTURE[..., :channels])

    def function(i):
        numbers = uniform(5, i, 1)
        return augmented(picture, ALL, Random(numbers[0, :-2]), noise(picture.shape, seed(numbers[:, -2:]))[0])

    def guises(start, parallel):
        dataset = tf.data.Dataset.range(start, 30).map(function, num_parallel_calls=parallel)
        return np.stack(list(dataset.as_numpy_iterator()))

    first = guises(0, None)
    assert first.shape == (30, 9, 12, channels) and first.min() >= 0 and first.max() <= 255
    assert len({g.tobytes() for g in first}) == 30
    np.testing.assert_array_equal(guises(11, 2), first[11:])


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["autoaugment", "randaugment"])
def test_a_batch_is_finished_as_its_pictures_are(policy):
    how = Augment(pad=2, policy=policy, erase=0.5, mirror=True, jitter=0.4, hue=0.1, pca_noise=0.1, mixup=0.3)
    pictures = tf.constant(np.random.default_rng(1).uniform(0, 255, (24, 9, 12, 3)), tf.float32)
    labels, chances = tf.range(24, dtype=tf.int64), tf.stack([chance(how, (9, 12), random(i)) for i in range(24)])
    images, targets = tf.function(finish)(pictures, labels, chances, how=how, classes=24)
    numbers = chances[:, MIXTURE:]
    noises = noise((9, 12, 3), seed(numbers[:, -2:]))
    one_by_one = np.stack([augmented(pictures[i], how, Random(numbers[i, :-2]), noises[i]) for i in range(24)])
    kept = chances[:, 0].numpy()
    expected = kept[:, None, None, None] * one_by_one
    expected += (1 - kept[:, None, None, None]) * one_by_one[np.arange(24) ^ 1]
    np.testing.assert_allclose(images, expected, atol=1e-3)
    np.testing.assert_allclose(np.diag(targets), kept, atol=1e-6)


@pytest.mark.slow
def test_a_picture_is_finished_alike_in_every_share():
    how = Augment(policy="randaugment", erase=0.5, mirror=True)
    pictures = tf.constant(np.random.default_rng(2).uniform(0, 255, (12, 16, 16, 3)), tf.float32)
    parts = [pictures, tf.zeros(12, tf.int64), tf.stack([chance(how, (16, 16), random(i)) for i in range(12)])]
    done = tf.function(lambda *parts: finish(*parts, how=how, classes=10)[0])
    shares = [done(*(part[first : first + 4] for part in parts)) for first in (0, 4, 8)]
    np.testing.assert_array_equal(tf.concat(shares, 0), done(*parts))


def test_the_dice_are_even_and_differ_by_index_and_seed():
    numbers = np.stack([random(i, seed)(100).numpy() for i in range(20) for seed in range(3)])
    assert numbers.min() >= 0 and numbers.max() < 1 and abs(numbers.mean() - 0.5) < 0.02
    assert abs(np.corrcoef(numbers)[np.triu_indices(60, 1)]).max() < 0.5
    np.testing.assert_array_equal(uniform(3, 5, 4)[2], uniform(3, 7, 1)[0])  # alone or among others
    with pytest.raises(AssertionError, match="raise NUMBERS"):
        random()(NUMBERS + 1)


@settings(max_examples=20, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["pad", "distort", "mirror", "crop", "policy", "scale", "area", "ratio", "erase", "mixup", "nonsense"]
        ),
        st.one_of(st.integers(-2, 3), st.sampled_from(["centre", "randaugment", "x"]), st.tuples(st.floats(-1, 2))),
    )
)
def test_settings_are_taken_or_refused_in_one_line(settings):
    try:
        Augment.of(settings)
    except UserError as error:
        assert "augment" in str(error) and "\n" not in str(error)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"miror": True}, "no 'miror'. Did you mean mirror"),
        ({"crop": "center"}, "no augment.crop 'center'.*centre"),
        ({"policy": "rand"}, "no augment.policy 'rand'.*randaugment"),
        ({"area": (0.5, 0.1)}, "area is .0.5, 0.1.: give the lower bound first"),
        ({"erase": 1.5}, "erase is 1.5: give at most 1"),
        ({"layers": 21}, "layers is 21: give at most 20"),
        ({"pad": -1}, "pad is -1: give 0 or more"),
        ({"crop_fraction": 0}, "crop_fraction is 0"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(UserError, match=message):
        Augment.of(settings)
