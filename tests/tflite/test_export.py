"""`keras_cnns.tflite.export`: every scheme, every input type, and what happens when something is wrong."""

import json
import zipfile

import keras
import numpy as np
import pytest

from keras_cnns.layers.local_response import LocalResponseNormalization
from keras_cnns.saving.card import read_card
from keras_cnns.support.errors import UserError
from keras_cnns.tflite import SCHEMES, Exporter, Tuning, export, predict, quantization_aware
from keras_cnns.tflite.targets.runner import ask


def ship(network, digits, path, **options):
    (pictures, _), (images, labels) = digits
    options = {"calibration": pictures, "images": images, "labels": labels, **options}
    return export(network, path, **options)


@pytest.mark.parametrize(
    "scheme", [scheme for scheme in SCHEMES if scheme not in ("weight_only_int4", "weight_only_mixed")]
)
def test_every_scheme_keeps_the_network(scheme, network, digits, tmp_path):
    report = ship(network, digits, tmp_path / "net.tflite", scheme=scheme)
    assert report.status == "pass", report.reasons
    assert report.agreement >= 0.98 and report.snr_db >= 20
    assert abs(report.accuracy_drop) <= 0.01
    assert report.size_bytes == (tmp_path / "net.tflite").stat().st_size


def test_four_bits_are_too_few_for_a_small_network(network, digits, tmp_path):
    report = ship(
        network, digits, tmp_path / "net.tflite", scheme="weight_only_int4", tuning=Tuning.plain(), force=True
    )
    eight = ship(network, digits, tmp_path / "8.tflite", scheme="weight_only_int8")
    assert 0.8 < report.agreement < 0.98 < eight.agreement
    assert report.expected_loss > max(0.01, 5 * eight.expected_loss) and report.snr_db < eight.snr_db - 15
    assert report.size_ratio < eight.size_ratio


@pytest.mark.parametrize(
    "scheme",
    ["int8", *(pytest.param(scheme, marks=pytest.mark.slow) for scheme in ("float16", "dynamic_int8", "int16x8"))],
)
def test_the_stock_converter_is_a_second_engine(scheme, network, digits, tmp_path):
    report = ship(network, digits, tmp_path / "net.tflite", scheme=scheme, engine="converter")
    assert report.status == "pass", report.reasons
    with pytest.raises(UserError, match="stock converter has no weight_only_int8"):
        ship(network, digits, tmp_path / "net.tflite", scheme="weight_only_int8", engine="converter")


def test_named_operators_stay_float(network, digits, tmp_path):
    report = ship(network, digits, tmp_path / "net.tflite", scheme="int8_float_islands", islands=["ADD"])
    inside, _ = ask("describe", file=str(tmp_path / "net.tflite"))
    before = inside["operators"].index("ADD")
    assert "DEQUANTIZE" in inside["operators"][:before]  # integers become floats for the sum
    assert report.status == "pass", report.reasons
    with pytest.raises(UserError, match="Did you mean ADD"):
        ship(network, digits, tmp_path / "net.tflite", scheme="int8_float_islands", islands=["ADDD"])


