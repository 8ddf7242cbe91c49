"""Folders of pictures as they lie around: splits in every customary spelling, litter, folders too high, tables."""

import json
import logging
import shutil

import pytest
from PIL import Image

from keras_cnns.data.sources.folder import open_folder
from keras_cnns.data.sources.splits import role
from keras_cnns.data.sources.table_files import cells
from keras_cnns.data.sources.table_several import as_list
from keras_cnns.support.errors import UserError


def put(folder, *paths):
    for k, path in enumerate(paths):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (k % 250, 3, 5)).save(file, "PNG")


def splits(folder, train, test, count=3):
    put(
        folder, *(f"{split}/{name}/{k}.png" for split in (train, test) for name in ("cat", "dog") for k in range(count))
    )


def read(folder):
    """(class names, pictures to train, pictures to test)"""
    train, test = open_folder(folder, "train"), open_folder(folder, "test")
    assert train.names == test.names
    return train.names, train.count, test.count


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Train", "Test"),
        ("Training", "Testing"),
        ("TRAIN", "VAL"),
        ("train", "dev"),
        ("training_set", "test_set"),
        ("trainset", "hold-out"),
        ("train2017", "val2017"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("chest_train", "chest_test"),
        ("train/images", "test/images"),
    ],
)
def test_splits_in_any_customary_spelling(tmp_path, train, test):
    splits(tmp_path, train, test)
    assert read(tmp_path) == (("cat", "dog"), 6, 6)


@pytest.mark.parametrize("name", ["bus", "trainer", "Steamtrain", "contest", "devil", "seg_train", "validity"])
def test_a_class_may_have_a_name_like_a_split(name, tmp_path):
    assert role(name) is None
    put(tmp_path, *(f"{c}/{k}.png" for c in (name, "zebra") for k in range(5)))
    assert read(tmp_path) == (tuple(sorted((name, "zebra"))), 8, 2)


@pytest.mark.parametrize("names", [("bus", "train"), ("control", "test")])
def test_a_class_called_like_a_split_beside_others_is_a_class(names, tmp_path):
    put(tmp_path, *(f"{c}/{k}.png" for c in names for k in range(5)))
    assert read(tmp_path) == (names, 8, 2)


def test_the_validation_pictures_are_found_beside_the_test_pictures(tmp_path):
    splits(tmp_path, "Train", "Test")
    splits(tmp_path, "Train", "Valid", count=2)
    assert [open_folder(tmp_path, s).count for s in ("train", "test", "validation", "Valid")] == [6, 6, 4, 4]


@pytest.mark.parametrize("litter", [".ipynb_checkpoints", "__MACOSX", "@eaDir", ".git", "$RECYCLE.BIN"])
def test_litter_is_passed_over_wherever_it_lies(litter, tmp_path):
    splits(tmp_path, "train", "test")
    put(tmp_path, *(f"{where}{litter}/1-checkpoint.png" for where in ("", "train/", "train/cat/", "test/dog/deep/")))
    assert read(tmp_path) == (("cat", "dog"), 6, 6)


@pytest.mark.parametrize("ending", ["JPG", "Jpeg", "PNG", "TIF", "Bmp"])
def test_endings_in_any_case(ending, tmp_path):
    put(tmp_path, *(f"{c}/{k}.{ending}" for c in "ab" for k in range(5)))
    assert read(tmp_path)[1:] == (8, 2)


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["animals/cat/1.png", "animals/dog/1.png"], "one level too high.*animals.*cat, dog.*folder:.*animals"),
        (["data/train/cat/1.png", "data/test/cat/1.png"], "one level too high.*data.*test, train"),
        (["fruit/train/a/1.png", "fruit/test/a/1.png", "beasts/train/b/1.png"], "one level too high"),
        (["amazon/back/1.png", "amazon/bike/1.png", "dslr/back/1.png", "dslr/bike/1.png"], "one level too high"),
        (["train/1.png", "test/1.png"], "no class folders"),
        (["Train/cat/1.png", "train/cat/1.png", "test/cat/1.png"], "2 folders for train: Train, train"),
        (["test/cat/1.png", "val/cat/1.png"], "no split 'train': it has test, val"),
        (["train/cat/1.png", "bus/1.png"], "is the first a class"),
        (["train/cat/1.png", "test/Cat/1.png"], "'Cat', which has no training pictures.*Did you mean cat"),
        (["1.png", "2.png"], "no class folders"),
        (["trainA/1.png", "trainB/1.png", "testA/1.png", "testB/1.png"], "2 folders for train: trainA, trainB"),
        (["img_train/1.png", "img_test/1.png"], "img_train has no class folders"),
        (
            ["train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "test/cow/1.png"],
            "class .cow., which has no",
        ),
    ],
)
def test_what_is_no_folder_of_classes_is_refused_with_what_was_found(paths, message, tmp_path):
    put(tmp_path, *paths)
    with pytest.raises(UserError, match=message) as error:
        open_folder(tmp_path, "train")
        open_folder(tmp_path, "test")
    assert "\n" not in str(error.value)


