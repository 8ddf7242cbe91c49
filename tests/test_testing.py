"""The checks of networks, on a stranger's good network and on broken ones."""

import keras
import pytest
from keras import layers

from keras_cnns.testing import CHECKS, check_levels, check_network


def network(*stack):
    return keras.Sequential([keras.Input((16, 16, 3)), *stack, layers.GlobalAveragePooling2D(), layers.Dense(4)])


@keras.saving.register_keras_serializable("test")
class Forgetful(layers.Layer):
    """Does not say in its configuration what it was made with."""

    def __init__(self, factor=1.0, **options):
        super().__init__(**options)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        return {"name": self.name}


@keras.saving.register_keras_serializable("test")
class Unused(layers.Layer):
    """Has a variable that nothing depends on."""

    def build(self, shape):
        self.extra = self.add_weight(shape=(shape[-1],), name="extra")

    def call(self, x):
        return x


def test_a_name_and_a_strangers_network_pass():
    check_network("lenet5")
    check_network(network(layers.Conv2D(8, 3, activation="relu"), layers.BatchNormalization()))


@pytest.mark.parametrize(
    ("check", "layer"),
    [
        ("answers", lambda: layers.Rescaling(float("nan"))),
        ("answers", lambda: layers.Rescaling(0.0)),
        ("trains", Unused),
        ("saves", lambda: Forgetful(2.0)),
    ],
)
def test_a_broken_network_fails_by_the_name_of_the_check(check, layer):
    with pytest.raises(AssertionError, match=f"^{check}: "):
        check_network(network(layers.Conv2D(8, 3), layer()))


def test_a_level_of_another_size_is_found():
    check_levels({"C2": (8, 8, 4), "C3": (4, 4, 8)}, (32, 32, 3))
    with pytest.raises(AssertionError, match="C3"):
        check_levels({"C2": (8, 8, 4), "C3": (8, 8, 8)}, (32, 32, 3))


def test_checks_can_be_chosen():
    check_network(network(layers.Conv2D(4, 3), Forgetful(2.0)), checks=[name for name in CHECKS if name == "answers"])
