"""Damaged run folders: `keras-cnns report` is written about each, and the trainer looks at it as it does to resume.

One to three of the folder's files are damaged, left out, or replaced by a folder, a pipe or a link to the outside. Its
recipe may name data elsewhere. A report that was written must be complete, and may not show what is outside.
"""

import json
import os
import tempfile
from functools import cache
from pathlib import Path
from random import Random

from keras_cnns.insight.report import report
from keras_cnns.support.errors import UserError
from keras_cnns.training import Recipe, run_folder
from tests.fuzz.counts.children import Harness, main
from tests.fuzz.counts.damage import damaged_bytes, damaged_value
from tests.fuzz.mutations import ODD_VALUES

ODD = (
    *ODD_VALUES,
    "folder:../outside",
    "../../outside/secret.png",
    "lenet5",
    "<script>x</script>",
    "digits",
    "a" * 3000,
)
HISTORY = "epoch,loss,accuracy\n1,0.5,0.8\n2,0.4,0.9\n"
RECIPE = Recipe("lenet5", input_shape=(32, 32, 1), dataset="folder:data")


@cache
def model() -> bytes:
    """A trained model's file with its card."""
    import keras

    image = keras.Input((8, 8, 1))
    network = keras.Model(image, keras.layers.Dense(2, "softmax")(keras.layers.Flatten()(image)))
    with tempfile.TemporaryDirectory() as folder:
        run_folder.save_model(network, Path(folder) / "model.keras", RECIPE, ["cat", "dog"])
        return (Path(folder) / "model.keras").read_bytes()


def contents() -> dict[str, object]:
    """The files of a finished run: text, bytes, or values of JSON."""
    rows = [{"scheme": "int8", "size_bytes": 5, "status": "pass", "latency_ms": 0.1, "path": "a.tflite"}]
    return {
        "recipe.json": json.loads(RECIPE.json()),
        "data.json": {"classes": ["cat", "dog"], "examples": {"train": 8, "test": 2}, "keys": {"train": "x"}},
        "metrics.json": {"accuracy": 0.9, "classes": {"0": {"recall": 0.9}}, "confusion": [[1, 0], [0, 1]]},
        "report.json": {"exports": rows},
        "history.csv": HISTORY,
        "model.keras": model(),
    }


def spoil(random: Random, path: Path, sound: object) -> None:
    """Writes something else in place of a file of the folder."""
    text = sound if isinstance(sound, bytes) else (sound if isinstance(sound, str) else json.dumps(sound)).encode()
    kind = random.choice(("value",) * 4 + ("bytes",) * 2 + ("cut", "missing", "folder", "pipe", "link"))
    path.unlink(missing_ok=True)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("missing")
    elif kind == "cut":
        path.write_bytes(text[: random.randint(0, len(text))])
    elif kind == "value" and not isinstance(sound, (str, bytes)):
        path.write_text(json.dumps(damaged_value(random, sound, ODD)))
    elif kind != "missing":
        path.write_bytes(damaged_bytes(random, text))


def case(random: Random, folder: Path) -> str:
    run = folder / "run"
    run.mkdir()
    os.chdir(folder)
    files = contents()
    if random.random() < 0.8:
        del files["model.keras"]
    for name, sound in files.items():
        data = sound if isinstance(sound, bytes) else (sound if isinstance(sound, str) else json.dumps(sound)).encode()
        (run / name).write_bytes(data)
    for name in random.sample(sorted(files), random.randint(1, 3)):
        spoil(random, run / name, files[name])
    refused = 0
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "ckpt-1.index").touch()
    here = RECIPE.but(out=str(run))
    for call in (
        lambda: run_folder.check(here),
        lambda: run_folder.check_data(run, ["cat", "dog"], {"train": 8, "test": 2}),
        lambda: report(run),
    ):
        try:
            call()
        except UserError as error:
            assert str(error).strip() and len(str(error).splitlines()) == 1, error
            refused += 1
    page = run / "report.html"
    if page.exists():
        text = page.read_text()
        assert text.rstrip().endswith("</html>"), "half-written"
        assert "<script>x" not in text, "a name became code"
    return "refused" if refused else "answer"


if __name__ == "__main__":
    main(Harness("runs", case, prepare=lambda folder: model()), "damaged run folders", 1000)