def test_files_of_a_kind_that_is_not_read_are_named(tmp_path):
    put(tmp_path, *(f"a/{k}.png" for k in range(5)))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "1.heic").write_bytes(b"x")
    with pytest.raises(UserError, match=r"b has no pictures, but files that are not read \(.heic\)"):
        open_folder(tmp_path, "train")


def test_skipped_files_are_reported(tmp_path, caplog):
    splits(tmp_path, "seg_train/seg_train", "seg_test/seg_test")
    put(tmp_path, "seg_pred/seg_pred/1.png", "seg_train/seg_train/loose.png")
    with caplog.at_level(logging.WARNING):
        assert read(tmp_path) == (("cat", "dog"), 6, 6)
    assert any("seg_pred" in line for line in caplog.messages) and any("1 pictures" in line for line in caplog.messages)


def test_the_key_tells_other_pictures_from_the_same_elsewhere(tmp_path):
    splits(tmp_path / "one", "train", "test")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    keys = [open_folder(tmp_path / name, "train").key for name in ("one", "two")]
    (tmp_path / "two/train/cat/0.png").rename(tmp_path / "two/train/dog/9.png")
    assert keys[0] == keys[1] != open_folder(tmp_path / "two", "train").key


NAMED = [f"p{k}.png" for k in range(10)]
ROWS = [f"{name},{'owl' if k % 2 else 'ant'}" for k, name in enumerate(NAMED)]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(ROWS),
        "file,class\n" + "\n".join(ROWS),
        "\ufefffilename;label\n" + "\n".join(ROWS).replace(",", ";"),
        "label\timage_id\n" + "\n".join(f"{c}\t{f[:-4]}" for f, c in (row.split(",") for row in ROWS)),
        "id,species,weight\n" + "\n".join(f"{row},3" for row in ROWS),
    ],
    ids=["no header", "header", "semicolons", "class first, no endings", "more columns"],
)  # fmt: skip
@pytest.mark.parametrize("where", ["", "images/"])
def test_labels_by_a_table_beside_the_pictures(text, where, tmp_path):
    put(tmp_path, *(where + name for name in NAMED))
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    assert read(tmp_path) == (("ant", "owl"), 8, 2)
    assert read(tmp_path / "labels.csv") == (("ant", "owl"), 8, 2)
    source = open_folder(tmp_path, "train")
    assert all((int(source.where(i)[-5]) % 2 == 1) == (label == 1) for i, label in enumerate(source.labels))


