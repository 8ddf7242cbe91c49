"""A recipe sets no field that its task does not use."""

import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.tasks import of
from keras_cnns.training import Recipe

DETECTION = {
    "loss": "focal",
    "auxiliary_weight": 0.4,
    "label_smoothing": 0.1,
    "class_weights": "balanced",
    "sizes": (64,),
}
SEGMENTATION = {name: value for name, value in DETECTION.items() if name != "loss"}


@pytest.mark.parametrize(
    ("model", "kind", "name", "value"),
    [
        *(("faster_rcnn", "detection", *field) for field in DETECTION.items()),
        *(("fast_rcnn", "detection", *field) for field in {"loss": "mse"}.items()),
        *(("fcn8s", "segmentation", *field) for field in SEGMENTATION.items()),
    ],
)
def test_a_field_without_effect_is_refused(model, kind, name, value):
    with pytest.raises(UserError, match=f"{name} has no effect on {model}, a network for {kind}: leave it"):
        of(Recipe(model, **{name: value})).check()


@pytest.mark.parametrize(
    ("model", "fields"),
    [("faster_rcnn", {"skip_broken": 3}), ("fcn8s", {"loss": "focal"}), ("lenet5", DETECTION), ("fast_rcnn", {})],
)
def test_fields_with_an_effect_are_accepted(model, fields):
    of(Recipe(model, **fields)).check()
