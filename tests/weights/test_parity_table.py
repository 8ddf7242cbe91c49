"""The table in the docs has a row for every network that others have too, and none of its rows fails."""

from pathlib import Path

from tests.weights.parity import HEAD, ROWS, TOLERANCE

TABLE = Path(__file__).parents[2] / "docs" / "measurements" / "parity.md"


def test_every_pair_was_measured_at_two_sizes_and_agrees():
    rows = [line.strip("| ").split(" | ") for line in TABLE.read_text().removeprefix(HEAD).splitlines()]
    assert [(name, peer) for name, peer, *_ in rows] == [(name, f"{origin} {theirs}") for origin, name, theirs in ROWS]
    assert all(0 <= float(figure) < TOLERANCE for row in rows for figure in (row[3], row[5]))