@pytest.mark.parametrize("scheme", ["int8", "float32", "weight_only_int8"])
def test_operators_that_stay_float_are_asked_of_the_scheme_that_has_them(network, digits, tmp_path, scheme):
    with pytest.raises(UserError, match="use them with int8_float_islands"):
        ship(network, digits, tmp_path / "net.tflite", scheme=scheme, islands=["ADD"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_a_sum_of_squares_under_a_power_is_not_rounded_to_nothing(scheme, tmp_path):
    keras.utils.set_random_seed(0)
    rng, image = np.random.default_rng(0), keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(50000.0)(keras.layers.Conv2D(8, 3, activation="relu")(image))
    x = keras.layers.Conv2D(8, 3)(LocalResponseNormalization()(x))
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    pictures = rng.uniform(0, 1, (40, 8, 8, 3)).astype("float32")
    options = {"calibration": pictures[:20], "images": pictures, "force": True}
    report = export(model, tmp_path / "net.tflite", scheme=scheme, **options)
    assert report.status == "pass", report.reasons


def test_a_quantization_aware_model_becomes_the_int8_file_it_was_trained_to_be(network, digits, tmp_path):
    (pictures, labels), (images, truth) = digits
    aware = quantization_aware(network)
    aware.compile(keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy", jit_compile=False)
    aware.fit(pictures, labels, 64, verbose=0)
    report = export(aware, tmp_path / "net.tflite", scheme="int8", images=images, labels=truth)
    assert report.status == "pass" and report.agreement >= 0.99
    assert report.comparisons[0].output == "predictions"
    (beside,) = report.source_comparisons  # the file and the network before: trained a little, so not the same
    right = np.mean(network.predict(images, verbose=0).argmax(-1) == truth)
    assert beside.original_accuracy == pytest.approx(right) and beside.accuracy == pytest.approx(report.accuracy)
    assert beside.agreement >= 0.85
    assert any("before quantization-aware training" in note for note in report.notes)
    with pytest.raises(UserError, match="trained to be int8"):
        export(aware, tmp_path / "net.tflite", scheme="float16", images=images)


def test_a_network_that_training_ruined_is_seen_beside_its_source(network, digits, tmp_path):
    """The file answers as the quantization-aware model does, and both are wrong."""
    (pictures, _), (images, truth) = digits
    aware = quantization_aware(network, pictures=pictures)
    dense = [layer for layer in aware.layers if isinstance(layer, keras.layers.Dense)][-1]
    dense.kernel.assign(dense.kernel.value[:, ::-1])
    options = {"scheme": "int8", "images": images, "labels": truth}
    with pytest.raises(UserError, match="beside the model before quantization-aware training: accuracy drop") as caught:
        export(aware, tmp_path / "net.tflite", **options)
    (own,), (beside,) = caught.value.report.comparisons, caught.value.report.source_comparisons
    assert own.judge("int8")[0] == "pass" and own.agreement > 0.98 and beside.agreement < 0.5


def test_several_files_of_one_exporter_are_converted_once(digits, tmp_path, monkeypatch):
    from keras_cnns.tflite.file import convert

    count, plain = [], convert.to_flatbuffer
    monkeypatch.setattr(convert, "to_flatbuffer", lambda *args, **names: count.append(1) or plain(*args, **names))
    x = image = keras.Input((16, 16, 1))
    x = keras.layers.Conv2D(8, 3, activation="hard_swish")(x)
    model = keras.Model(image, keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(x)))
    (pictures, _), (images, _) = digits
    exporter = Exporter(model, calibration=pictures, images=images)
    for scheme, times in (("float32", 1), ("weight_only_int8", 1), ("int8", 2), ("int8_float_islands", 2)):
        exporter.export(tmp_path / f"{scheme}.tflite", scheme)
        assert len(count) == times  # int8 has a form of its own
    ship(model, digits, tmp_path / "alone.tflite", scheme="int8", labels=None)
    assert len(count) == 4  # nothing is remembered beside the object
    assert (
        predict(tmp_path / "alone.tflite", images[:5]).tolist()
        == predict(tmp_path / "int8.tflite", images[:5]).tolist()
    )


def test_a_changed_model_is_exported_as_it_is_now(digits, tmp_path):
    x = image = keras.Input((16, 16, 1))
    model = keras.Model(image, keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(x)))
    ship(model, digits, tmp_path / "net.tflite", labels=None)
    before = predict(tmp_path / "net.tflite", digits[1][0][:5])
    model.layers[-1].bias.assign([7.0] * 10)
    ship(model, digits, tmp_path / "net.tflite", labels=None)
    np.testing.assert_allclose(predict(tmp_path / "net.tflite", digits[1][0][:5]), before + 7, atol=0.1)


def test_float32_is_the_keras_model(network, digits, tmp_path):
    report = ship(network, digits, tmp_path / "net.tflite")
    assert report.comparisons[0].largest_difference < 1e-4
    _, (images, _) = digits
    np.testing.assert_allclose(
        predict(tmp_path / "net.tflite", images[:7]), network(images[:7], training=False), atol=1e-5
    )


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "types", [("int8", "int8"), ("uint8", "uint8"), ("uint8", "float32"), ("float32", "int8")], ids="-".join
)
def test_inputs_and_outputs_are_of_the_type_asked_for(types, network, digits, tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    path = tmp_path / "net.tflite"
    report = ship(network, digits, path, scheme="int8", input_type=types[0], output_type=types[1])
    file = Interpreter(str(path))
    result = [detail["dtype"].__name__ for detail in (*file.get_input_details(), *file.get_output_details())]
    assert tuple(result) == types
    assert report.status == "pass", report.reasons
    _, (images, labels) = digits
    assert np.mean(predict(path, images).argmax(-1) == labels) == pytest.approx(report.accuracy)


def test_a_uint8_input_takes_a_cameras_bytes(digits, tmp_path):
    """Pixels from 0 to 255 go in as they are: scale 1, zero point 0."""
    from ai_edge_litert.interpreter import Interpreter

    (pictures, _), _ = digits
    pixels = np.rint(pictures * 251)  # the brightest pixel met is not quite 255
    x = image = keras.Input((16, 16, 1), name="camera")
    x = keras.layers.Conv2D(8, 3, activation="relu")(keras.layers.Rescaling(1 / 255)(x))
    model = keras.Model(image, keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten()(x)))
    export(model, tmp_path / "net.tflite", scheme="int8", calibration=pixels, input_type="uint8", force=True)
    detail = Interpreter(str(tmp_path / "net.tflite")).get_input_details()[0]
    assert detail["quantization"] == (1.0, 0)


