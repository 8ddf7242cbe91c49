"""A few hundred of the cases of `anything.py`: arguments and files of any sort end well or in one line."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.anything import World, hold


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", [name for name in World.KINDS if name not in ("columns", "recipes")])
def test_it_ends_well_or_in_one_line(world, kind, monkeypatch):
    monkeypatch.setenv("KERAS_CNNS_CACHE", str(world.folder / "cache"))

    @settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def cases(data):
        hold(world, data.draw(world.cases(kind)))

    cases()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["columns", "recipes"])
def test_so_do_networks_and_runs(world, kind):
    @settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def cases(data):
        hold(world, data.draw(world.cases(kind)))

    cases()
