"""Progress: plain lines where the output is no terminal, nothing in a quiet command or outside of one."""

import pytest

from keras_cnns.support import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets; seconds."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def work(clock, seconds, parts):
    for _ in progress.track(range(parts), "rounding"):
        clock[0] += seconds


def test_a_long_loop_says_how_far_it_is_and_what_is_left(clock, capsys):
    with progress.shown():
        work(clock, 6, 10)
    out, err = capsys.readouterr()
    assert not out and err.splitlines()[0].split() == [
        "12",
        "s",
        "rounding:",
        "2",
        "of",
        "10,",
        "about",
        "48",
        "s",
        "left",
    ]
    assert len(err.splitlines()) == 4  # every ten seconds at most


def test_what_is_done_within_five_seconds_prints_nothing(clock, capsys):
    with progress.shown():
        work(clock, 0.4, 10)
    assert capsys.readouterr() == ("", "")


def test_a_step_that_begins_later_is_named(clock, capsys):
    with progress.shown():
        work(clock, 0.6, 10)
        with progress.step("converting"):
            pass
    assert capsys.readouterr().err.split() == ["6", "s", "converting"]


def test_quiet_and_no_command_print_nothing(clock, capsys):
    work(clock, 60, 3)
    with progress.shown(quiet=True):
        assert progress.is_quiet()
        work(clock, 60, 3)
    assert capsys.readouterr() == ("", "") and not progress.is_quiet()


def test_a_terminal_gets_bars_which_are_gone_at_the_end(monkeypatch, clock):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    with progress.shown():
        display = progress._display.get()
        with progress.step("candidates", 2):
            work(clock, 1, 3)
            progress.advance()
            assert [task.description for task in display.progress.tasks] == ["candidates"]
    assert isinstance(display, progress.Bars) and not display.tasks


@pytest.mark.parametrize("seconds, text", [(4.4, "4 s"), (95, "1:35"), (3600, "1:00:00")])
def test_durations(seconds, text):
    assert progress.duration(seconds) == text