def test_softmax_stays_float_unless_integers_are_asked_for(network, digits, tmp_path):
    report = ship(network, digits, tmp_path / "a.tflite", scheme="int8")
    assert "SOFTMAX" not in report.undelegated
    report = ship(network, digits, tmp_path / "b.tflite", scheme="int8", output_type="int8")
    assert "SOFTMAX" in report.undelegated


def test_a_wrong_calibration_is_refused_and_the_file_there_survives(network, digits, tmp_path):
    path = tmp_path / "net.tflite"
    ship(network, digits, path, scheme="int8")
    before = path.read_bytes()
    (pictures, _), _ = digits
    with pytest.raises(
        UserError,
        match=r"accuracy 0.*drop of.*goes wrong at \w+ of \w+.*0 to 200, the images from 0 to 1.*rejected",
    ) as caught:
        ship(network, digits, path, scheme="int8", calibration=pictures * 200)
    assert caught.value.report.status == "fail" and len(caught.value.report.layers) > 5
    assert path.read_bytes() == before
    assert (tmp_path / "net.rejected.tflite").stat().st_size > 1000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.rejected.tflite", "net.tflite"]
    report = ship(network, digits, path, scheme="int8", calibration=pictures * 200, force=True)
    assert report.status == "fail" and path.read_bytes() != before


def test_the_layer_that_goes_wrong_is_named(tmp_path):
    """One channel of `loud` is a thousand times the others: eight bits for all of them leave those nothing."""
    keras.utils.set_random_seed(0)
    x = image = keras.Input((16, 16, 3))
    for name in ("quiet", "loud", "after"):
        x = keras.layers.Conv2D(8, 3, activation="relu", name=name)(x)
    model = keras.Model(image, keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(x)))
    (loud, bias), (after, _) = (model.get_layer(name).get_weights() for name in ("loud", "after"))
    loud[..., 7] = 1000 * np.abs(loud[..., 7])
    after[:, :, 7] = 0  # it reads only wrong columns
    model.get_layer("loud").set_weights([loud, bias])
    model.get_layer("after").set_weights([after, bias])
    pictures = np.random.default_rng(0).uniform(size=(40, 16, 16, 3))
    with pytest.raises(UserError, match="goes wrong at CONV_2D of after") as caught:
        export(model, tmp_path / "net.tflite", scheme="int8", calibration=pictures, tuning=Tuning.plain())
    by_layer = {error.layer: error.snr_db for error in caught.value.report.layers}
    assert by_layer["quiet"] > 30 and by_layer["after"] < 12


