"""Generated sources replace only files that were generated before: a script of the same name is somebody's work."""

import re
from collections.abc import Iterable
from pathlib import Path

from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import open_regular

MARK = re.compile(rb"(generated|written) by keras\\?_cnns", re.IGNORECASE)  # in every template
START = 1 << 14  # bytes; a page begins with words about the network


def check_replaceable(paths: Iterable[Path]) -> None:
    """Raises UnreadableFile if one of the files is there, and this package did not generate it."""
    for path in paths:
        if not path.exists():
            continue
        with open_regular(path) as file:
            content = file.read(START)
        if content and not MARK.search(content):
            raise UnreadableFile(f"{path} is there, and keras_cnns did not generate it: move it, or write elsewhere.")
