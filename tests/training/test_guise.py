"""The guise in which training sees a picture."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cnns.errors import UserError
from keras_cnns.training.augment import Augment
from keras_cnns.training.dice import SIDES, Dice, roll
from keras_cnns.training.guise import ERASE_ATTEMPTS, chance, coloured, erase, finish, guise, mirror, shift

PICTURE = np.random.default_rng(0).uniform(1, 255, (9, 12, 3)).astype(np.float32)


def dice(index=0, seed=0):
    return Dice(seed, tf.constant(index, tf.int64))


def test_no_settings_change_nothing():
    np.testing.assert_array_equal(guise(tf.constant(PICTURE), Augment(), dice()), PICTURE)
    np.testing.assert_array_equal(coloured(tf.constant(PICTURE), dice()(9), Augment()), PICTURE)


@pytest.mark.parametrize(("u", "moved"), [((0.5, 0.5), (0, 0)), ((0.0, 0.999), (2, -2)), ((0.99, 0.3), (-2, 1))])
def test_shift_moves_by_up_to_pad_and_uncovers_black(u, moved):
    result = shift(tf.constant(PICTURE), 2, tf.constant(u)).numpy()
    padded = np.pad(PICTURE, ((2, 2), (2, 2), (0, 0)))
    down, right = moved
    np.testing.assert_array_equal(result, padded[2 - down : 11 - down, 2 - right : 14 - right])


def test_mirror_exchanges_left_and_right_for_half_of_all():
    np.testing.assert_array_equal(mirror(tf.constant(PICTURE), tf.constant(0.49)), PICTURE[:, ::-1])
    np.testing.assert_array_equal(mirror(tf.constant(PICTURE), tf.constant(0.5)), PICTURE)


def test_erase_puts_noise_into_one_rectangle_of_the_area_asked_for():
    picture = tf.fill([40, 50, 3], -1.0)
    areas = []
    for i in range(50):
        u = dice(i)(1 + 4 * ERASE_ATTEMPTS)
        changed = erase(picture, 1.0, u, dice(i).seed(1)).numpy() != -1
        assert (changed.all(-1) == changed.any(-1)).all()
        rows, columns = np.flatnonzero(changed[..., 0].any(1)), np.flatnonzero(changed[..., 0].any(0))
        assert changed[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        areas.append(changed[..., 0].mean())
    assert 0.015 <= min(areas) < 0.08 and 0.33 < max(areas) <= 0.41


def test_erase_happens_as_often_as_asked():
    picture = tf.fill([20, 20, 1], -1.0)
    changed = [
        (erase(picture, 0.25, dice(i)(1 + 4 * ERASE_ATTEMPTS), dice(i).seed(1)).numpy() != -1).any() for i in range(200)
    ]
    assert 0.17 < np.mean(changed) < 0.33


ALL = Augment(pad=2, mirror=True, policy="randaugment", jitter=0.4, hue=0.1, pca_noise=0.1, erase=0.5)


@pytest.mark.parametrize("channels", [1, 3])
def test_everything_at_once_keeps_shape_and_range_and_depends_on_the_index_alone(channels):
    picture = tf.constant(PICTURE[..., :channels])

    @tf.function
    def function(i):
        roll = Dice(5, i)
        seen = guise(picture, ALL, roll)
        return coloured(seen, chance(ALL, seen.shape[:2], roll)[:9], ALL)

    def guises(start, parallel):
        dataset = tf.data.Dataset.range(start, 30).map(function, num_parallel_calls=parallel)
        return np.stack(list(dataset.as_numpy_iterator()))

    first = guises(0, None)
    assert first.shape == (30, 9, 12, channels) and first.min() >= 0 and first.max() <= 255
    assert len({g.tobytes() for g in first}) == 30
    np.testing.assert_array_equal(guises(11, 2), first[11:])


def test_a_batch_is_finished_as_its_pictures_are():
    how = Augment(mirror=True, jitter=0.4, hue=0.1, pca_noise=0.1, mixup=0.3)
    pictures = tf.constant(np.random.default_rng(1).uniform(0, 255, (6, 9, 12, 3)), tf.float32)
    labels, chances = tf.range(6, dtype=tf.int64), tf.stack([chance(how, (9, 12), dice(i)) for i in range(6)])
    images, targets = finish(pictures, labels, chances, how=how, classes=6)
    one_by_one = [coloured(pictures[i], chances[i, :9], how) for i in range(6)]
    kept = chances[:, 9, None, None, None]
    expected = kept * one_by_one + (1 - kept) * tf.gather(one_by_one, [1, 0, 3, 2, 5, 4])
    np.testing.assert_allclose(images, expected, atol=1e-3)
    np.testing.assert_allclose(np.diag(targets), chances[:, 9], atol=1e-6)


def test_the_dice_are_even_and_differ_by_index_and_seed():
    rolls = np.stack([dice(i, seed)(100).numpy() for i in range(20) for seed in range(3)])
    assert rolls.min() >= 0 and rolls.max() < 1 and abs(rolls.mean() - 0.5) < 0.02
    assert abs(np.corrcoef(rolls)[np.triu_indices(60, 1)]).max() < 0.5
    np.testing.assert_array_equal(roll(3, 5, 4)[2], dice(7, 3)(SIDES))  # alone or among others
    with pytest.raises(AssertionError, match="raise SIDES"):
        dice()(SIDES + 1)


@settings(max_examples=20, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["pad", "mirror", "crop", "policy", "scale", "area", "ratio", "erase", "mixup", "nonsense"]),
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
        ({"crop": "center"}, "crop 'center' is unknown.*centre"),
        ({"policy": "rand"}, "policy 'rand' is unknown"),
        ({"area": (0.5, 0.1)}, "area is .0.5, 0.1.: the lower bound first"),
        ({"erase": 1.5}, "erase is 1.5: at most 1"),
        ({"pad": -1}, "pad is -1: not below 0"),
        ({"crop_fraction": 0}, "crop_fraction is 0"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(UserError, match=message):
        Augment.of(settings)