def test_a_file_that_breaks_the_interpreter_is_kept_aside(network, digits, tmp_path):
    (pictures, _), _ = digits
    with pytest.raises(UserError, match="rejected") as caught:
        ship(network, digits, tmp_path / "net.tflite", scheme="int8", calibration=pictures * 1e-6)
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["net.rejected.tflite"]


def test_an_interrupted_export_leaves_what_was_there(network, digits, tmp_path, monkeypatch):
    from keras_cnns.tflite.targets import runner

    path = tmp_path / "net.tflite"
    path.write_bytes(b"the file of yesterday")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "ask", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ship(network, digits, path)
    assert [p.name for p in tmp_path.iterdir()] == ["net.tflite"]
    assert path.read_bytes() == b"the file of yesterday"


def test_names_travel_in_the_file(network, digits, tmp_path):
    names = tuple(f"digit {i}" for i in range(10))
    ship(network, digits, tmp_path / "net.tflite", names=names)
    assert read_card(tmp_path / "net.tflite").labels == names
    with pytest.raises(UserError, match="3 names for 10 outputs"):
        ship(network, digits, tmp_path / "net.tflite", names=["a", "b", "c"])


def test_names_as_an_array_and_names_with_line_breaks():
    """An array is as good as a list; a label of the file is one line."""
    from keras_cnns.tflite.settings import Description

    assert Description(names=np.array(["cat", "dog"])).names == ("cat", "dog")
    assert Description(names=np.array([3, 7])).names == (3, 7)
    for wrong in (np.array([["cat"]]), np.array([0.5]), "cat"):
        with pytest.raises(UserError, match="names must be a list"):
            Description(names=wrong)


@pytest.mark.parametrize("name", ["traffic\nlight", "traffic\r\nlight", "traffic\u2028light", "\ntraffic\nlight\n"])
def test_a_line_break_in_a_name_moves_no_label(name, network, digits, tmp_path):
    names = [name, *"123456789"]
    ship(network, digits, tmp_path / "net.tflite", names=names)
    with zipfile.ZipFile(tmp_path / "net.tflite") as file:
        lines = file.read("labels.txt").decode().split("\n")
    assert [line.strip() for line in lines] == ["traffic light", *"123456789"]


@pytest.mark.parametrize("scheme", ["weight_only_int8", "int8"])
def test_the_same_export_gives_the_same_bytes_on_another_day_in_another_folder(
    scheme, network, digits, tmp_path, monkeypatch
):
    ship(network, digits, tmp_path / "monday" / "net.tflite", scheme=scheme, names=list("0123456789"))
    monkeypatch.setattr(zipfile.time, "localtime", lambda *_: (2031, 5, 6, 7, 8, 9, 1, 126, 0))
    ship(network, digits, tmp_path / "tuesday" / "other.tflite", scheme=scheme, names=list("0123456789"))
    first, second = ((tmp_path / name).read_bytes() for name in ("monday/net.tflite", "tuesday/other.tflite"))
    assert first == second


def test_a_keras_file_is_as_good_as_a_model(network, digits, tmp_path):
    network.save(tmp_path / "net.keras")
    report = ship(tmp_path / "net.keras", digits, tmp_path / "net.tflite")
    assert report.status == "pass"
    (tmp_path / "net.keras").write_bytes(b"PK not a model")
    with pytest.raises(UserError, match="cannot read"):
        ship(tmp_path / "net.keras", digits, tmp_path / "net.tflite")


def test_the_report_is_json(network, digits, tmp_path):
    report = ship(network, digits, tmp_path / "net.tflite", scheme="weight_only_int8")
    report.to_json(tmp_path / "report.json")
    read = json.loads((tmp_path / "report.json").read_text())
    assert read["comparisons"][0]["agreement"] == report.agreement
    assert read["scheme"] == "weight_only_int8"


@pytest.mark.parametrize("batch", [3, None])
def test_any_batch(batch, network, digits, tmp_path):
    path = tmp_path / "net.tflite"
    assert ship(network, digits, path, scheme="int8", batch=batch).status == "pass"
    _, (images, _) = digits
    first, _ = ask("predict", {"*": images[:8]}, file=str(path), batch=batch or 1), None
    five, _ = ask("predict", {"*": images[:8]}, file=str(path), batch=batch or 5), None
    np.testing.assert_allclose(first[1]["predictions"], five[1]["predictions"], atol=1e-6)


