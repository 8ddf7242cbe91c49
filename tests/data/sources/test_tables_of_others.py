"""Tables of labels as other programs write them: a column for each class, tables in split folders, JSONL, Parquet."""

import json
import sys

import pytest

from keras_cnns import UserError
from keras_cnns.data.sources.folder import open_folder
from tests.data.sources.writers import picture, write


def put(folder, numbers):
    for n in numbers:
        picture(folder / f"{n}.png", n, (8, 8))


def labels(folder, split="train"):
    """(the names, {number of the picture: its class})."""
    source = open_folder(folder, split)
    return source.names, {int(p.stem): source.names[k] for p, k in zip(source.files, source.labels, strict=True)}


def one_hot(numbers, names=("cat", "dog", "bird")):
    rows = [f"{n}.png, " + ", ".join(str(int(n % len(names) == k)) for k in range(len(names))) for n in numbers]
    return "\n".join(["filename, " + ", ".join(names), *rows])


def test_a_column_for_each_class_in_the_folders_of_the_splits(tmp_path):
    for split, numbers in (("train", range(9)), ("valid", range(9, 12)), ("test", range(12, 15))):
        put(tmp_path / split, numbers)
        write(tmp_path / split / "_classes.csv", one_hot(numbers))
    for split, numbers in (("train", range(9)), ("validation", range(9, 12)), ("test", range(12, 15))):
        names, result = labels(tmp_path, split)
        assert names == ("cat", "dog", "bird") and result == {n: names[n % 3] for n in numbers}


def test_a_column_for_each_class_in_one_table(tmp_path):
    put(tmp_path / "images", range(15))
    write(tmp_path / "labels.csv", one_hot(range(15)))
    names, train = labels(tmp_path)
    result = train | labels(tmp_path, "test")[1]
    assert names == ("cat", "dog", "bird") and result == {n: names[n % 3] for n in range(15)}


def test_a_column_for_each_class_and_one_for_the_split(tmp_path):
    put(tmp_path, range(12))
    rows = one_hot(range(12)).splitlines()
    text = "\n".join([rows[0] + ",split", *(f"{row},{'test' if n > 8 else 'train'}" for n, row in enumerate(rows[1:]))])
    write(tmp_path / "labels.csv", text)
    assert sorted(labels(tmp_path)[1]) == list(range(9)) and sorted(labels(tmp_path, "test")[1]) == [9, 10, 11]


@pytest.mark.parametrize(
    ("row", "message"), [("3.png, 1, 1, 0", "several|2 classes for 3.png"), ("3.png, 0, 0, 0", "no classes for 3.png")]
)
def test_a_picture_of_several_classes_or_none_is_named(tmp_path, row, message):
    put(tmp_path, range(9))
    rows = one_hot(range(9)).splitlines()
    write(tmp_path / "labels.csv", "\n".join([*rows[:4], row, *rows[5:]]))
    with pytest.raises(UserError, match=message):
        labels(tmp_path)


@pytest.mark.parametrize("form", ["metadata.csv", "metadata.jsonl", "metadata.tsv", "metadata.parquet"])
def test_a_table_in_the_folder_of_each_split(tmp_path, form):
    """As Hugging Face's imagefolder."""
    for split, numbers in (("train", range(9)), ("test", range(9, 12))):
        put(tmp_path / split, numbers)
        table(tmp_path / split / form, [{"file_name": f"{n}.png", "label": "ab"[n % 2], "width": 8} for n in numbers])
    names, train = labels(tmp_path)
    assert names == ("a", "b") and train == {n: "ab"[n % 2] for n in range(9)}
    assert labels(tmp_path, "test")[1] == {n: "ab"[n % 2] for n in range(9, 12)}


def table(path, rows):
    if path.suffix == ".parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.Table.from_pylist(rows), path)
        return
    if path.suffix == ".jsonl":
        write(path, "\n".join(map(json.dumps, rows)))
        return
    delimiter = "\t" if path.suffix == ".tsv" else ","
    write(path, "\n".join(delimiter.join(map(str, row)) for row in [rows[0], *(row.values() for row in rows)]))


def test_a_table_above_the_folders_of_the_splits(tmp_path):
    """Its rows belong to the split of the folder that holds the picture, and none of them is held out otherwise."""
    put(tmp_path / "train", range(9))
    put(tmp_path / "test", range(9, 12))
    rows = [{"file_name": f"{'train' if n < 9 else 'test'}/{n}.png", "label": n % 2} for n in range(12)]
    table(tmp_path / "metadata.jsonl", rows)
    assert sorted(labels(tmp_path)[1]) == list(range(9)) and sorted(labels(tmp_path, "test")[1]) == [9, 10, 11]


