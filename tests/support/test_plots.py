"""The pictures of a run are readable whatever classes are called."""

import warnings

import numpy as np
import pytest
from PIL import Image

from keras_cnns.support import plots

NAMES = {
    "short": ["cat", "dog", "eel"],
    "long": [
        f"{word} that lives in the high mountains of the north, seen from behind" for word in ("cat", "dog", "eel")
    ],
    "without end": ["x" * 5000, "y" * 300, "z"],
    "lines": ["one\nline", "tab\tulator", "  "],
    "formulas": ["US$ bills$ and $coins", "a_b^{c", r"\frac{1"],
    "other scripts": ["猫", "собака", "🐟"],
    "numbers": [0, 1, 2],
}
MATRIX = np.array([[5, 2, 0], [1, 9, 3], [0, 0, 7]])


def drawn(path, names, matrix=MATRIX):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # letters that the font has not, layouts that collapse
        plots.confusion(matrix, names, path, "lenet5 on folder:/a/very/long/path/to/$some$/pictures/that/go/on/and/on")
    return np.asarray(Image.open(path).convert("L"))


def cells(pixels):
    """(width, height) of the matrix: of what its frame, the longest dark lines, encloses."""
    dark = pixels < 60
    rows, columns = ([i for i, line in enumerate(lines) if _run(line) > 100] for lines in (dark, dark.T))
    return columns[-1] - columns[0], rows[-1] - rows[0]


def _run(line):
    """How many pixels of a line are dark one after the other, at most."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], line, [0]]).astype(int)))
    return max((edges[1::2] - edges[::2]), default=0)


@pytest.mark.parametrize("names", NAMES)
def test_the_matrix_keeps_its_size_beside_its_names(names, tmp_path):
    width, height = cells(drawn(tmp_path / "x.png", NAMES[names]))
    assert abs(width - height) < 4 and width > 3 * 35, "a cell holds its number"
    assert max(Image.open(tmp_path / "x.png").size) < 900


def test_twenty_five_classes_and_a_thousand(tmp_path):
    names = [f"a class whose name is long, number {i}" for i in range(25)]
    assert cells(drawn(tmp_path / "x.png", names, np.eye(25, dtype=int)))[0] > 25 * 35
    drawn(tmp_path / "y.png", [f"{i}" * 40 for i in range(1000)], np.eye(1000, dtype=int))
    assert max(Image.open(tmp_path / "y.png").size) < 1200


def test_a_name_loses_its_middle():
    assert plots.shortened("abc", 9) == "abc"
    assert plots.shortened("abcdefghijkl", 9) == "abcd…ijkl"
    assert plots.shortened("a\n b", 9) == "a b"


@pytest.mark.parametrize("names", NAMES)
def test_bars(names, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.bars({str(name): 0.5 for name in NAMES[names]}, tmp_path / "x.png", "a title", "AP")
    assert max(Image.open(tmp_path / "x.png").size) < 900
