"""What a report is about: a run's folder or a model file, and the pictures that it was trained and measured on."""

import csv
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_cnns.insight.report.own_data import own_data
from keras_cnns.registry.registry import entry, list_models
from keras_cnns.saving.card import Card, read_card
from keras_cnns.support.errors import BadArgument, UnreadableFile, UnsupportedModel, UserError, first_line
from keras_cnns.support.untrusted import inside, read_json
from keras_cnns.support.validation import kind, number, path_of

if TYPE_CHECKING:
    import keras

LIMIT = 2000  # pictures of each split at most


@dataclass
class Subject:
    """file: the model (None where an interrupted run has none yet). folder: of the run, or where the file lies.

    history, metrics, exports: what was written down there; empty where nothing was.
    """

    name: str
    folder: Path
    file: Path | None
    card: Card
    recipe: dict[str, Any]
    history: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    exports: list[dict[str, Any]] = field(default_factory=list)
    dataset: str | None = None
    data_dir: str | None = None
    data_note: str = "the data set is not known: give --dataset."  # why there is none

    @cached_property
    def model(self) -> "keras.Model | None":
        """The Keras model; None for a .tflite file or where there is none."""
        if self.file is None or self.file.suffix != ".keras":
            return None
        from keras_cnns.saving.keras_file import load_model

        return load_model(self.file)

    @cached_property
    def original(self) -> "keras.Model | None":
        """The Keras model that the file was exported from, by the report beside it; None if it is not beside it.

        A report may come from somebody else: no file elsewhere is opened because a report names it.
        """
        from keras_cnns.saving.keras_file import load_model

        for row in self.exports:
            try:
                path = inside(self.folder, Path(str(row.get("source", ""))).name)
            except UserError:  # no name of a file, or a link out of the folder
                continue
            if path.suffix == ".keras" and path.is_file():
                return load_model(path)
        return None

    @property
    def task(self) -> str:
        """What its network is for; a classifier, where nothing else is known."""
        if self.recipe.get("labels") == "several":
            return "several labels at once"
        name = self.recipe.get("model") or self.card.name
        return entry(name).task if name in list_models() else "classification"

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) that the model takes."""
        if self.model is not None:
            shape = self.model.input_shape
        else:
            from keras_cnns.tflite.targets import runner

            if self.file is None:
                raise BadArgument("there is no model yet.")
            shapes = list(runner.ask("describe", file=str(self.file.resolve()))[0]["inputs"].values())
            shape = tuple(shapes[0]) if len(shapes) == 1 else None
        if not isinstance(shape, tuple) or len(shape) != 4 or any(n is None or n < 1 for n in shape[1:]):
            raise UnsupportedModel(f"it takes inputs of {shape}: pictures of a fixed size are needed.")
        return tuple(shape[1:])

    def split(self, which: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
        """(pictures uint8, labels, names) of "train" or "test", at most LIMIT, cropped as the run's evaluation does.

        Raises:
          UserError: with the reason why there are none.
        """
        if self.task != "classification":
            raise BadArgument(f"this is shown for classifiers, and the model is for {self.task}.")
        if self.file is None:
            raise BadArgument("there is no model yet.")
        if self.dataset is None:
            raise BadArgument(self.data_note)
        from keras_cnns.data.pipeline import load_arrays

        height, width, channels = self.shape
        trained_by = Card(source={"recipe": self.recipe}) if self.recipe else self.card
        where: dict[str, Any] = {
            "size": (height, width),
            "channels": channels,
            "limit": LIMIT,
            "data_dir": self.data_dir,
        }
        return load_arrays(self.dataset, which, **where | trained_by.view())

    @cached_property
    def held_out(self) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
        return self.split("test")

    @cached_property
    def probabilities(self) -> np.ndarray:
        """[n, classes] on the held-out pictures. Raises UserError where the model is no classifier of these classes."""
        pictures, _, names = self.held_out
        if self.model is not None:
            answers = self.model.predict(pictures, verbose=0)
        else:
            from keras_cnns.tflite.targets import runner

            if self.file is None:
                raise BadArgument("there is no model yet.")
            answers = runner.scores(self.file, pictures.astype("float32"))
        if isinstance(answers, dict | list | tuple) or np.ndim(answers) != 2 or answers.shape[1] != len(names):
            raise UnsupportedModel(f"the model is not a classifier of this data set's {len(names)} classes.")
        scores = np.asarray(answers, "float64")
        if not np.isfinite(scores).all():
            raise BadArgument("the model answers with values that are not finite.")
        if scores.min() < 0 or not np.allclose(scores.sum(1), 1, atol=1e-2):  # logits become probabilities
            scores = np.exp(scores - scores.max(1, keepdims=True))
        return scores / scores.sum(1, keepdims=True)


def subject(path: str | os.PathLike[str], *, dataset: str | None = None, data_dir: str | None = None) -> Subject:
    """The `Subject` at `path`: a run's folder, a `.keras` or a `.tflite` file.

    Raises:
      UserError: it is none of them.
    """
    path = path_of(path)
    if path.is_dir():
        return _of_run(path, dataset, data_dir)
    if path.suffix not in (".keras", ".tflite"):
        raise BadArgument(f"{path} is not a run folder, a .keras file or a .tflite file.")
    if not path.is_file():
        raise UnreadableFile(f"there is no file {path}.")
    card = read_card(path)
    recipe = card.source.get("recipe")
    recipe = recipe if isinstance(recipe, dict) else {}
    name = card.name or path.stem
    return Subject(
        name,
        path.parent,
        path,
        card,
        recipe,
        exports=_own(_exports(path.parent), path),
        **_data(recipe, None, dataset, data_dir),
    )


def _of_run(folder: Path, dataset: str | None, data_dir: str | None) -> Subject:
    recipe = _dict(folder / "recipe.json")
    if not recipe:
        raise BadArgument(f"{folder} holds no run: there is no recipe.json in it.")
    # the last one is what the run measured at its end and what is exported; while it is not there, the best so far
    file = next((folder / name for name in ("model.keras", "best.keras") if (folder / name).is_file()), None)
    return Subject(
        name=str(recipe.get("model", folder.name)),
        folder=folder,
        file=file,
        card=read_card(file) if file else Card(),
        recipe=recipe,
        history=_history(folder / "history.csv"),
        metrics=_dict(folder / "metrics.json"),
        exports=_exports(folder),
        **_data(recipe, folder, dataset, data_dir),
    )


def _history(path: Path) -> list[dict]:
    """The rows of a run's history, a number wherever there is one; none where there is no such file."""
    if not path.is_file():
        return []
    try:
        with open(path, encoding="utf-8", newline="") as lines:
            return [{k: _number(v) for k, v in row.items() if k} for row in csv.DictReader(lines)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFile(f"cannot read {path}: {first_line(error)}") from error


def _data(recipe: dict[str, Any], folder: Path | None, dataset: str | None, data_dir: str | None) -> dict[str, Any]:
    """Where the pictures are: as the caller says, and otherwise as the recipe may say."""
    if dataset:
        return {"dataset": dataset, "data_dir": data_dir}
    recipe = recipe if data_dir is None else recipe | {"data_dir": None}
    try:
        own, own_dir = own_data(recipe, folder)
    except UserError as error:
        return {"data_note": str(error)}
    return {"dataset": own, "data_dir": data_dir or own_dir}


def _exports(folder: Path) -> list[dict]:
    """The reports of exported files in the folder, as they were written; files of other programs are passed over."""
    reports: list[dict] = []
    for path in sorted(folder.glob("*.json")):
        try:
            values = _json(path)
        except UserError:
            continue
        rows = values.get("exports", [values]) if isinstance(values, dict) else values
        reports += filter(_is_report, rows if isinstance(rows, list) else [])
    return reports


def _own(reports: list[dict], file: Path) -> list[dict]:
    """Of the reports in the folder of a file, its own; all of them if none names it."""
    return [row for row in reports if Path(str(row.get("path", ""))).name == file.name] or reports


def _is_report(row: Any) -> bool:
    """Whether this is what `tflite.Report.to_dict` writes."""
    if not isinstance(row, dict):
        return False
    texts = isinstance(row.get("scheme"), str) and isinstance(row.get("status"), str)
    return texts and number(row.get("size_bytes"))


def _dict(path: Path) -> dict:
    """What a JSON file of a run holds; nothing where there is no such file."""
    values = _json(path)
    if not isinstance(values, dict):
        raise BadArgument(f"{path} holds {kind(values)}, not a dict: it is not a file of a run.")
    return values


def _json(path: Path) -> Any:
    try:
        return read_json(path)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UnreadableFile(f"cannot read {path}: {first_line(error)}") from error


def _number(text: Any) -> Any:
    try:
        return float(text)
    except (TypeError, ValueError):
        return text
