"""docs/data.md has a row for every kind of picture; the slow test tries them."""

from pathlib import Path

import pytest

from tests.data import kinds, pictures_table

TEXT = (Path(__file__).parents[2] / "docs" / "data.md").read_text()


def rows(marks):
    """{first cell: the others} of the table between two marks."""
    lines = TEXT.split(marks[0])[1].split(marks[1])[0].strip().splitlines()[2:]
    cells = [line.strip("| ").split(" | ") for line in lines]
    return {first: others for first, *others in cells}


def test_every_kind_of_picture_is_shown_by_every_command():
    found = rows(pictures_table.MARKS)
    whole = dict(kinds.kinds())
    assert set(found) | {"AVIF"} == set(whole) | {"AVIF"}
    assert all(cells == ["shown"] * len(pictures_table.WAYS) for cells in found.values())


def test_every_damage_is_refused_alike():
    found = rows(pictures_table.BROKEN)
    assert set(found) == set(kinds.damages(b"123456789" * 9))
    assert all(len(set(cells)) == 1 and cells[0].startswith("refused: it ") for cells in found.values())


@pytest.mark.slow
def test_what_commands_make_of_pictures():
    whole, damaged = pictures_table.tables()
    for marks, lines in ((pictures_table.MARKS, whole), (pictures_table.BROKEN, damaged)):
        assert "\n".join(lines) in TEXT, marks
