"""The source code that runs a finished file in an app: Kotlin, Swift or Python, from one template each; a web page.

    write("net.tflite", "android")  # net.kt
    write("net.tflite", "web")      # the folder net_web, see `web_page.py`
    write("net.tflite")             # net.md, with the Kotlin and the Swift code

The code opens the file, turns a picture into the bytes the network takes, cut as in training, and gives classes, boxes
or masks with their names. Every name is escaped for its language (`support/escaping.py`).
"""

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from keras_cnns.export_scripts.app_facts import AppFacts, Tensor, app_facts, input_words
from keras_cnns.export_scripts.generated import check_replaceable
from keras_cnns.export_scripts.web_page import write_page
from keras_cnns.support import escaping
from keras_cnns.support.atomic_files import write_text
from keras_cnns.support.errors import BadArgument, UnsupportedModel, nearest
from keras_cnns.version import __version__

TEMPLATES = {"android": "android.kt", "ios": "ios.swift", "python": "python.py"}  # by platform
WEB = "web"
PLATFORMS = (*TEMPLATES, WEB)
LABELS_AT_ONCE = 1000  # in one list; a function of the JVM holds at most 64 kB of code

KOTLIN_ARRAYS = {
    **{"float32": "FloatArray", "uint8": "ByteArray", "int8": "ByteArray"},
    **{"int32": "IntArray", "int64": "LongArray"},
}
SWIFT_TYPES = {"float32": "Float32", "uint8": "UInt8", "int8": "Int8", "int32": "Int32", "int64": "Int64"}
LIMITS = {"uint8": (0, 255), "int8": (-128, 127)}


def write(path: str | Path, platform: str | None = None) -> Path | None:
    """Writes the code that runs the file at `path` beside it, under its name.

    Args:
      path: a `.tflite` file.
      platform: "android" (NAME.kt), "ios" (NAME.swift), "python" (NAME.py) or "web" (the folder NAME_web); None: a
        page with the Kotlin and the Swift code (NAME.md), if there is code for such a file.

    Returns:
      The path of what was written; None where `platform` is None and there is no code for such a file.

    Raises:
      UnsupportedModel: `platform` is given, and the file is not a classifier, detector or segmenter of one picture.
      NotInstalled: `platform` is "web", and LiteRT.js is missing.
      UserError: there is no such file or platform, it cannot be written, or a file of its name was not generated.
    """
    if platform is not None and platform not in PLATFORMS:
        raise BadArgument(
            f"there is no app source for {platform!r}: choose from "
            f"{', '.join(PLATFORMS)}.{nearest(platform, PLATFORMS)}"
        )
    if platform == WEB:
        return write_page(path)
    try:
        facts = app_facts(path)
    except UnsupportedModel:
        if platform is None:
            return None
        raise
    suffix = ".md" if platform is None else Path(TEMPLATES[platform]).suffix
    target = Path(path).with_suffix(suffix)
    check_replaceable([target])
    write_text(target, page(facts) if platform is None else source(facts, platform))
    return target


def source(facts: AppFacts, platform: str) -> str:
    """The source code for a platform of `TEMPLATES`."""
    return _environment().get_template(f"{TEMPLATES[platform]}.jinja").render(_values(facts))


def page(facts: AppFacts) -> str:
    """A Markdown page with the code for Android and for iOS."""
    values = _values(facts) | {"android": source(facts, "android"), "ios": source(facts, "ios")}
    return _environment().get_template("page.md.jinja").render(values)


