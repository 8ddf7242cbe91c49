"""Every change between two starts of a run, and what the second start does.

`python -m tests.training.changes` tries them all and prints a table.
"""

import contextlib
import io
import re
import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from keras_cnns.support import messages
from keras_cnns.support.errors import UserError
from keras_cnns.training import Recipe, train
from keras_cnns.training.evaluation import evaluate_files

COLOURS = {"apple": (200, 40, 40), "pear": (120, 190, 40), "plum": (80, 30, 150)}


def fruit(folder, count=10):
    """Pictures of three classes that differ in colour."""
    noise = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for k in range(count):
            picture(folder / name / f"{k}.png", colour, noise)
    return folder


def picture(path, colour, noise):
    Image.fromarray(np.clip(noise.normal(colour, 30, (32, 32, 3)), 0, 255).astype("uint8")).save(path)


def a_class_renamed(folder):
    (folder / "apple").rename(folder / "quince")


def classes_in_another_order(folder):
    """The first in the alphabet becomes the last."""
    (folder / "apple").rename(folder / "zapple")


def a_class_more(folder):
    shutil.copytree(folder / "apple", folder / "cherry")


def a_class_less(folder):
    shutil.rmtree(folder / "plum")


def two_classes_swapped(folder):
    """The folders' names are as before, their pictures are the other's."""
    (folder / "apple").rename(folder / "x")
    (folder / "pear").rename(folder / "apple")
    (folder / "x").rename(folder / "pear")


def pictures_added(folder):
    for k in range(10, 16):
        picture(folder / "pear" / f"{k}.png", COLOURS["pear"], np.random.default_rng(k))


def pictures_removed(folder):
    for k in range(5):
        (folder / "pear" / f"{k}.png").unlink()


def a_picture_in_another_class(folder):
    (folder / "apple" / "0.png").rename(folder / "pear" / "10.png")


def pictures_with_other_names(folder):
    for file in sorted((folder / "pear").iterdir()):
        file.rename(file.with_name(f"pear_{file.name}"))


def a_picture_damaged(folder):
    for file in (folder / "pear").iterdir():
        file.write_bytes(file.read_bytes()[:40])


def litter(folder):
    (folder / ".ipynb_checkpoints").mkdir()
    shutil.copy(folder / "pear" / "0.png", folder / ".ipynb_checkpoints" / "0-checkpoint.png")
    (folder / "notes.txt").write_text("two kilos of each")


def nothing(folder):
    pass


CHANGES = {
    "nothing": nothing,
    "hidden folders, files of other kinds": litter,
    "a class renamed": a_class_renamed,
    "a class renamed, so that the order is another": classes_in_another_order,
    "a class more": a_class_more,
    "a class less": a_class_less,
    "pictures added": pictures_added,
    "pictures removed": pictures_removed,
    "a picture moved to another class": a_picture_in_another_class,
    "the pictures of two classes swapped": two_classes_swapped,
    "pictures renamed": pictures_with_other_names,
    "pictures damaged": a_picture_damaged,
    "another learning rate": {"learning_rate": 1e-2},
    "another batch size": {"batch_size": 6},
    "another seed": {"seed": 1},
    "balanced class weights": {"class_weights": "balanced"},
    "another input size": {"input_shape": (28, 28, 3)},
    "another network": {"model": "simple_cnn"},
    "another place (`--strategy`, `--steps-per-call`)": {"steps_per_call": 2},
}


def recipe(folder, out, **changes):
    settings = {"model": "lenet5", "optimizer": "adam", "learning_rate": 3e-3, "epochs": 2, "batch_size": 8}
    settings |= {"dataset": f"folder:{folder}", "input_shape": (32, 32, 3), "out": str(out), "strategy": "one"}
    return Recipe(**settings | changes)


def outcomes(change):
    """What the same command does again over a stopped and a finished run, --evaluate, and a second stage."""
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        folder = fruit(place / "fruit")
        train(recipe(folder, place / "finished"), quiet=True)
        train(recipe(folder, place / "stopped", max_steps=4), quiet=True)
        (place / "stopped" / "recipe.json").write_text(recipe(folder, place / "stopped").json())
        model = place / "finished" / "model.keras"
        before = model.read_bytes()
        more = change if isinstance(change, dict) else change(folder) or {}
        calls = {
            "stopped": lambda: train(recipe(folder, place / "stopped", **more), quiet=True),
            "finished": lambda: train(recipe(folder, place / "finished", **more), quiet=True),
            "evaluate": lambda: evaluate_files([model], recipe(folder, place / "measured", **more)),
            "second": lambda: train(recipe(folder, place / "second", weights=str(model), **more), quiet=True),
        }
        words = {
            "stopped": "goes on",
            "finished": "is read",
            "evaluate": "measured",
            "second": "starts with its weights",
        }
        results = {}
        for name, call in calls.items():
            results[name] = _outcome(call, words[name], place)
            if name == "finished":
                assert before == model.read_bytes() or results[name] == "is read", "a refusal changes nothing"
        return results


def _outcome(call, word, place):
    messages._said.clear()
    with warnings.catch_warnings(record=True) as message, contextlib.redirect_stderr(io.StringIO()) as spoken:
        warnings.simplefilter("always")
        try:
            with messages.in_lines():
                call()
        except UserError as error:
            return "refused: " + _short(str(error), place)
    lines = [line.removeprefix("warning: ") for line in spoken.getvalue().splitlines() if line.startswith("warning: ")]
    lines += [str(w.message) for w in message if issubclass(w.category, UserWarning)]
    lines = [line for line in dict.fromkeys(lines) if "__array__" not in line]
    return word + (f"; message: {_short(' '.join(lines), place)}" if lines else "")


def _short(text, place):
    text = re.sub(rf"(folder:)?{place}/fruit", "the folder", text)
    return re.sub(rf"{place}/(\w+)(/model\.keras)?", "the run", text)


def table(tried=None):
    """The rows, of all changes or of those named."""
    lines = ["| between two starts | a stopped run | a finished run | `--evaluate` | a second stage, `--weights` |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for name in tried or CHANGES:
        lines.append(f"| {name} | {' | '.join(outcomes(CHANGES[name]).values())} |")
    return lines


if __name__ == "__main__":
    print("\n".join(table()))
