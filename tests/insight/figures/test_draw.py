"""Texts of figures come from outside: names of files and classes."""

import os

import numpy as np

from keras_cnns.insight.figures import draw


def test_a_name_that_is_not_in_utf8_and_one_with_dollars_are_drawn(tmp_path):
    name = os.fsdecode(b"pr\xe9$x^y$.png")
    assert draw.plain(name) == r"pr\udce9\$x^y\$.png"
    sheet = tmp_path / "sheet.png"
    draw.tiles_sheet(sheet, [np.zeros((8, 8, 3))], title=name, captions=[name])
    assert sheet.stat().st_size > 1000