@cache
def _environment() -> jinja2.Environment:
    """Jinja with a filter for each language. Nothing is escaped on its own: each place says for which language."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "kotlin": escaping.kotlin_string,
        "swift": escaping.swift_string,
        "python": escaping.python_string,
        "md": escaping.markdown_text,
        "code": escaping.markdown_code,
        "comment": escaping.comment_text,
        "docstring": lambda text: text.replace("\\", "/").replace('"', "'"),
    }
    return environment


def _values(facts: AppFacts) -> dict[str, Any]:
    """What the templates read."""
    low, high = LIMITS.get(facts.input.type, (0, 255))
    _, height, width, channels = facts.input.shape
    scores, boxes = facts.outputs["scores"], facts.outputs.get("boxes")
    parts = [facts.labels[i : i + LABELS_AT_ONCE] for i in range(0, len(facts.labels), LABELS_AT_ONCE)] or [()]
    return {
        **{"name": facts.name, "file": facts.file, "stem": Path(facts.file).stem, "version": __version__},
        **{"task": facts.task, "height": height, "width": width, "channels": channels, "classes": scores.shape[-1]},
        **{"labels": facts.labels, "label_parts": parts, "crop": facts.crop, "crop_fraction": facts.crop_fraction},
        **{"mean": facts.mean, "std": facts.std, "plain_scale": not any(facts.mean) and set(facts.std) == {1.0}},
        "input": {
            **{"type": facts.input.type, "scale": facts.input.scale, "zero_point": facts.input.zero_point},
            **{"low": low, "high": high, "words": input_words(facts)},
            "bytes": height * width * channels * (4 if facts.input.type == "float32" else 1),
        },
        **{"scores": scores, "boxes": boxes, "class_numbers": facts.outputs.get("classes")},
        **{"class_map": facts.outputs.get("class_map"), "count": boxes.shape[1] if boxes else 0},
        "kotlin_array": lambda tensor: KOTLIN_ARRAYS[tensor.type],
        "swift_type": lambda tensor: SWIFT_TYPES[tensor["type"] if isinstance(tensor, dict) else tensor.type],
        "value": _kotlin_value,
        "swift_value": lambda tensor, number: _scaled(tensor, f"Float({number})", ""),
        "kotlin_put": lambda pixel, channel: _kotlin_put(facts, pixel, channel),
        "swift_put": lambda pixel, channel: _swift_put(facts, pixel, channel),
    }


def _scaled(tensor: Tensor, number: str, end: str) -> str:
    """The value of a number of an output, in any of the languages. end: of a literal, "f" in Kotlin."""
    if not tensor.scale:
        return number
    less = f"({number} - {tensor.zero_point})" if tensor.zero_point else number
    return f"{tensor.scale!r}{end} * {less}"


def _kotlin_value(tensor: Tensor, number: str) -> str:
    if tensor.type == "uint8":
        return _scaled(tensor, f"({number}.toInt() and 0xFF)", "f")
    return _scaled(tensor, number if tensor.type == "float32" else f"{number}.toInt()", "f")


def _mapping(facts: AppFacts, channel: int) -> tuple[float, float]:
    """(factor, summand): what the input takes is factor * pixel + summand, before it is rounded."""
    factor, summand = 1 / facts.std[channel], -facts.mean[channel] / facts.std[channel]
    if facts.input.scale:
        factor, summand = factor / facts.input.scale, summand / facts.input.scale + facts.input.zero_point
    close = round(factor), round(summand)  # 1 and 0, or -128, of an input for a camera's bytes
    return close if abs(factor - close[0]) * 255 + abs(summand - close[1]) < 1e-3 else (factor, summand)


def _kotlin_put(facts: AppFacts, pixel: str, channel: int) -> str:
    factor, summand = _mapping(facts, channel)
    if facts.input.type == "float32":
        return f"buffer.putFloat({_linear(factor, summand, f'({pixel})', 'f')}.toFloat())"
    if (factor, summand) in ((1, 0), (1, -128)):
        return f"buffer.put(({pixel}{' - 128' if summand else ''}).toByte())"
    low, high = LIMITS[facts.input.type]
    number = f"({_linear(factor, summand, f'({pixel})', 'f')}).toFloat().roundToInt()"
    return f"buffer.put({number}.coerceIn({low}, {high}).toByte())"


def _swift_put(facts: AppFacts, pixel: str, channel: int) -> str:
    number = _linear(*_mapping(facts, channel), pixel, "")
    if facts.input.type == "float32":
        return number
    low, high = LIMITS[facts.input.type]
    return f"{SWIFT_TYPES[facts.input.type]}(max({low}, min({high}, ({number}).rounded())))"


def _linear(factor: float, summand: float, pixel: str, end: str) -> str:
    """factor * pixel + summand as source code, without what changes nothing."""
    product = pixel if factor == 1 else f"{float(factor)!r}{end} * {pixel}"
    if not summand:
        return product if factor == 1 else f"({product})"
    return f"({product} {'-' if summand < 0 else '+'} {abs(float(summand))!r}{end})"
