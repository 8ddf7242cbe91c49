"""Predictions for many pictures: folders, archives and records alike, in shares, written to a file, begun again."""

import io
import json
import os
import tarfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_cnns import UserError, predict
from keras_cnns.cli.commands import main
from keras_cnns.inference import results
from keras_cnns.inference.items import Shard, items
from keras_cnns.inference.predict import Options

COUNT = 7


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A classifier of three classes."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    scores = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image)))
    path = tmp_path_factory.mktemp("model") / "small.keras"
    keras.Model(image, scores).save(path)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The same pictures as a folder, a tar archive, packed and not, and a TFRecord file."""
    root = tmp_path_factory.mktemp("data")
    (root / "folder/below").mkdir(parents=True)
    noise, pictures = np.random.default_rng(0), []
    for n in range(COUNT):
        file = io.BytesIO()
        Image.fromarray(noise.integers(0, 256, (9, 11, 3), "uint8")).save(file, "PNG")
        pictures.append(file.getvalue())
        (root / "folder" / ("below" * (n >= 5)) / f"{n}.png").write_bytes(file.getvalue())
    for name, mode in (("some.tar", "w"), ("some.tar.gz", "w:gz")):
        with tarfile.open(root / name, mode) as archive:
            for n, picture in enumerate(pictures):
                for member, content in ((f"{n}.png", picture), (f"{n}.cls", b"1")):
                    entry = tarfile.TarInfo(member)
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
    with tf.io.TFRecordWriter(str(root / "some.tfrecord")) as writer:
        for n, picture in enumerate(pictures):
            features = {
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[n])),
                "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[picture])),
                "image/format": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"png"])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return root


def rows_of(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("name", ["some.tar", "some.tar.gz", "some.tfrecord"])
def test_archives_and_records_are_read_as_folders_are(name, model, data):
    expected = [row["classes"] for row in predict(model, data / "folder")]
    answered = predict(model, data / name)
    assert [row["classes"] for row in answered] == expected and len(expected) == COUNT
    last = {"some.tfrecord": f"{data}/some.tfrecord#6"}.get(name, f"{data}/{name}/6.png")
    assert answered[-1]["picture"] == last


def test_shards_are_disjoint_and_complete(data):
    names = [item.name for item in items(data / "some.tar", Shard())]
    shares = [[item.name for item in items(data / "some.tar", Shard(n, 3))] for n in (1, 2, 3)]
    assert sorted(sum(shares, [])) == sorted(names) and {len(share) for share in shares} == {2, 3}
    assert shares[1] == names[1::3]


@pytest.mark.parametrize("text", ["0/4", "5/4", "3", "a/b", "-1/4", "1/0", ""])
def test_a_shard_out_of_range_is_refused(text, model, data, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["predict", str(data / "folder"), f"--model={model}", f"--results={tmp_path}/r.jsonl", f"--shard={text}"])
    err = capsys.readouterr().err
    assert end.value.code == 2 and len(err.splitlines()) == 1 and "shard" in err
    assert not list(tmp_path.iterdir())


def test_results_are_the_rows_of_predict(model, data, tmp_path):
    written = results.write(model, data / "folder", tmp_path / "r.jsonl", Options(top=2))
    expected = json.loads(json.dumps(predict(model, data / "folder", top=2)))
    assert rows_of(tmp_path / "r.jsonl") == expected and written.pictures == COUNT
    assert [path.name for path in tmp_path.iterdir()] == ["r.jsonl"]
    with pytest.raises(UserError, match="complete"):
        results.write(model, data / "folder", tmp_path / "r.jsonl", Options(top=2))


def test_a_stopped_run_continues_behind_its_last_complete_row(model, data, tmp_path, monkeypatch):
    opened = []
    read = results.answers

    def stopped(network, pictures, options, **flags):
        for n, row in enumerate(read(network, pictures, options, **flags)):
            if n == 4:
                raise KeyboardInterrupt
            opened.append(row["picture"])
            yield row

    monkeypatch.setattr(results, "answers", stopped)
    with pytest.raises(KeyboardInterrupt):
        results.write(model, data / "some.tar", tmp_path / "r.jsonl")
    partial = tmp_path / "r.jsonl.partial"
    partial.write_text(partial.read_text()[:-20])  # killed while it wrote
    monkeypatch.setattr(results, "answers", read)
    written = results.write(model, data / "some.tar", tmp_path / "r.jsonl")
    assert (written.before, written.pictures) == (3, COUNT)
    assert rows_of(tmp_path / "r.jsonl") == json.loads(json.dumps(predict(model, data / "some.tar")))


def test_a_partial_file_of_another_run_is_not_continued(model, data, tmp_path, monkeypatch):
    def fails(*args, **kwargs):
        raise OSError(28, "No space left on device")
        yield

    monkeypatch.setattr(results, "answers", fails)
    with pytest.raises(OSError):
        results.write(model, data / "folder", tmp_path / "r.jsonl")
    with pytest.raises(UserError, match="another options"):
        results.write(model, data / "folder", tmp_path / "r.jsonl", Options(top=1))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.jsonl.partial", "{damaged\n"),
        ("r.jsonl.partial", "[]\n"),
        ("r.jsonl.partial.json", "[]"),
        ("r.jsonl.partial.json", "{"),
    ],
)
def test_a_damaged_partial_file_is_refused(name, content, model, data, tmp_path, monkeypatch):
    def stopped(*args, **flags):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(results, "answers", stopped)
    with pytest.raises(KeyboardInterrupt):
        results.write(model, data / "folder", tmp_path / "r.jsonl")
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match="damaged|cannot be read as JSON"):
        results.write(model, data / "folder", tmp_path / "r.jsonl")


def test_a_broken_picture_gets_a_row_with_the_error(model, data, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(b"\x89PNG broken")
    (tmp_path / "in/b.png").write_bytes((data / "folder/0.png").read_bytes())
    written = results.write(model, tmp_path / "in", tmp_path / "r.jsonl")
    broken, good = rows_of(tmp_path / "r.jsonl")
    assert "damaged" in broken["error"] and "classes" in good and written.broken == 1


def test_parquet_has_the_same_rows(model, data, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    written = results.write(model, data / "folder", tmp_path / "r.parquet", shard=Shard(2, 3))
    assert written.file.endswith("r-00002-of-00003.parquet")
    rows = parquet.read_table(written.file).to_pylist()
    expected = predict(model, data / "folder", shard="2/3")
    assert [row["picture"] for row in rows] == [row["picture"] for row in expected]
    stored = [[(entry["label"], entry["score"]) for entry in row["classes"]] for row in rows]
    assert stored == [row["classes"] for row in expected] and os.listdir(tmp_path) == [os.path.basename(written.file)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.tar", b"no archive", "not a tar archive"),
        ("x.tfrecord", b"twelve bytes and more", "not a TFRecord file"),
        ("x.tfrecord", None, "cut off"),
        ("x.tar", "empty", "no pictures"),
    ],
)
def test_damaged_archives_are_refused(name, content, message, model, data, tmp_path):
    if content is None:
        content = (data / "some.tfrecord").read_bytes()[:-9]
    if content == "empty":
        with tarfile.open(tmp_path / name, "w"):
            pass
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        predict(model, tmp_path / name)


def test_the_only_picture_of_a_record_may_have_any_name(data, tmp_path):
    picture = (data / "folder/0.png").read_bytes()
    values = {"title": b"a photo", "photo": picture}
    features = {k: tf.train.Feature(bytes_list=tf.train.BytesList(value=[v])) for k, v in values.items()}
    with tf.io.TFRecordWriter(str(tmp_path / "x.tfrecord")) as writer:
        writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    assert [item.data for item in items(tmp_path / "x.tfrecord", Shard())] == [picture]


def test_names_that_are_not_in_utf8_are_kept(model, data, tmp_path, monkeypatch):
    """In a folder and in an archive; such a run continues, too."""
    folder = tmp_path / "in"
    folder.mkdir()
    picture = (data / "folder/0.png").read_bytes()
    for name in (b"\xff.png", b"a.png"):
        (folder / os.fsdecode(name)).write_bytes(picture)
    results.write(model, folder, tmp_path / "r.jsonl")
    names = [row["picture"] for row in rows_of(tmp_path / "r.jsonl")]
    assert names == [f"{folder}/a.png", f"{folder}/\udcff.png"] and os.path.exists(names[1])
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(folder / os.fsdecode(b"\xff.png"), os.fsdecode(b"in/\xff.png"))
    monkeypatch.setattr(results, "_settings", lambda *_: {})
    (tmp_path / "s.jsonl.partial").write_text(results.json_text({"picture": f"{tmp_path}/x.tar/in/\udcff.png"}) + "\n")
    (tmp_path / "s.jsonl.partial.json").write_text("{}")
    assert results.write(model, tmp_path / "x.tar", tmp_path / "s.jsonl").before == 1


def test_parquet_has_escapes_in_names_that_are_not_in_utf8(model, data, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / os.fsdecode(b"\xff.png")).write_bytes((data / "folder/0.png").read_bytes())
    (tmp_path / "in" / os.fsdecode(b"\xfe.png")).write_bytes(b"no picture")
    file = tmp_path / os.fsdecode(b"r\xe9.parquet")
    results.write(model, tmp_path / "in", file)
    with open(file, "rb") as content:
        rows = parquet.read_table(content).to_pylist()
    assert [row["picture"].rpartition("/")[2] for row in rows] == ["\\udcfe.png", "\\udcff.png"]


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_partial_file_that_is_no_regular_file_is_refused(kind, model, data, tmp_path):
    """A pipe would be waited for; through a link another file would be changed."""
    other, partial = tmp_path / "other.txt", tmp_path / "r.jsonl.partial"
    other.write_text("kept")
    os.mkfifo(partial) if kind == "pipe" else partial.symlink_to(other)
    (tmp_path / "r.jsonl.partial.json").write_text("{}")
    with pytest.raises(UserError, match="not a regular file"):
        results.write(model, data / "folder", tmp_path / "r.jsonl")
    assert other.read_text() == "kept"
