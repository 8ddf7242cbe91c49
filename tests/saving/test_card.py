"""The card inside a model file: read as it was written, or refused in a line; nothing of it is guessed."""

import json
import os
import zipfile

import pytest

from keras_cnns.saving.card import ENTRY, Card, read_card, write_card
from keras_cnns.support.errors import UserError


def file_with(folder, written):
    path = folder / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr(ENTRY, written)
    return path


def test_a_card_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "model.keras"
    card = Card("shapes", ("circle", "größe\n2"), {"recipe": {"augment": {"crop": "whole", "crop_fraction": 0.875}}})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    write_card(path, card)
    assert read_card(path) == card and card.view() == {"crop": "whole", "crop_fraction": 0.875}


def test_where_there_is_none_it_is_empty(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    (tmp_path / "plain").write_text("no archive")
    assert read_card(path) == read_card(tmp_path / "plain") == read_card(tmp_path / "nothing") == Card()
    assert read_card(tmp_path) == Card()  # a folder


WRONG = ("{not json", "[1, 2]", '"word"', "null", '{"labels": 5}', '{"labels": "abc"}', '{"labels": {"0": "a"}}')
WRONG += ('{"labels": ["a", null]}', '{"name": 5}', '{"source": []}', '{"source": null}', b"\xff\xfe{", "[" * 100_000)


@pytest.mark.parametrize("written", WRONG, ids=range(len(WRONG)))
def test_a_file_that_is_not_a_card_is_refused_in_one_line(tmp_path, written):
    with pytest.raises(UserError, match=ENTRY):
        read_card(file_with(tmp_path, written))


def test_a_card_whose_bytes_are_damaged_is_refused_in_one_line(tmp_path):
    path = file_with(tmp_path, json.dumps({"name": "shapes"}))
    data = path.read_bytes()
    path.write_bytes(data.replace(b'{"name": "shapes"}', b'{"name": "shopes"}'))  # its checksum tells
    with pytest.raises(UserError):
        read_card(path)


@pytest.mark.parametrize("fraction", ["x", None, [1], True, 0, -1, 7, float("nan")])
def test_a_crop_that_cannot_be_is_not_known(fraction):
    assert Card(source={"recipe": {"augment": {"crop_fraction": fraction}}}).view() == {}


def test_a_card_larger_than_its_limit_is_refused_before_it_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ENTRY, b" " * (100 * 2**20))
    with pytest.raises(UserError, match="unpacks 99|more than"):
        read_card(tmp_path / "model.keras")


def test_a_pipe_in_place_of_a_model_is_refused(tmp_path):
    os.mkfifo(tmp_path / "model.keras")
    with pytest.raises(UserError, match="named pipe"):
        read_card(tmp_path / "model.keras")


def test_a_line_break_in_a_label_does_not_shift_the_labels_of_a_tflite_file(tmp_path):
    import keras

    from keras_cnns.tflite import export

    image = keras.Input((8, 8, 1))
    model = keras.Model(image, keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(image)))
    labels = ("a\nb", "c\r\nd", "e\u2028f")
    path = export(model, tmp_path / "net.tflite", card=Card("net", labels), force=True).path
    with zipfile.ZipFile(path) as archive:
        assert archive.read("labels.txt").decode().splitlines() == ["a b", "c d", "e f"]
    assert read_card(path).labels == labels


def test_texts_that_utf8_cannot_hold_are_escaped(tmp_path):
    """JSON may name half of a surrogate pair, and no file of labels can hold one."""
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(ENTRY, r'{"name": "a\ud800", "labels": ["\udcff", "café"]}')
    card = read_card(path)
    assert (card.name, card.labels) == (r"a\ud800", (r"\udcff", "café"))
