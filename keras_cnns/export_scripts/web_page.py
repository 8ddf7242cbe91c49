"""A page that runs a `.tflite` file in the browser: one folder with everything it needs, LiteRT.js included.

    write_page("net.tflite")  # the folder net_web

The page sends nothing anywhere: its Content-Security-Policy allows requests to its own folder only. It prepares
pictures with the arithmetic of `inference/pictures.py`, so that it answers as `keras_cnns.predict` does.
"""

import base64
import hashlib
import json
import os
import shutil
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from keras_cnns.export_scripts.app_facts import CLASSIFIER, DETECTOR, SEGMENTER, AppFacts, app_facts
from keras_cnns.support import escaping
from keras_cnns.support.errors import UnreadableFile, UnsupportedModel
from keras_cnns.support.temporary_folders import temporary_folder
from keras_cnns.support.untrusted import read_json
from keras_cnns.support.validation import path_of
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.targets.browser import BrowserTarget
from keras_cnns.tflite.targets.litert_js import LiteRTJS, find_litert_js, import_map
from keras_cnns.version import __version__

FACTS = "model.json"  # what page.js has to know of the file
GENERATOR = "keras_cnns web"
STATIC = ("page.js", "pixels.js", "answers.js", "page.css")
HEADINGS = {CLASSIFIER: "Classes", DETECTOR: "Objects", SEGMENTER: "Classes, by their share of the picture"}
MEGABYTE = 1e6


def write_page(path: str | Path, out: str | Path | None = None) -> Path:
    """Writes the folder of a page that runs the file at `path`: index.html, scripts, LiteRT.js, the file, its labels.

    Args:
      path: a `.tflite` file of a classifier, detector or segmenter of one picture, with float32 or uint8 inputs and
        outputs.
      out: the folder; by default NAME_web beside the file. One that this function wrote before is replaced.

    Returns:
      The folder. Serve it, for example with `python -m http.server`: browsers run no modules from the disk.

    Raises:
      NotInstalled: LiteRT.js is missing; the message has the npm command.
      UnsupportedModel: there is no page for such a file, or LiteRT.js does not run it.
      UserError: the file or the folder cannot be read or written, or the folder holds something else.

    >>> write_page("lenet5_int8.tflite")
    PosixPath('lenet5_int8_web')
    """
    path = path_of(path)
    package = find_litert_js()
    facts = app_facts(path)
    errors = [finding for finding in BrowserTarget().findings(read_contents(path)) if finding.severity == "error"]
    if errors:
        raise UnsupportedModel(f"{path} does not run in a browser: {errors[0].message}; {errors[0].fix}.")
    folder = path_of(out, "out") if out is not None else path.with_name(f"{path.stem}_web")
    _check_replaceable(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(folder.parent, prefix=f".{folder.name[:50]}-") as workplace:
            _fill(workplace / "new", path, facts, package)
            if folder.exists():
                os.replace(folder, workplace / "old")
            os.replace(workplace / "new", folder)
    except OSError as error:
        raise UnreadableFile(f"cannot write {folder}: {error.strerror or error}.") from error
    return folder


def _check_replaceable(folder: Path) -> None:
    """Raises UnreadableFile if there is something in `folder` that `write_page` did not write."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        written = read_json(folder / FACTS)["generator"] == GENERATOR
    except (OSError, ValueError, KeyError, TypeError):
        written = False
    if not written:
        raise UnreadableFile(f"{folder} exists, and keras-cnns web did not write it: give another folder (out).")


def _fill(folder: Path, path: Path, facts: AppFacts, package: LiteRTJS) -> None:
    folder.mkdir()
    shutil.copyfile(path, folder / "model.tflite")
    for name, source in package.files.items():
        (folder / "litert" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / "litert" / name)
    templates = Path(__file__).with_name("templates") / "web"
    shutil.copyfile(templates / "LICENSE.txt", folder / "litert" / "LICENSE.txt")
    for name in STATIC:
        shutil.copyfile(templates / name, folder / name)
    (folder / FACTS).write_text(json.dumps(_model(facts), indent=1) + "\n", encoding="utf-8")
    (folder / "index.html").write_text(index(facts, package.version, path.stat().st_size), encoding="utf-8")


def index(facts: AppFacts, litert_version: str, size_bytes: int) -> str:
    """The text of index.html."""
    modules = import_map("./litert/")
    _, height, width, channels = facts.input.shape
    kind = "grey" if channels == 1 else "colour"
    return (
        _environment()
        .get_template("index.html.jinja")
        .render(
            name=facts.name,
            task=facts.task,
            file=facts.file,
            summary=f"A {facts.task} of {width} × {height} {kind} pixels with {len(facts.labels)} classes.",
            heading=HEADINGS[facts.task],
            import_map=modules,
            policy=_policy(modules),
            size=f"{size_bytes / MEGABYTE:.2f} MB",
            litert=litert_version,
            version=__version__,
        )
    )


def _policy(modules: str) -> str:
    """The Content-Security-Policy: requests to the page's own folder only. The import map is allowed by its hash."""
    digest = base64.b64encode(hashlib.sha256(modules.encode()).digest()).decode()
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' 'wasm-unsafe-eval' 'sha256-{digest}'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _model(facts: AppFacts) -> dict[str, Any]:
    """The content of model.json."""
    _, height, width, channels = facts.input.shape
    frame = {"height": height, "width": width, "channels": channels, "mean": facts.mean, "std": facts.std}
    return {
        **{"generator": GENERATOR, "name": facts.name, "task": facts.task, "labels": facts.labels},
        "input": asdict(facts.input) | frame | {"crop": facts.crop, "crop_fraction": facts.crop_fraction},
        "outputs": {role: asdict(tensor) for role, tensor in facts.outputs.items()},
    }


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "templates/web"), undefined=jinja2.StrictUndefined
    )
    environment.filters["html"] = escaping.html_text
    return environment
