"""The schedule of Zhu & Gupta, and which weights a mask keeps."""

import numpy as np
import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.compress.masks import Pattern, Schedule, magnitude_mask

KERNEL = np.random.default_rng(0).normal(size=(3, 3, 8, 5)).astype("float32")


def test_the_fraction_of_zeros_follows_equation_1_of_the_paper():
    schedule = Schedule(0.8, start=0.1, settled=0.5)
    for progress in (0.0, 0.1, 0.3):
        assert schedule.at(progress) == pytest.approx(0.8 + (0.1 - 0.8) * (1 - progress / 0.5) ** 3)
    assert schedule.at(0.0) == pytest.approx(0.1) and schedule.at(0.5) == schedule.at(1.0) == 0.8


@pytest.mark.parametrize("steps", [1, 3, 64, 1000, 1005])
@pytest.mark.parametrize("settled", [0.5, 1.0])
def test_the_last_change_brings_the_final_fraction(steps, settled):
    schedule = Schedule(0.8, settled=settled)
    changes = [step for step in range(1, steps + 1) if schedule.changes(step, steps)]
    assert schedule.at(changes[-1] / steps) == 0.8 and len(changes) <= 103
    settled_from = [step for step in range(1, steps + 1) if schedule.has_settled(step, steps)][0]
    assert all(schedule.at(c / steps) == 0.8 for c in changes if c >= settled_from)
    assert all(schedule.at(c / steps) < 0.8 for c in changes if c < settled_from)


def test_the_smallest_weights_are_pruned():
    mask = magnitude_mask(KERNEL, 0.8)
    assert np.sum(mask == 0) == round(0.8 * KERNEL.size) and mask.dtype == KERNEL.dtype
    assert np.abs(KERNEL[mask == 0]).max() <= np.abs(KERNEL[mask == 1]).min()
    assert magnitude_mask(KERNEL, 0.0).all()


def test_a_pattern_keeps_the_two_largest_of_four_input_channels():
    mask = Pattern.of("2:4").mask(KERNEL)
    for filters in (slice(0, 4), slice(4, 8)):
        group, kept = np.abs(KERNEL[:, :, filters]), mask[:, :, filters]
        assert np.all(kept.sum(2) == 2)
        assert np.all(np.where(kept == 1, group, np.inf).min(2) >= np.where(kept == 0, group, 0).max(2))
    assert Pattern.of("2:4").fits((16, 3)) and not Pattern.of("2:4").fits((3, 3, 6, 5))


@pytest.mark.parametrize("pattern", ["2", "4:2", "0:4", "2:4:8", 2])
def test_patterns_that_are_none(pattern):
    with pytest.raises(UserError, match="pattern is"):
        Pattern.of(pattern)
