"""Deep recursion gets a large stack of its own, and leaves no trace in the process."""

import sys
import threading

import pytest

from keras_cnns.support import recursion
from keras_cnns.support.errors import UserError
from keras_cnns.support.recursion import with_headroom


def down(n):
    return n and 1 + down(n - 1)


@pytest.fixture(autouse=True)
def nothing_stays():
    before = sys.getrecursionlimit(), threading.stack_size(), threading.active_count()
    yield
    assert (sys.getrecursionlimit(), threading.stack_size(), threading.active_count()) == before


def test_a_call_that_outgrows_the_stack_gets_a_larger_one():
    depth = sys.getrecursionlimit() + 500
    with pytest.raises(RecursionError):
        down(depth)
    assert with_headroom(lambda: down(depth)) == depth


def test_a_call_without_end_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(recursion, "DEPTH", 5_000)
    with pytest.raises(UserError, match="nests more than 5,000 calls deep"):
        with_headroom(lambda: down(10**9))


def test_an_error_of_the_call_is_the_callers():
    def fails():
        down(sys.getrecursionlimit() + 500 if threading.current_thread() is threading.main_thread() else 0)
        raise KeyError("x")

    with pytest.raises(KeyError):
        with_headroom(fails)


def test_thread_local_settings_come_along():
    local = threading.local()
    local.policy = "float16"

    def policy():
        down(sys.getrecursionlimit() + 500 if threading.current_thread() is threading.main_thread() else 0)
        return local.policy

    assert with_headroom(policy, share=(local,)) == "float16"


def test_where_there_is_no_such_stack_a_line_says_so(monkeypatch):
    monkeypatch.setattr(recursion, "STACK", 1)
    with pytest.raises(UserError, match="no memory for the stack"):
        with_headroom(lambda: down(sys.getrecursionlimit() + 500))
