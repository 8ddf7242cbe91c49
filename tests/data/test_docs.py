"""docs/data.md has a row for every kind of picture and for every change between two starts; the slow tests try them."""

from pathlib import Path

import pytest

from tests.data import kinds, pictures_table
from tests.training import changes

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


def test_every_change_between_two_starts_is_there():
    found = rows(changes.MARKS)
    assert set(found) == set(changes.CHANGES)
    assert found["nothing"] == ["goes on", "is read", "measured", "starts with them"]


@pytest.mark.slow
@pytest.mark.parametrize("change", changes.CHANGES)
def test_what_a_change_does(change):
    assert list(changes.outcomes(changes.CHANGES[change]).values()) == rows(changes.MARKS)[change]


@pytest.mark.slow
def test_what_commands_make_of_pictures():
    whole, damaged = pictures_table.tables()
    for marks, lines in ((pictures_table.MARKS, whole), (pictures_table.BROKEN, damaged)):
        assert "\n".join(lines) in TEXT, marks
