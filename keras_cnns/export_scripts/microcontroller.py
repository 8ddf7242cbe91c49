"""A folder of C and C++ sources that classifies a picture with tflite-micro: `keras-cnns micro FILE.tflite`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from keras_cnns.export_scripts import c_arrays
from keras_cnns.export_scripts.app_facts import CLASSIFIER, AppFacts, app_facts, input_words
from keras_cnns.export_scripts.generated import check_replaceable
from keras_cnns.inference.pictures import read_picture
from keras_cnns.support import escaping
from keras_cnns.support.atomic_files import write_text
from keras_cnns.support.errors import BadArgument, UnsupportedModel
from keras_cnns.support.sizes import bytes_of, size_words
from keras_cnns.support.validation import path_of
from keras_cnns.tflite.check.check import normalization
from keras_cnns.tflite.file.contents import TFLiteFile
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.targets.memory import measured_memory
from keras_cnns.tflite.targets.tensors import quantize
from keras_cnns.tflite.targets.tflite_micro import ALIGNMENT, TFLiteMicro
from keras_cnns.tflite.targets.tflite_micro_operators import resolver_method
from keras_cnns.version import __version__

MOST_BYTES = 1 << 26  # of a file; its C source is four times as long
TEMPLATES = ("network.h", "operators.h", "main.cc", "Makefile", "README.md")


@dataclass(frozen=True)
class Microcontroller:
    """What was written.

    Attributes:
      folder: where; files: the names of the files in it.
      operators: the operators that are linked.
      model_bytes: of the .tflite file, in flash. arena_bytes: working memory, as measured.
      picture: the path of the picture in `picture.c`; None for a colour gradient.
      label, scores: the class that tflite-micro gives it, and the numbers of its output.
    """

    folder: Path
    files: tuple[str, ...]
    operators: tuple[str, ...]
    model_bytes: int
    arena_bytes: int
    picture: Path | None
    label: str
    scores: tuple[float, ...]


def write(
    path: str | Path,
    folder: str | Path | None = None,
    *,
    ram: int | str | None = None,
    flash: int | str | None = None,
    picture: str | Path | None = None,
) -> Microcontroller:
    """Writes sources that classify a picture with the `.tflite` file at `path` on a microcontroller.

    The arena is measured by tflite-micro's interpreter on this machine, which also computes the scores that the program
    has to give.

    Args:
      path: a `.tflite` file of a classifier of one picture.
      folder: where the sources go; by default NAME_micro beside the file.
      ram, flash: the most that arena and file may take, bytes or texts such as "256k"; None for any.
      picture: of any common format, cut as in training; by default a colour gradient.

    Raises:
      UnsupportedModel: tflite-micro cannot run it, it is no classifier of one picture, or it exceeds `ram` or `flash`.
      NotInstalled: tflite-micro is missing.
      UserError: a file cannot be read or written, one of these names is there and was not generated, or an argument
        cannot be used.

    >>> write("resnet8_int8.tflite", ram="256k", flash="1M").arena_bytes
    56240
    """
    path, target = path_of(path), TFLiteMicro()
    ram, flash = bytes_of(ram, "ram"), bytes_of(flash, "flash")
    destination = path.with_name(f"{path.stem}_micro") if folder is None else path_of(folder, "the folder")
    if destination.exists() and not destination.is_dir():
        raise BadArgument(f"{destination} is a file: give the name of a folder.")
    file = read_contents(path)
    if file.size_bytes > MOST_BYTES:
        raise UnsupportedModel(
            f"{path} has {size_words(file.size_bytes)}, too much for a microcontroller: use a smaller network."
        )
    facts = _facts(file, target)
    memory = measured_memory(target.placement(file), file)
    if excess := memory.excess(ram, flash):
        raise UnsupportedModel(f"{path} {' and '.join(excess)}.")
    table = _input_of_pixel(facts, file)
    stored = _stored_picture(facts, table, picture)
    answers = target.stored_outputs(file, {"0": stored[None, None]})
    scores = answers[str(facts.outputs["scores"].index)].reshape(-1)
    if memory.ram_bytes is None:
        raise UnsupportedModel(f"tflite-micro did not say what arena {path} needs.")
    sources = render(facts, file, memory.ram_bytes, table, stored, scores, has_picture=picture is not None)
    check_replaceable(destination / name for name in sources)
    for name, text in sources.items():
        write_text(destination / name, text)
    return Microcontroller(
        folder=destination,
        files=tuple(sources),
        operators=operators_of(file),
        model_bytes=file.size_bytes,
        arena_bytes=memory.ram_bytes,
        picture=None if picture is None else path_of(picture),
        label=facts.labels[int(scores.argmax())],
        scores=tuple(scores.tolist()),
    )


def operators_of(file: TFLiteFile) -> tuple[str, ...]:
    """The kinds of operators in all subgraphs, sorted."""
    return tuple(sorted({operator.name for graph in file.subgraphs for operator in graph.operators}))


def render(
    facts: AppFacts,
    file: TFLiteFile,
    arena_bytes: int,
    input_of_pixel: np.ndarray,
    picture: np.ndarray,
    scores: np.ndarray,
    *,
    has_picture: bool,
) -> dict[str, str]:
    """Name -> text of each source file.

    input_of_pixel: (channels, 256), what the input takes for each value of a pixel. picture: (height, width, channels)
    and scores: (classes,), as the file stores them.
    """
    _, height, width, channels = facts.input.shape
    score, best = facts.outputs["scores"], int(scores.argmax())
    values: dict[str, Any] = {
        **{"name": facts.name, "file": facts.file, "version": __version__},
        **{"height": height, "width": width, "channels": channels, "classes": score.shape[-1]},
        **{"model_size": file.size_bytes, "arena_size": arena_bytes, "input_words": input_words(facts)},
        "input_type": c_arrays.C_TYPES[facts.input.type],
        **{"score_type": c_arrays.C_TYPES[score.type], "score_index": score.index},
        "score_format": "%f" if score.type == "float32" else "%d",
        "score_words": f", value = {score.scale:.6g} * (n - ({score.zero_point}))" if score.scale else "",
        "resolver_methods": [resolver_method(name) for name in operators_of(file)],
        **{"has_picture": has_picture, "best": best, "best_label": facts.labels[best]},
    }
    environment = _environment()
    sources = {name: environment.get_template(f"{name}.jinja").render(values) for name in TEMPLATES}
    head = (
        f"// {escaping.comment_text(facts.name)}. Generated by keras_cnns {__version__}.\n" + '#include "network.h"\n\n'
    )
    model = c_arrays.byte_array("network_model", "[NETWORK_MODEL_SIZE]", file.path.read_bytes(), ALIGNMENT)
    pixels = c_arrays.number_array("network_input_of_pixel", "[NETWORK_CHANNELS][256]", input_of_pixel)
    size = "[NETWORK_HEIGHT * NETWORK_WIDTH * NETWORK_CHANNELS]"
    example = c_arrays.number_array("network_picture", size, picture.reshape(-1))
    expected = c_arrays.number_array("network_expected_scores", "[NETWORK_CLASSES]", scores)
    return {
        **sources,
        "model.c": head + model,
        "labels.c": head + c_arrays.text_array("network_labels", "[NETWORK_CLASSES]", facts.labels),
        "pixels.c": head + pixels,
        "picture.c": f"{head}{example}\n{expected}",
    }


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "templates/micro"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"comment": escaping.comment_text, "md": escaping.markdown_text}
    return environment


def _facts(file: TFLiteFile, target: TFLiteMicro) -> AppFacts:
    """The facts of a classifier that tflite-micro runs."""
    errors = [finding for finding in target.findings(file) if finding.severity == "error"]
    if errors:
        more = f" ({len(errors) - 1} more: keras-cnns check --target {target.name})" if len(errors) > 1 else ""
        raise UnsupportedModel(f"{file.path}: {errors[0].message}; {errors[0].fix}.{more}")
    facts = app_facts(file.path)
    if facts.task != CLASSIFIER:
        raise UnsupportedModel(f"{file.path} is a {facts.task}: sources for microcontrollers are for classifiers.")
    if facts.input.shape[0] != 1:
        raise UnsupportedModel(f"{file.path} takes {facts.input.shape[0]} pictures at a time: export it with batch=1.")
    mean, std = (np.broadcast_to(value, facts.input.shape[3]) for value in normalization(file, 0))
    return replace(facts, mean=tuple(mean.tolist()), std=tuple(std.tolist()))


def _input_of_pixel(facts: AppFacts, file: TFLiteFile) -> np.ndarray:
    """What the input stores for pixels from 0 to 255: (channels, 256)."""
    (tensor,) = file.inputs.values()
    pixels = np.arange(256, dtype=np.float32)
    scales = zip(facts.mean, facts.std, strict=True)
    return np.stack([quantize(((pixels - mean) / std).astype(np.float32), tensor) for mean, std in scales])


def _stored_picture(facts: AppFacts, table: np.ndarray, path: str | Path | None) -> np.ndarray:
    """A picture as the input takes it, (height, width, channels)."""
    _, height, width, channels = facts.input.shape
    if path is None:
        rows, columns = np.indices((height, width))
        red, green = 255 * columns // max(width - 1, 1), 255 * rows // max(height - 1, 1)
        pixels = np.stack([red, green, np.full_like(red, 128)][:channels], axis=-1)
    else:
        options: dict[str, Any] = {"crop": facts.crop, "crop_fraction": facts.crop_fraction}
        pixels = read_picture(path, (height, width, channels), **options).astype(np.int64)
    return table[np.arange(channels), pixels]
