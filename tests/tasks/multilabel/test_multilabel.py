"""Several labels at once: tables are read, a run is measured by mean average precision, and its file is exported."""

import json
import sys
from importlib.metadata import entry_points

import numpy as np
import pytest
from PIL import Image

import keras_cnns
from keras_cnns import tasks
from keras_cnns.data import load, load_arrays
from keras_cnns.support.errors import UserError
from keras_cnns.tasks.multilabel.measures import measure
from keras_cnns.training import Recipe, run, train

COLOURS = {"red": 0, "green": 1, "blue": 2}
RUN = {"model": "lenet5", "labels": "several", "input_shape": (32, 32, 3), "optimizer": "adam", "learning_rate": 3e-3}
RUN |= {"batch_size": 8, "strategy": "one"}


def squares(folder, count=24):
    """Grey pictures with a square of each colour that the picture's labels name: {file: labels}."""
    chance, labels = np.random.default_rng(0), {}
    (folder / "imgs").mkdir(parents=True)
    for n in range(count):
        pixels = chance.integers(60, 90, (32, 32, 3)).astype("uint8")
        labels[f"{n}.png"] = [name for k, name in enumerate(COLOURS) if (n % 8) >> k & 1]
        for name in labels[f"{n}.png"]:
            k = COLOURS[name]
            pixels[4 + 8 * k : 12 + 8 * k, 4:28, k] = 250
        Image.fromarray(pixels).save(folder / "imgs" / f"{n}.png")
    return labels


def one_hot(labels):
    rows = [f"{file}, " + ", ".join(str(int(name in several)) for name in COLOURS) for file, several in labels.items()]
    return "\n".join(["filename, red, green, blue", *rows])


def joined(header, separator, quote=""):
    def write(labels):
        return "\n".join([header, *(f"{f},{quote}{separator.join(several)}{quote}" for f, several in labels.items())])

    return write


def json_lines(row):
    return lambda labels: "\n".join(json.dumps({"file_name": f} | row(several)) for f, several in labels.items())


TABLES = {
    "bars": ("labels.csv", joined("file,labels", "|")),
    "quoted commas": ("labels.csv", joined("file,labels", ", ", '"')),
    "spaces": ("labels.csv", joined("fname,tags", " ")),
    "a column for each label": ("_classes.csv", one_hot),
    "lists": ("metadata.jsonl", json_lines(lambda several: {"labels": several})),
    "flags": ("metadata.jsonl", json_lines(lambda several: {name: name in several for name in COLOURS})),
}


@pytest.mark.parametrize("form", TABLES)
def test_every_form_of_a_table_gives_each_picture_its_labels(form, tmp_path):
    labels = squares(tmp_path)
    name, write = TABLES[form]
    (tmp_path / name).write_text(write(labels))
    held_out = set()
    for split in ("train", "test"):
        data = load(f"folder:{tmp_path}", target="labels", size=32, batch_size=4, split=split)
        for file, row in zip(data.source.files, data.source.labels, strict=True):
            assert sorted(np.array(data.names)[row > 0]) == sorted(labels[file.name])
            held_out |= {file.name} if split == "test" else set()
    assert set(data.names) == set(COLOURS) and len(held_out) == len(labels) // 5
    images, rows, names = load_arrays(f"folder:{tmp_path}", "test", target="labels", size=32)
    for image, row in zip(images, rows, strict=True):
        shown = [name for name, k in COLOURS.items() if image[4 + 8 * k : 12 + 8 * k, 8, k].min() > 200]
        assert sorted(np.array(names)[row > 0]) == sorted(shown)


def test_splits_of_a_table_are_kept_and_unknown_labels_refused(tmp_path):
    labels = squares(tmp_path, 8)
    rows = [f"{f},{'|'.join(s)},{'test' if n > 5 else 'train'}" for n, (f, s) in enumerate(labels.items())]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["file,labels,split", *rows]))
    images, _, names = load_arrays(f"folder:{tmp_path}", "test", target="labels", size=32)
    assert len(images) == 2 and names == ("blue", "green", "red")
    table.write_text(table.read_text().replace("green|blue,test", "teal,test"))
    with pytest.raises(UserError, match="label 'teal' .* training pictures do not have"):
        load_arrays(f"folder:{tmp_path}", "test", target="labels", size=32)


def test_folders_of_classes_and_other_data_sets_are_one_line_mistakes(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / name / "x.png")
    for dataset in (f"folder:{tmp_path}", "digits"):
        with pytest.raises(UserError, match="table"):
            load(dataset, target="labels", size=32, batch_size=2)


# Measures


