"""Which file of a folder holds the weights, and weights that lie in several files."""

import os
import re
from pathlib import Path

from keras_cnns.support.errors import BadArgument, UnreadableFile
from keras_cnns.support.untrusted import read_json

IN_FOLDERS = ("model.safetensors", "pytorch_model.bin", "model.weights.h5")
INDEXES = (".index.json", ".weights.json")  # of hubs, and of Keras: which tensor is in which file
PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})(\.safetensors|\.bin)$")
KERAS_PART = re.compile(r"(.+)_\d{5}\.weights\.h5$")
ENDINGS = (".safetensors", ".bin", ".pth", ".pt", ".ckpt", ".tar", ".h5", ".keras")
CHECKPOINT = "a checkpoint of TensorFlow: load it in TensorFlow and save the model's weights as .weights.h5."


def file_in(path: str | os.PathLike[str]) -> Path:
    """The file at `path`; in a folder the one of a hub, the index of its parts, or the only file of weights there.

    Raises:
      UserError: a folder with none, or with several.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    usual = next((path / name for name in IN_FOLDERS if (path / name).is_file()), None)
    usual = usual or next((index for ending in INDEXES for index in sorted(path.glob(f"*{ending}"))), None)
    if usual is not None:
        return usual
    if (path / "saved_model.pb").is_file():
        raise UnreadableFile(
            f"{path} is a SavedModel: open it in TensorFlow and save the model's weights as .weights.h5."
        )
    several = sorted(f for f in path.iterdir() if f.is_file() and f.name.lower().endswith(ENDINGS))
    if len(several) > 1 and not all(PART.fullmatch(f.name) for f in several):
        raise BadArgument(f"{path} holds {', '.join(f.name for f in several[:5])}: give the one you want.")
    if several:
        return several[0]
    if (path / "checkpoint").is_file() or any(path.glob("*.data-0*-of-0*")):
        raise UnreadableFile(f"{path} holds {CHECKPOINT}")
    raise UnreadableFile(f"{path} is a folder with none of {', '.join(IN_FOLDERS)} in it: give the file.")


def check_is_no_checkpoint(path: Path) -> None:
    """Raises UserError if `path` is the common beginning of the files of a TensorFlow checkpoint."""
    if not path.exists() and path.with_name(f"{path.name}.index").is_file():
        raise UnreadableFile(f"{path} is {CHECKPOINT}")


def parts(path: Path) -> list[Path]:
    """The files that share the weights at `path`: itself, or all that its index or its own name lists.

    Raises:
      UserError: one of them is missing, or the index cannot be read.
    """
    named, of_keras = PART.fullmatch(path.name), KERAS_PART.fullmatch(path.name)
    index = path.with_name(f"{of_keras[1]}.weights.json") if of_keras else path
    if named:
        stem, _, count, ending = named.groups()
        names = [f"{stem}-{i:05}-of-{count}{ending}" for i in range(1, int(count) + 1)]
    elif index.name.endswith(INDEXES) and (index.is_file() or not of_keras):
        names = _listed(index)
    else:
        return [path]
    missing = next((name for name in names if not (path.parent / name).is_file()), None)
    if missing or not names:
        raise UnreadableFile(
            f"the weights of {path} lie in {len(names)} files, and {missing or 'none'} is not beside it: fetch it too."
        )
    return [path.parent / name for name in names]


def _listed(index: Path) -> list[str]:
    """The names of the files in an index: {"weight_map": {tensor: file, or a list of files}}."""
    try:
        files = read_json(index)["weight_map"].values()
        names = [name for entry in files for name in ([entry] if isinstance(entry, str) else entry)]
        return sorted({Path(name).name for name in names})
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnreadableFile(f"cannot read {index}, which should list the files of the weights: {error}.") from None
