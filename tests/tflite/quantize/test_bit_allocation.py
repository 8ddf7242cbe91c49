"""Four bits where the answers are least sensitive to them: how that is measured, which layers are chosen, the file."""

import keras
import numpy as np
import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.tflite import Tuning, export
from keras_cnns.tflite.file import convert
from keras_cnns.tflite.quantize import bit_allocation, steps


@pytest.fixture(scope="module")
def sensitive():
    """A network one of whose two branches hardly reaches the answer, and 40 pictures."""
    rng = np.random.default_rng(0)
    image = keras.Input((8, 8, 4), name="image")
    loud = keras.layers.Conv2D(32, 3, padding="same", name="loud")(image)
    quiet = keras.layers.Conv2D(32, 3, padding="same", name="quiet")(image)
    quiet = keras.layers.Rescaling(0.01)(keras.layers.ReLU()(quiet))
    x = keras.layers.Add()([keras.layers.ReLU()(loud), quiet])
    model = keras.Model(image, keras.layers.Dense(6, name="last")(keras.layers.Flatten()(x)))
    model.set_weights([rng.normal(0, 1, w.shape) for w in model.get_weights()])
    return model, rng.uniform(0, 1, (40, 8, 8, 4)).astype("f4")


def test_the_sensitivity_of_a_layer_is_the_error_it_makes_alone(sensitive):
    model, pictures = sensitive
    data = convert.to_flatbuffer(model, 1)
    result = bit_allocation.sensitivities(data, {"image": pictures})
    (loud,), (quiet,) = ([v for name, v in result.items() if what in name] for what in ("loud", "quiet"))
    assert loud[1] == quiet[1] == 3 * 3 * 4 * 32 and loud[0] > 1000 * quiet[0] > 0
    assert len(result) == 3 and all(0 < error < 0.2 for error, _ in result.values())


def test_the_layer_that_saves_most_for_its_error_goes_first():
    result = {"a": (0.1, 1000), "b": (0.1, 100), "c": (0.001, 400)}
    assert bit_allocation.allocate(result, 2000, 2000) == set()
    assert bit_allocation.allocate(result, 2000, 1800) == {"c"}
    assert bit_allocation.allocate(result, 2000, 1700) == {"c", "a"}
    assert bit_allocation.allocate(result, 2000, 1250) == {"c", "a", "b"}
    with pytest.raises(UserError, match="has 1,250 bytes, more than 1,200"):
        bit_allocation.allocate(result, 2000, 1200)


@pytest.mark.slow
def test_the_file_is_as_small_as_asked_for(sensitive, tmp_path):
    model, pictures = sensitive
    results = {}
    for size in (0.27, 0.225):
        report = export(
            model, tmp_path / "n.tflite", scheme="weight_only_mixed", calibration=pictures, max_size=size, force=True
        )
        file = steps.File((tmp_path / "n.tflite").read_bytes())
        results[size] = {file.name(i).split("/")[1] for i, t in enumerate(file.tensors) if t.type == 17}
        assert report.size_ratio <= size and any("of the 3 layers" in note for note in report.notes)
    assert results[0.27] < results[0.225]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_size": 0.1}, "with four bits wherever they can be the file has"),
        ({"max_size": -1}, "max_size is -1: give a share"),
        ({"max_size": 0.3, "scheme": "int8"}, "int8 has a fixed size"),
        ({"max_latency": 0.5}, 'max_latency is for scheme="auto"'),
        ({"calibration": None}, "weight_only_mixed needs calibration pictures"),
        ({"tuning": Tuning(ranges="mse")}, "weight_only_mixed does not quantize activations"),
        (
            {"tuning": Tuning(ranges=99.9), "scheme": "weight_only_int8"},
            "weight_only_int8 does not quantize activations",
        ),
        ({"tuning": Tuning(ranges="mse"), "scheme": "dynamic_int8"}, "dynamic_int8 does not quantize activations"),
    ],
)
def test_impossible_options_are_refused_in_one_line(options, message, sensitive, tmp_path):
    model, pictures = sensitive
    options = {"scheme": "weight_only_mixed", "calibration": pictures, **options}
    with pytest.raises(UserError, match=message) as caught:
        export(model, tmp_path / "n.tflite", **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("endless", [0, 37])
def test_a_picture_without_an_answer_is_named(endless):
    image = keras.Input((6,), name="image")
    model = keras.Model(image, keras.ops.log(keras.layers.Dense(3, use_bias=False)(image)))
    model.set_weights([np.ones((6, 3))])
    pictures = np.random.default_rng(0).uniform(0.5, 1, (38, 6)).astype("f4")
    pictures[endless] = -1
    with pytest.raises(UserError, match=f"calibration picture {endless} makes the answers NaN or infinite"):
        bit_allocation.sensitivities(convert.to_flatbuffer(model, 1), {"image": pictures})


def test_weights_rounded_for_the_answer_are_closer_to_it(sensitive, tmp_path):
    model, pictures = sensitive
    results = []
    for tuning in (Tuning.plain(), Tuning(rounding="learned", scales="mse")):
        options = {"scheme": "weight_only_int4", "calibration": pictures[:30], "images": pictures[30:], "force": True}
        results.append(export(model, tmp_path / "n.tflite", tuning=tuning, **options).snr_db)
    assert results[1] > results[0] + 2