def by_hand(labels, scores):
    """Average precision: the precision at each true picture of the ranking, times the step of recall there."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order])
    return float(np.sum(hits / np.arange(1, len(labels) + 1) * labels[order]) / labels.sum())


def test_mean_average_precision_is_that_computed_by_hand():
    rng = np.random.default_rng(0)
    labels, scores = (rng.uniform(size=(60, 4)) < (0.5, 0.2, 0.1, 0.0)).astype(float), rng.uniform(size=(60, 4))
    metrics = measure(labels, scores, "abcd")
    expected = [by_hand(labels[:, k], scores[:, k]) for k in range(3)]
    np.testing.assert_allclose([metrics["classes"][n]["average_precision"] for n in "abc"], expected, rtol=1e-12)
    assert metrics["classes"]["d"]["average_precision"] is None
    assert metrics["mean_average_precision"] == pytest.approx(np.mean(expected))
    cross_entropy = -(labels * np.log(scores) + (1 - labels) * np.log(1 - scores)).mean()
    assert metrics["loss"] == pytest.approx(cross_entropy)
    assert metrics["exact"] == ((scores > 0.5) == labels).all(1).mean()
    hits = ((scores > 0.5) & (labels > 0)).sum()
    assert metrics["f1"] == pytest.approx(2 * hits / ((scores > 0.5).sum() + labels.sum()))


def test_the_loss_is_keras_binary_cross_entropy():
    import keras

    image, labels = np.zeros((2, 4), "float32"), np.array([[1, 0, 1], [0, 0, 1]], "float32")
    layer = keras.layers.Dense(3, bias_initializer=keras.initializers.RandomNormal(seed=0))
    model = keras.Sequential([keras.Input((4,)), layer])
    for loss, reference in (
        ("cross_entropy", keras.losses.BinaryCrossentropy(from_logits=True, reduction="none")),
        ("focal", keras.losses.BinaryFocalCrossentropy(from_logits=True, reduction="none")),
    ):
        task = tasks.of(Recipe(**RUN, dataset="folder:none", loss=loss))
        value, _ = task.loss(model, image, labels)
        np.testing.assert_allclose(value, reference(labels, model(image)), rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "word"), [({"loss": "mse"}, "loss mse"), ({"class_weights": "balanced"}, "class_weights has no effect")]
)
def test_settings_for_one_label_are_one_line_mistakes(change, word):
    with pytest.raises(UserError, match=word):
        tasks.of(Recipe(**RUN, dataset="folder:none", **change)).check()


def test_networks_for_other_tasks_are_one_line_mistakes():
    with pytest.raises(UserError, match="labels is 'several', and fcn32s is for segmentation"):
        tasks.of(Recipe(**RUN | {"model": "fcn32s"}, dataset="folder:none"))


# A run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    labels = squares(folder / "data")
    (folder / "data" / "labels.csv").write_text(TABLES["bars"][1](labels))
    where = {"dataset": f"folder:{folder / 'data'}", "out": str(folder / "run")}
    recipe = Recipe(**RUN, **where, epochs=20, augment={"mixup": 0.1})
    return recipe, train(recipe, quiet=True)


def test_a_run_learns_and_its_file_answers_sigmoids(trained):
    recipe, result = trained
    assert result.score == "mean_average_precision" and result.metrics["mean_average_precision"] > 0.9
    model = keras_cnns.load_model(result.folder / "model.keras")
    assert model.layers[-1].activation.__name__ == "sigmoid"
    images, labels, names = load_arrays(recipe.dataset, "test", target="labels", size=32)
    again = measure(labels, model.predict(images.astype("float32"), verbose=0), names)
    assert again["mean_average_precision"] == pytest.approx(result.metrics["mean_average_precision"], abs=1e-4)
    assert again["loss"] == pytest.approx(result.metrics["loss"], abs=1e-4)


def test_evaluate_measures_what_the_run_measured(trained, tmp_path):
    recipe, result = trained
    words = ["--evaluate", str(result.folder / "model.keras")]
    assert run(recipe.but(out=str(tmp_path)), words) == 0
    metrics = json.loads((tmp_path / "evaluation_centre.json").read_text())
    for name in ("mean_average_precision", "f1", "loss"):
        assert metrics[name] == pytest.approx(result.metrics[name], abs=1e-4)


def command(monkeypatch, *words):
    main = next(iter(entry_points(group="console_scripts", name="keras-cnns"))).load()
    monkeypatch.setattr(sys, "argv", ["keras-cnns", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def test_its_file_is_exported_with_the_labels_of_the_table_and_reported(trained, tmp_path, monkeypatch, capsys):
    recipe, result = trained
    words = "export", result.folder / "model.keras", "--scheme", "int8", "--dataset", recipe.dataset
    assert command(monkeypatch, *words, "--out", tmp_path / "net.tflite", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["comparisons"][0]["kind"] == "multilabel" and report["comparisons"][0]["accuracy"] is not None
    (answer,) = keras_cnns.predict(tmp_path / "net.tflite", next((result.folder / "../data/imgs").glob("7.png")), top=3)
    assert {name for name, score in answer["classes"] if score > 0.5} == set(COLOURS)
    assert command(monkeypatch, "report", result.folder, "--out", tmp_path / "page.html") == 0
    assert "Mean average precision" in (tmp_path / "page.html").read_text()
