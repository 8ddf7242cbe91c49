"""Where LiteRT.js is installed, which version it is, and which of its files a page needs."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from keras_cnns.support.errors import NotInstalled

FOLDER = "KERAS_CNNS_LITERT_JS"  # the environment variable that names a folder node_modules
TESTED = "2.5.3"
INSTALL = f"npm install --global @litertjs/core@{TESTED}"
CORE, UTILS = "@litertjs/core", "@litertjs/wasm-utils"
# The loader of a page takes one of the two builds, by whether the browser has relaxed SIMD.
BUILDS = ("litert_wasm_internal", "litert_wasm_compat_internal")
FILES = (
    f"{CORE}/dist/index.js",
    f"{UTILS}/dist/index.js",
    *(f"{CORE}/wasm/{build}{suffix}" for build in BUILDS for suffix in (".js", ".wasm")),
)
WASM = f"{CORE}/wasm/"


@dataclass(frozen=True)
class LiteRTJS:
    """An installed LiteRT.js.

    Attributes:
      version: of @litertjs/core.
      files: path below node_modules, as in `FILES` -> the file.
    """

    version: str
    files: dict[str, Path]


def import_map(prefix: str) -> str:
    """What an import map of a page says, where the files of `FILES` are at `prefix`."""
    return json.dumps({"imports": {name: f"{prefix}{name}/dist/index.js" for name in (CORE, UTILS)}})


def find_litert_js() -> LiteRTJS:
    """The installed package: in the folder that KERAS_CNNS_LITERT_JS names, else among npm's global packages.

    The current folder has no part in it, so that no program beside a file is run.

    Raises:
      NotInstalled: it is missing or incomplete.
    """
    chosen = os.environ.get(FOLDER)
    folder = Path(chosen) if chosen else _global_packages()
    where = f"{FOLDER} is {chosen}" if chosen else f"neither {FOLDER} nor npm's global packages have it"
    if folder is None or not (folder / CORE / "package.json").is_file():
        raise NotInstalled(f"LiteRT.js is not installed: {INSTALL} ({where})")
    files = {name: folder / name for name in FILES}
    files |= {} if files[FILES[1]].is_file() else {FILES[1]: folder / CORE / "node_modules" / FILES[1]}  # not hoisted
    missing = [name for name, path in files.items() if not path.is_file()]
    if missing:
        raise NotInstalled(f"LiteRT.js in {folder} has no {missing[0]}: {INSTALL}")
    version = json.loads((folder / CORE / "package.json").read_text(encoding="utf-8")).get("version", "?")
    return LiteRTJS(str(version), files)


@cache
def _global_packages() -> Path | None:
    npm = shutil.which("npm")
    if npm is None:
        return None
    command = [npm, "root", "--global"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=Path(npm).parent, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return Path(answer.stdout.strip())
