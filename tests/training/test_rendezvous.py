"""Workers come together, or each of them ends in a line: nobody waits for ever."""

import json
import socket
import threading
import time

import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.training import distribute, rendezvous


def addresses(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    result = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    return result


def together(*workers, patience=20.0):
    """What becomes of workers (addresses, index, seconds until it starts): "met", or its line."""
    outcome = ["hangs"] * len(workers)

    def work(place, where, index):
        try:
            rendezvous.meet(where, index, patience)
            outcome[place] = "met"
        except UserError as error:
            outcome[place] = str(error)

    timers = [threading.Timer(w[2], work, (k, *w[:2])) for k, w in enumerate(workers)]
    for timer in timers:
        timer.daemon = True
        timer.start()
    for timer in timers:
        timer.join(30)
    return outcome


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_all_that_come_meet_in_whatever_order_and_may_meet_again(order):
    where = addresses(3)
    for _ in range(2):
        assert together(*((where, index, 0.1 * k) for k, index in enumerate(order))) == ["met"] * 3


@pytest.mark.parametrize("indices", [(0, 0), (1, 1), (0, 1, 1), (0, 2, 2)])
def test_two_workers_with_one_index_end_with_one_line_each(indices):
    where, began = addresses(max(2, len(indices))), time.monotonic()
    result = together(*((where, index, 0.2 * k) for k, index in enumerate(indices)))
    assert all(f"another worker was started with --index {indices[-1]}" in line for line in result), result
    assert time.monotonic() - began < 10


def test_two_workers_with_one_index_on_two_machines(monkeypatch):
    """Both have the port, each on its own machine: the first worker sees that two say the same of themselves."""
    where = addresses(3)
    real = socket.create_server
    monkeypatch.setattr(
        socket, "create_server", lambda at, **more: real(("", at[1] if at[1] == int(where[0][10:]) else 0), **more)
    )
    result = together((where, 0, 0.0), (where, 1, 0.1), (where, 1, 0.2))
    assert all("two workers were started with --index 1" in line for line in result), result


@pytest.mark.parametrize("index", [0, 1])
def test_a_port_in_use_ends_with_one_line_on_every_worker(index, monkeypatch):
    monkeypatch.setattr(rendezvous, "ANSWER", 1.0)
    where = addresses(2)
    with socket.create_server(("", int(where[index].rpartition(":")[2]))):
        result = together((where, 0, 0.0), (where, 1, 0.1))
    assert f"of worker {index} cannot be used (address already in use)" in result[index]
    assert ("cannot be used" if index else "does not answer as worker 0") in result[1 - index]


def test_who_does_not_come_is_named():
    where = addresses(4)
    result = together((where, 0, 0.0), (where, 2, 0.1), patience=1.0)
    assert result == ["workers 1, 3 did not connect: start all 4 workers."] * 2
    where = addresses(2)
    assert "worker 0 did not answer" in together((where, 1, 0.0), patience=0.5)[0]


def test_a_worker_that_leaves_meanwhile(monkeypatch):
    where = addresses(3)
    host, port = where[0].split(":")

    def comes_and_goes():
        with socket.create_connection((host, int(port))) as channel:
            channel.sendall((rendezvous.WORD + json.dumps({"index": 1, "workers": where}) + "\n").encode())
            time.sleep(0.3)

    threading.Timer(0.3, comes_and_goes).start()
    assert together((where, 0, 0.0)) == ["worker 1 ended before all had connected."]


def test_other_addresses_and_another_program_that_knocks():
    where = addresses(2)
    result = together((where, 0, 0.0), ([where[0], *addresses(1)], 1, 0.1))
    assert all("different --workers" in line for line in result)
    host, port = where[0].split(":")

    def knocks():
        with socket.create_connection((host, int(port))) as channel:
            channel.sendall(b"GET / HTTP/1.1\r\n\r\n")

    threading.Timer(0.2, knocks).start()
    assert together((where, 0, 0.0), (where, 1, 0.5)) == ["met", "met"]


@pytest.mark.parametrize(
    ("where", "index", "message"),
    [
        ("a:1,b:2", 2, "index is 2: give 0 to 1"),
        ("a:1,b", 0, "'b' is not host:port"),
        ("a:1,b:99999", 0, "'b:99999' is not host:port"),
        ("a:1,a:1", 0, "two workers have the address a:1"),
    ],
)
def test_addresses_that_cannot_be(where, index, message):
    with pytest.raises(UserError, match=message):
        distribute.join(where, index)
