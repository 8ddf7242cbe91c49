"""The commands that the counts of full disks and of killed processes run, in forked children, with files made once."""

import os
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from keras_cnns.support.streams import import_tensorflow

SECONDS = float(os.environ.get("COUNTS_SECONDS", "60"))  # for one command; more on a busy machine
SOUND_ENDS = (0, 1, 2)  # done; `check` found a fault; a mistake, in one line
QUICK = ("--epochs", "1", "--max-steps", "3", "--batch-size", "4", "--strategy", "one")
RECIPE = """from keras_cnns.training import Recipe
RECIPE = Recipe("lenet5", input_shape=(32, 32, 1), dataset="folder:{data}", out="run")
"""


@dataclass
class Files:
    """What the commands read: `model` .keras, `file` .tflite, `pictures` in class folders, `script` a recipe."""

    model: Path
    file: Path
    pictures: Path
    script: Path

    @classmethod
    def made(cls, folder: Path) -> "Files":
        """Makes them in a child, so that TensorFlow is loaded here and not started."""
        files = cls(folder / "net.keras", folder / "net.tflite", folder / "pictures", folder / "tiny.py")
        for name, value in (("dark", 20), ("light", 220)):
            (files.pictures / name).mkdir(parents=True)
            for n in range(8):
                Image.new("L", (32, 32), value + n).save(files.pictures / name / f"{n}.png")
        files.script.write_text(RECIPE.format(data=files.pictures))

        def work() -> None:
            import keras_cnns
            from keras_cnns.saving.card import Card, write_card
            from keras_cnns.tflite import export

            network = keras_cnns.build("lenet5", classes=2, include_preprocessing=True)
            network.save(files.model)
            write_card(files.model, Card("lenet5", ("dark", "light")))
            export(files.model, files.file, force=True)

        assert in_child(work, folder, seconds=300).status == 0, "the files could not be made"
        return files

    def commands(self) -> dict[str, list[str]]:
        """Every command by its name, with outputs in the current folder."""
        model, file, picture = str(self.model), str(self.file), str(self.pictures / "dark" / "0.png")
        return {
            "list": ["list"],
            "show": ["show", model],
            "recipes": ["recipes", "copy", "lenet5_digits"],
            "train": ["train", str(self.script), *QUICK],
            "export": ["export", model, "--scheme", "float32", "--out", "out.tflite", "--force"],
            "predict": ["predict", picture, "--model", file, "--json"],
            "benchmark": ["benchmark", file, "--runs", "2"],
            "check": ["check", file],
            "explain": ["explain", model, picture, "--out", "maps"],
            "compare": ["compare", "lenet*", "--out", "chart.html"],
            "report": ["report", model, "--out", "report.html"],
            "search": ["search", "pictures", picture, "--model", model, "--out", "found"],
            "figure": ["figure", "field", "lenet5", "--out", "figure.png"],
        }


@dataclass
class End:
    """How a child ended. status: its exit code, negative for a signal, None after too long a time. text: its errors."""

    status: int | None
    text: str
    seconds: float


def in_child(
    work: Callable[[], None],
    folder: Path,
    *,
    seconds: float,
    kill_after: float | None = None,
    temporary: Path | None = None,
    user: int | None = None,
) -> End:
    """Runs a function in a forked child whose current folder is `folder`; it is killed after `kill_after` seconds.

    temporary: its folder for temporary files. user: the number of the user that it becomes.
    """
    log = tempfile.NamedTemporaryFile(prefix="count-", delete=False)  # noqa: SIM115 deleted below
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        if temporary:
            os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
        if user is not None:
            os.setgid(user)
            os.setuid(user)
        status = 70
        try:
            work()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            import atexit

            try:
                atexit._run_exitfuncs()
                sys.stdout.flush()
            except BaseException:
                pass
            os._exit(status)
    begun = time.monotonic()
    limit = seconds if kill_after is None else min(seconds, kill_after)
    status: int | None = None
    while time.monotonic() - begun < limit:
        ended, code = os.waitpid(child, os.WNOHANG)
        if ended:
            status = os.waitstatus_to_exitcode(code)
            break
        time.sleep(0.005)
    else:
        # after a hang the whole group, otherwise not: nobody kills a runtime's process for us
        (os.kill if kill_after is not None else os.killpg)(child, signal.SIGKILL)
        os.waitpid(child, 0)
        status = -signal.SIGKILL if kill_after is not None else None
    text = Path(log.name).read_text(errors="replace")
    log.close()
    os.unlink(log.name)
    return End(status, text, time.monotonic() - begun)


def run(words: list[str], folder: Path, **options) -> End:
    """Runs `keras-cnns WORDS` in a forked child."""
    from keras_cnns.cli import commands

    def work() -> None:
        sys.argv = ["keras-cnns", *words]
        commands.main(words)

    return in_child(work, folder, **{"seconds": SECONDS, **options})


def load_everything() -> None:
    """Imports what the commands import, so that children need not; starts nothing."""
    os.environ.setdefault("MPLBACKEND", "agg")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import encodings.cp437  # noqa: F401  of zip archives; another user may have no right to read the library

    import keras  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import tensorflow_datasets  # noqa: F401

    import keras_cnns.training.trainer  # noqa: F401
    from keras_cnns.cli import commands  # noqa: F401
    from keras_cnns.insight import compare, explain, search  # noqa: F401
    from keras_cnns.insight.report import report  # noqa: F401
    from keras_cnns.tflite import export  # noqa: F401

    _ = import_tensorflow


def half_written(folder: Path) -> list[str]:
    """Files under their final names that are not complete, below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [str(path.relative_to(folder)) for path in files if not _complete(path)]


def left_over(*folders: Path) -> list[str]:
    """Temporary files and folders, by their names."""
    names = [path for folder in folders if folder.exists() for path in folder.rglob("*")]
    return [path.name for path in names if _is_temporary(path.name)]


def _is_temporary(name: str) -> bool:
    hidden = name.startswith(".") and name not in (".keras_cnns_index.npz",)
    begins, ends = ("keras_cnns-", "tmp", "__autograph"), (".part", "_temp", ".tempstate")
    return hidden or name.startswith(begins) or name.endswith(ends)


def _complete(path: Path) -> bool:
    if _is_temporary(path.name) or "log" in path.parts or "checkpoints" in path.parts:
        return True
    data = path.read_bytes()
    try:
        if path.suffix in (".keras", ".npz"):
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
        if path.suffix == ".tflite":
            from keras_cnns.tflite.file.reader import read_contents

            return bool(read_contents(path).subgraphs)
        if path.suffix == ".h5":
            return bool(h5py.is_hdf5(path))
        if path.suffix == ".json":
            import json

            json.loads(data)
        if path.suffix == ".html":
            return data.rstrip().endswith(b"</html>")
        if path.suffix == ".png":
            return bool(np.asarray(Image.open(path)).size)
        return bool(data) or path.suffix not in (".csv", ".py", ".md")
    except Exception:
        return False


def clear(folder: Path) -> None:
    """Empties a folder."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