def test_a_table_for_each_split(tmp_path):
    put(tmp_path, *(f"{split}/{name}" for split in ("train", "test") for name in NAMED))
    for split in ("train", "test"):
        (tmp_path / f"{split}.csv").write_text("\n".join(f"{split}/{row}" for row in ROWS))
    assert read(tmp_path) == (("ant", "owl"), 10, 10)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p0.png,ant\nnone.png,owl", "names 'none.png', which is not a picture"),
        ("p0.png,ant\np0.png,owl", "names p0.png more than once"),
        ("p0.png,ant\np1.png,", "no class for p1.png"),
        ("p0.png\np1.png", "a row of 1 columns"),
        ("", "is empty"),
        ("a,b,c\np0.png,1,2", "no column of file names"),
        ("file,b,c\np0.png,1,2", "no column of classes"),
        (b"\xff\xfe\x00", "not a text in UTF-8"),
        (b'"p0.png', "a row of 1 columns"),
    ],
)
def test_an_impossible_table_is_refused_in_one_line(text, message, tmp_path):
    put(tmp_path, *NAMED)
    (tmp_path / "labels.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=message) as error:
        open_folder(tmp_path, "train")
    assert "\n" not in str(error.value)


def table(folder, header, rows):
    """A table of pictures p0.png, p1.png ...; rows: what follows the file name in each."""
    put(folder, *(f"p{n}.png" for n in range(len(rows))))
    (folder / "labels.csv").write_text("\n".join([header, *(f"p{n}.png,{row}" for n, row in enumerate(rows))]))
    return folder


@pytest.mark.parametrize(("column", "held_out"), [("split", "test"), ("Split", "validation"), ("subset", "VAL")])
def test_a_column_of_splits_decides_what_is_held_out(tmp_path, column, held_out):
    rows = [f"{'ab'[n % 2]},{'Train' if n < 6 else held_out}" for n in range(8)]
    table(tmp_path, f"file,class,{column}", rows)
    train, test = (open_folder(tmp_path, split) for split in ("train", "test"))
    assert [f.name for f in train.files] == [f"p{n}.png" for n in range(6)]
    assert [f.name for f in test.files] == ["p6.png", "p7.png"] and test.labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a,train", "a,train", "b,train", "b,fold 3"], "the split 'fold 3' for p3.png"),
        (["a,test", "a,test", "b,test", "b,test"], "no row of the split 'train'"),
        (["a,train", "a,train", "b,train", "b,train"], "no row of the split 'test'"),
        (["a,train", "a,train", "a,train", "b,test"], "class 'b' that the training pictures do not have"),
    ],
)
def test_a_column_of_splits_that_cannot_be_used(tmp_path, rows, message):
    table(tmp_path, "file,class,split", rows)
    with pytest.raises(UserError, match=message):
        open_folder(tmp_path, "test")


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["10", "2", "0", "1"], ("0", "1", "2", "10")),
        (["-1", "1", "0.5", "0"], ("-1", "0", "0.5", "1")),
        (["10", "2", "b", "1"], ("1", "10", "2", "b")),
        (["10", "nan", "2", "1"], ("1", "10", "2", "nan")),
    ],
)
def test_classes_that_are_numbers_are_ordered_by_value(tmp_path, labels, names):
    table(tmp_path, "file,class", labels * 2)
    assert open_folder(tmp_path, "train").names == names


@pytest.mark.parametrize("cell", ["cat|dog", "cat; dog", '"cat,dog"'])
def test_several_labels_in_a_cell_are_refused(tmp_path, cell):
    table(tmp_path, "file,class", ["cat", "dog", cell] * 2)
    with pytest.raises(UserError, match="several labels in a cell"):
        open_folder(tmp_path, "train")


def test_words_that_classes_share_are_mentioned(tmp_path, caplog):
    """They may be labels ("clear", "clear primary") or names ("dog", "hot dog")."""
    table(tmp_path, "file,class", ["dog", "hot dog"] * 2)
    assert (
        open_folder(tmp_path, "train").names == ("dog", "hot dog") and "'hot dog' is read as one class" in caplog.text
    )
    caplog.clear()
    other = tmp_path / "other"
    assert (
        open_folder(table(other, "file,class", ["golden eagle", "snowy owl"] * 2), "train").names[0] == "golden eagle"
    )
    assert "one class" not in caplog.text


def test_a_list_of_labels_is_read_up_to_a_length():
    """Python takes gigabytes of memory to read a list of megabytes."""
    assert as_list('["a", "b"]') == ["a", "b"]
    assert as_list("[" + "0," * 10 + "0]") == ["0"] * 11 and as_list("[" + "0," * 50_001 + "0]") is None


def test_json_lines_with_keys_of_their_own_are_refused(tmp_path):
    """As a table they would have 25 million cells here, and more with the square of the file's length."""
    rows = [{"file_name": f"{n}.png", "label": "cat", f"key{n}": 1} for n in range(5000)]
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(UserError, match="the 5000 objects in .* have 5002 keys"):
        cells(tmp_path / "labels.jsonl")
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, rows[:10])))
    assert cells(tmp_path / "labels.jsonl")[1][:4] == ["0.png", "cat", "1", ""]


def test_a_text_in_every_row_of_parquet_is_refused(tmp_path):
    """It is stored once: here 20 kB for 200 MB."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    for rows, length in ((2000, 100_000), (2000, 3)):
        label = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * rows, "int32"), ["a" * length])
        names = [f"{n}.png" for n in range(rows)]
        parquet.write_table(pyarrow.table({"file_name": names, "label": label}), tmp_path / "labels.parquet")
        if length > 3:
            with pytest.raises(UserError, match="unpacks to more than 200 times its size"):
                cells(tmp_path / "labels.parquet")
    assert cells(tmp_path / "labels.parquet")[2000] == ["1999.png", "aaa"]
