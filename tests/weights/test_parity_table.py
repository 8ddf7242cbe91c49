"""The table in the docs has a row for every network that others have too, and none of its rows fails."""

from pathlib import Path

from keras_cnns.registry.registry import entry
from tests.weights.parity import HEAD, ROWS, TOLERANCE

TABLE = Path(__file__).parents[2] / "docs" / "measurements" / "parity.md"


def rows():
    return [line.strip("| ").split(" | ") for line in TABLE.read_text().removeprefix(HEAD).splitlines()]


def test_every_pair_has_a_row_and_every_figure_agrees():
    assert [(name, peer) for name, peer, *_ in rows()] == [
        (name, f"{origin} {theirs}") for origin, name, theirs in ROWS
    ]
    figures = [figure for row in rows() for figure in (row[3], row[5]) if figure != "-"]
    assert all(0 <= float(figure) < TOLERANCE for figure in figures)


def test_each_family_was_measured_beside_each_library_that_has_it():
    measured = {(entry(name).family, peer.split()[0]) for name, peer, *row in rows() if row[3] != "-"}
    assert measured == {(entry(name).family, origin) for origin, name, _ in ROWS}
