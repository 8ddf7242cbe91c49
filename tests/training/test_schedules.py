"""Learning rates by the step, against the papers' numbers and Keras's own schedules."""

import keras
import numpy as np
import pytest

from keras_cnns.training import Recipe
from keras_cnns.training.schedules import BitHyperRule, Plateau, schedule, total_steps

STEPS = 10  # an epoch
BASE = Recipe(model="lenet5", learning_rate=0.4, epochs=12)


def rates(count=120, examples=1000, **changes):
    rate = schedule(BASE.but(**changes), STEPS, examples)
    return np.array([rate(step) for step in range(count)])


def test_constant():
    assert set(rates(schedule="constant")) == {0.4}


def test_step_falls_at_its_epochs():
    r = rates(schedule="step", decay_epochs=(3, 6.5), decay_rate=0.1)
    np.testing.assert_allclose(r[[0, 29, 30, 64, 65, 119]], [0.4, 0.4, 0.04, 0.04, 0.004, 0.004])


def test_exponential_is_keras_staircase():
    theirs = keras.optimizers.schedules.ExponentialDecay(0.4, 20, 0.94, staircase=True)
    np.testing.assert_allclose(
        rates(schedule="exponential", decay_epochs=(2,), decay_rate=0.94), [float(theirs(i)) for i in range(120)], 1e-6
    )


def test_cosine_is_keras_cosine_after_a_linear_warmup():
    theirs = keras.optimizers.schedules.CosineDecay(0.4, 100)
    r = rates(schedule="cosine", warmup_epochs=2)
    np.testing.assert_allclose(r[:20], 0.4 * np.arange(1, 21) / 20)
    np.testing.assert_allclose(r[20:], [float(theirs(i)) for i in range(100)], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("examples", "steps", "mixup"), [(1_000, 500, 0.0), (19_999, 500, 0.0), (20_000, 10_000, 0.1), (10**6, 20_000, 0.1)]
)
def test_bit_hyperrule(examples, steps, mixup):
    rule = BitHyperRule.of(examples)
    assert (rule.steps, rule.mixup) == (steps, mixup)
    assert total_steps(BASE.but(schedule="bit"), STEPS, examples) == steps
    r = rates(steps, examples, schedule="bit")
    assert r[rule.warmup - 1] == pytest.approx(0.4) and r[0] == pytest.approx(0.4 / rule.warmup)
    for n, at in enumerate(rule.decays):
        np.testing.assert_allclose(r[[at - 1, at]], [0.4 * 0.1**n, 0.4 * 0.1 ** (n + 1)])


def test_the_run_ends_at_max_steps():
    assert total_steps(BASE, STEPS, 1000) == 120
    assert total_steps(BASE.but(max_steps=7), STEPS, 1000) == 7


def test_plateau_waits_then_falls():
    plateau = Plateau(2, 0.5)
    factors = [plateau.update(a) for a in (0.5, 0.6, 0.6, 0.59, 0.58, 0.7, 0.7, 0.7)]
    assert factors == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25]


def test_plateau_goes_on_from_its_values():
    first = Plateau(2, 0.5)
    for accuracy in (0.5, 0.4):
        first.update(accuracy)
    assert Plateau(2, 0.5, dict(first.values)).update(0.3) == 0.5