def test_several_inputs_and_outputs(tmp_path):
    keras.utils.set_random_seed(0)
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((4, 4, 3), name="right")
    a, b = keras.layers.Conv2D(8, 3, 2, "same")(left), keras.layers.Conv2D(8, 3, 1, "same")(right)
    fused = keras.layers.ReLU()(keras.layers.Add()([a, b]))
    outputs = {"map": fused, "vector": keras.layers.GlobalAveragePooling2D()(fused)}
    model = keras.Model([left, right], outputs)
    pictures = np.random.default_rng(0).normal(size=(20, 8, 8, 3)), np.random.default_rng(1).normal(size=(20, 4, 4, 3))
    report = export(model, tmp_path / "net.tflite", scheme="int8", calibration=list(pictures))
    assert [c.output for c in report.comparisons] == ["map", "vector"]
    assert report.agreement is None and report.status == "pass"
    answers = predict(tmp_path / "net.tflite", {"left": pictures[0], "right": pictures[1]})
    assert answers["map"].shape == (20, 4, 4, 8)


def test_without_pictures_the_report_says_what_that_means(network, tmp_path):
    report = export(network, tmp_path / "net.tflite")
    assert report.status == "pass"
    assert "noise" in report.notes[0]


def bad(array, where, value):
    array = array.copy()
    array[where] = value
    return array


WRONG = {
    "an unknown scheme": ({"scheme": "int_8"}, "Did you mean int8"),
    "a scheme that is an array": ({"scheme": np.ones(2)}, "there is no scheme"),
    "no calibration": ({"scheme": "int8", "calibration": None}, "needs calibration"),
    "an empty calibration": ({"scheme": "int8", "calibration": np.zeros((0, 16, 16, 1))}, "empty"),
    "an empty generator": ({"scheme": "int8", "calibration": iter(())}, "empty"),
    "NaN": ({"scheme": "int8", "calibration": np.full((4, 16, 16, 1), np.nan)}, "NaN"),
    "a constant": ({"scheme": "int8", "calibration": np.ones((4, 16, 16, 1))}, "every value is 1: give real pictures"),
    "the wrong size": ({"scheme": "int8", "calibration": np.ones((4, 8, 8, 1))}, r"takes \(N, 16, 16, 1\)"),
    "words": ({"images": np.array(["a", "b"])}, "not numbers"),
    "labels of another length": ({"labels": np.zeros(3, int)}, "3 labels for 797"),
    "labels that are no classes": ({"labels": np.full(797, 10)}, "10 classes"),
    "labels that are not integers": ({"labels": np.zeros((797, 7))}, "integer class number"),
    "integers out of a float scheme": ({"scheme": "float16", "input_type": "int8"}, "has no int8 inputs"),
    "an unknown type": ({"scheme": "int8", "input_type": "int4"}, "no input or output type"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_one_clear_line(case, network, digits, tmp_path):
    options, message = WRONG[case]
    with pytest.raises(UserError, match=message) as caught:
        ship(network, digits, tmp_path / "net.tflite", **options)
    assert "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_models_that_are_no_graph(tmp_path):
    class Subclassed(keras.Model):
        def call(self, x):
            return x

    for model, message in (
        (Subclassed(), "subclassed"),
        (keras.Sequential([keras.layers.Dense(2)]), "not built"),
        ("nothing.keras", "no file"),
        (7, "not a keras.Model"),
    ):
        with pytest.raises(UserError, match=message):
            export(model, tmp_path / "net.tflite")


def test_paths_that_cannot_be_written(network, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.tflite").mkdir()
    for path, message in (
        (tmp_path / "net.lite", "end in .tflite"),
        (tmp_path / "file" / "net.tflite", "is not a folder"),
        (tmp_path / "folder.tflite", "is a folder"),
    ):
        with pytest.raises(UserError, match=message):
            export(network, path)