@pytest.mark.parametrize("true", ["True", "1", "true"])
def test_a_column_that_marks_the_rows_held_out(tmp_path, true):
    put(tmp_path, range(12))
    rows = [f"{n}.png,{'ab'[n % 2]},{true if n > 8 else 'False'}" for n in range(12)]
    write(tmp_path / "labels.csv", "\n".join(["name,label,is_valid".replace("name", "filename"), *rows]))
    assert sorted(labels(tmp_path)[1]) == list(range(9)) and sorted(labels(tmp_path, "test")[1]) == [9, 10, 11]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("metadata.jsonl", '{"file_name": "0.png", "label": "a"}\n{', "line 2 of .* is not JSON"),
        ("metadata.jsonl", "[1, 2]", "line 1 of .* is not a JSON object"),
        ("metadata.jsonl", "", "is empty"),
        ("metadata.jsonl", '{"file_name": "0.png"}', "a row of 1 columns"),
        ("metadata.parquet", "PAR1", "Parquet"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(tmp_path, name, text, message):
    put(tmp_path, range(3))
    write(tmp_path / name, text)
    with pytest.raises(UserError, match=message) as error:
        labels(tmp_path)
    assert "\n" not in str(error.value)


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    put(tmp_path, range(3))
    write(tmp_path / "labels.parquet", "PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match="install pyarrow"):
        labels(tmp_path)


def test_a_class_without_test_pictures_is_reported(tmp_path, caplog):
    for name in ("cat", "dog"):
        put(tmp_path / "train" / name, range(3))
    put(tmp_path / "test" / "cat", range(3))
    source = open_folder(tmp_path, "test")
    assert source.names == ("cat", "dog") and source.labels.tolist() == [0, 0, 0]
    assert "no pictures of 'dog', which is a class in training" in caplog.text
    (tmp_path / "test" / "dog").mkdir()
    assert open_folder(tmp_path, "test").count == 3
    write(tmp_path / "test" / "dog" / "1.heic", "x")
    with pytest.raises(UserError, match=r"dog has no pictures, but files that are not read \(.heic\)"):
        open_folder(tmp_path, "test")


def test_class_folders_that_are_numbers_keep_the_order_of_texts_and_it_is_reported(tmp_path, caplog):
    for n in range(11):
        put(tmp_path / str(n), range(2))
    assert open_folder(tmp_path, "train").names[:3] == ("0", "1", "10")
    assert "output 2 is '10'" in caplog.text


def test_a_line_break_in_the_name_of_a_class_becomes_a_space(tmp_path):
    for name in ("a\nb", "c"):
        put(tmp_path / name, range(3))
    assert open_folder(tmp_path, "train").names == ("a b", "c")


SPLIT_COLUMNS = {
    "set": lambda n: "test" if n > 8 else "train",
    "Usage": lambda n: "PublicTest" if n > 8 else "Training",
    "phase": lambda n: "val" if n > 8 else "train",
    "data set": lambda n: "TEST" if n > 8 else "",
    "is_training_img": lambda n: int(n <= 8),
}


@pytest.mark.parametrize("name", SPLIT_COLUMNS)
def test_a_column_of_splits_under_another_name(tmp_path, name):
    put(tmp_path, range(12))
    rows = [f"{n}.png,{'ab'[n % 2]},{SPLIT_COLUMNS[name](n)}" for n in range(12)]
    if name == "data set":
        rows[0] = "0.png,a,TRAIN"
    write(tmp_path / "labels.csv", "\n".join([f"file,label,{name}", *rows]))
    assert sorted(labels(tmp_path)[1]) == list(range(9)) and sorted(labels(tmp_path, "test")[1]) == [9, 10, 11]


def test_a_column_of_folds_is_not_used_and_a_message_says_so(tmp_path, caplog):
    put(tmp_path, range(12))
    write(
        tmp_path / "labels.csv", "\n".join(["file,label,fold", *(f"{n}.png,{'ab'[n % 2]},{n % 5}" for n in range(12))])
    )
    with caplog.at_level("INFO", "keras_cnns"):
        labels(tmp_path)
    assert "column 'fold' is not used" in caplog.text


@pytest.mark.parametrize("true", ["1.0 0.0", "True False", "yes no"])
def test_a_column_for_each_class_in_other_words(tmp_path, true):
    put(tmp_path, range(15))
    words = dict(zip("10", true.split(), strict=True))
    rows = [f"{n}.png," + ",".join(words["1" if n % 3 == c else "0"] for c in range(3)) for n in range(15)]
    write(tmp_path / "labels.csv", "\n".join(["file,cat,dog,bird", *rows]))
    names, train = labels(tmp_path)
    assert names == ("cat", "dog", "bird") and all(name == names[n % 3] for n, name in train.items())


@pytest.mark.parametrize("cells", [['["a", "b"]', '["a"]', '["b", "c"]'], ["['a', 'b']", "['a']", "['b', 'c']"]])
def test_lists_in_cells_are_several_labels(tmp_path, cells):
    put(tmp_path, range(12))
    rows = ['"' + cells[n % 3].replace('"', '""') + '"' for n in range(12)]
    write(tmp_path / "labels.csv", "\n".join(["file,tags", *(f"{n}.png,{row}" for n, row in enumerate(rows))]))
    with pytest.raises(UserError, match="several labels in a cell"):
        labels(tmp_path)
    source = open_folder(tmp_path, "train", several=True)
    assert source.names == ("a", "b", "c") and set(source.labels.sum(1)) == {1, 2}


@pytest.mark.parametrize("cells", [("a/b", "a", "b/c"), ("a+b", "a", "b"), ("a|b", "c|d", "e|f")])
def test_what_looks_like_several_labels_is_a_message(tmp_path, caplog, cells):
    put(tmp_path, range(12))
    write(tmp_path / "labels.csv", "\n".join(["file,tags", *(f"{n}.png,{cells[n % 3]}" for n in range(12))]))
    with caplog.at_level("INFO", "keras_cnns"):
        labels(tmp_path)
    assert f"{cells[0]!r} is read as one class" in caplog.text


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_list_of_one_label_is_not_taken_apart(tmp_path, form):
    put(tmp_path, range(12))
    kinds = (["traffic light"], ["car", "bus stop"], ["red, wet"], [])
    table(tmp_path / f"metadata.{form}", [{"file_name": f"{n}.png", "labels": kinds[n % 4]} for n in range(12)])
    source = open_folder(tmp_path, "train", several=True)
    assert source.names == ("bus stop", "car", "red, wet", "traffic light")
    for file, row in zip(source.files, source.labels, strict=True):
        assert [source.names[n] for n in row.nonzero()[0]] == sorted(kinds[int(file.stem) % 4])


def test_a_list_of_one_label_is_the_class(tmp_path):
    put(tmp_path, range(12))
    table(
        tmp_path / "metadata.jsonl",
        [{"file_name": f"{n}.png", "label": [("cat", "big dog")[n % 2]]} for n in range(12)],
    )
    assert labels(tmp_path)[0] == ("big dog", "cat")


def test_objects_of_a_detector_are_no_class(tmp_path):
    put(tmp_path, range(12))
    table(
        tmp_path / "metadata.jsonl", [{"file_name": f"{n}.png", "objects": {"bbox": [[1, 2, 3, 4]]}} for n in range(12)]
    )
    with pytest.raises(UserError, match="a row of 1 columns"):
        labels(tmp_path)


def test_the_separator_is_the_one_that_all_rows_have(tmp_path):
    put(tmp_path, range(12))
    write(tmp_path / "labels.csv", "".join(f"{n}.png,{('cat|dog|bird', 'cat')[n % 2]}\n" for n in range(12)))
    assert open_folder(tmp_path, "train", several=True).names == ("bird", "cat", "dog")


def test_a_row_for_each_label_of_a_picture(tmp_path, caplog):
    put(tmp_path, range(12))
    rows = [f"{n}.png,{label}" for label in ("cat", "red fox") for n in range(12) if label == "cat" or n % 2]
    write(tmp_path / "labels.csv", "\n".join(["file,label", *rows]))
    source = open_folder(tmp_path, "train", several=True)
    assert all(row.tolist() == [1, int(f.stem) % 2] for f, row in zip(source.files, source.labels, strict=True))
    assert "each adds a label" in caplog.text
    with pytest.raises(UserError, match="more than once"):
        labels(tmp_path)


@pytest.mark.parametrize("index", ["", "Unnamed: 0"])
def test_the_row_numbers_of_pandas_are_no_column(tmp_path, index):
    put(tmp_path, range(12))
    rows = [f"{n},{n}.png,{1 - n % 2},{n % 2}" for n in range(12)]
    write(tmp_path / "labels.csv", "\n".join([f"{index},file,cat,dog", *rows]))
    assert labels(tmp_path)[0] == ("cat", "dog")


@pytest.mark.parametrize("column", ["test", "is_holdout", "held_out", "train"])
def test_flags_of_splits_beside_a_column_of_classes(tmp_path, column):
    put(tmp_path, range(12))
    rows = [f"{n}.png,{'ab'[n % 2]},{(n > 8) != (column == 'train')}" for n in range(12)]
    write(tmp_path / "labels.csv", "\n".join([f"file,label,{column}", *rows]))
    assert sorted(labels(tmp_path)[1]) == list(range(9)) and sorted(labels(tmp_path, "test")[1]) == [9, 10, 11]


def test_a_class_may_be_called_train(tmp_path):
    put(tmp_path, range(15))
    write(tmp_path / "labels.csv", one_hot(range(15), ("bus", "train", "tram")))
    assert labels(tmp_path)[0] == ("bus", "train", "tram")


def test_a_line_break_inside_quotes_belongs_to_the_cell(tmp_path):
    put(tmp_path, range(12))
    rows = [f'{n}.png,"{("red" + chr(10) + "fox", "cat")[n % 2]}"' for n in range(12)]
    write(tmp_path / "labels.csv", "\n".join(["file,label", *rows]))
    assert labels(tmp_path)[0] == ("cat", "red fox")
