"""Which file of a folder holds the weights, and weights that lie in several files, as hubs cut large ones."""

import re
from pathlib import Path

from keras_cnns.support.atomic_files import read_json
from keras_cnns.support.errors import UserError

IN_FOLDERS = ("model.safetensors", "pytorch_model.bin", "model.weights.h5")
INDEX = ".index.json"  # beside the parts: which tensor is in which
PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})(\.safetensors|\.bin)$")
ENDINGS = (".safetensors", ".bin", ".pth", ".pt", ".ckpt", ".tar", ".h5", ".keras")


def file_in(path) -> Path:
    """The file at `path`; in a folder the one of a hub, the index of its parts, or the only file of weights there.

    Raises:
      UserError: a folder with none, or with several.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    found = next((path / name for name in IN_FOLDERS if (path / name).is_file()), None)
    found = found or next(iter(sorted(path.glob(f"*{INDEX}"))), None)
    if found is None and (path / "saved_model.pb").is_file():
        raise UserError(f"{path} is a SavedModel: open it in TensorFlow and save the model's weights as .weights.h5.")
    several = sorted(f for f in path.iterdir() if f.is_file() and f.name.lower().endswith(ENDINGS))
    if found is None and len(several) > 1 and not all(PART.fullmatch(f.name) for f in several):
        raise UserError(f"{path} holds {', '.join(f.name for f in several[:5])}: give the file that is meant.")
    if found is None and not several:
        raise UserError(f"{path} is a folder with none of {', '.join(IN_FOLDERS)} in it: give the file.")
    return found or several[0]


def parts(path) -> list[Path]:
    """The files that the weights at `path` lie in: itself, or all that its index or its own name speaks of.

    Raises:
      UserError: one of them is not there, or the index cannot be read.
    """
    named = PART.fullmatch(path.name)
    if named:
        stem, _, count, ending = named.groups()
        names = [f"{stem}-{i:05}-of-{count}{ending}" for i in range(1, int(count) + 1)]
    elif path.name.endswith(INDEX):
        try:
            index = read_json(path.read_text(encoding="utf-8"))["weight_map"]
            names = sorted({Path(name).name for name in index.values()})
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise UserError(f"cannot read {path}, which should say where the weights lie: {error}.") from None
    else:
        return [path]
    missing = next((name for name in names if not (path.parent / name).is_file()), None)
    if missing or not names:
        raise UserError(
            f"the weights of {path} lie in {len(names)} files, and {missing or 'none'} is not beside it: fetch it too."
        )
    return [path.parent / name for name in names]
