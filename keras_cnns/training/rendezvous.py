"""The workers check that all of them are running before TensorFlow connects them, which has no time limit.

Every worker listens at its own address and connects to worker 0. Once all have connected, worker 0 sends each of them a
message, they close these connections, and TensorFlow opens the ports. If a worker fails, the others receive the reason,
and each ends with a one-line error message.
"""

import json
import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from keras_cnns.support.errors import UserError

WORD = "keras_cnns"  # what a message begins with; another program's answer does not
PAUSE = 0.2  # seconds between two attempts
ANSWER = 10.0  # seconds in which the program at worker 0's address has to answer as worker 0
TALK = 2.0  # seconds for a message to a worker that has connected before


Message = dict[str, Any]


def meet(addresses: Sequence[str], index: int, patience: float) -> None:
    """Waits until every worker has connected.

    addresses: "host:port" of all workers, in order. index: of this worker. patience: seconds to wait for the others.

    Raises:
      UserError: the port of this worker is in use; another worker has its index, or other addresses; another program
        listens at the address of worker 0; a worker ended, or did not connect in time.
    """
    own, me = _parts(addresses[index]), {"index": index, "workers": list(addresses)}
    try:
        listening = socket.create_server(("", own[1]), reuse_port=False)
    except OSError as error:
        line = (
            f"port {own[1]} of worker {index} cannot be used ({os.strerror(error.errno or 0).lower()}): another "
            f"program has it, or another worker was started with --index {index}."
        )
        _tell(own, {"failed": line})
        if index:
            _tell(_parts(addresses[0]), {"failed": line})
        raise UserError(line) from None
    end = time.monotonic() + patience
    with listening:
        listening.settimeout(PAUSE)
        (_gather if index == 0 else _report)(listening, me, end)


def _gather(listening: socket.socket, me: Message, end: float) -> None:
    """Worker 0: waits for the others, and sends all of them the result. Raises UserError if one fails or is missing."""
    count, line = len(me["workers"]), ""
    there: dict[int, socket.socket] = {}
    while len(there) < count - 1 and not line:
        if time.monotonic() > end:
            missing = [str(i) for i in range(1, count) if i not in there]
            line = f"worker{'s' * (len(missing) > 1)} {', '.join(missing)} did not connect: start all {count} workers."
            break
        came = _accepted(listening)
        if came is not None:
            channel, message = came
            line = _wrong(message, me, there)
            if line or "index" not in message:
                _send(channel, {"failed": line} if line else {})
                channel.close()
            else:
                there[message["index"]] = channel
                _send(channel, {"heard": True})
        gone = [i for i, channel in there.items() if _left(channel)]
        line = line or (f"worker {gone[0]} ended before all had connected." if gone else "")
    for channel in there.values():
        _send(channel, {"failed": line} if line else {"go": True})
        channel.close()
    if line:
        raise UserError(line)


def _wrong(message: Message, me: Message, there: dict[int, socket.socket]) -> str:
    """What is wrong with a message of a worker; "" if nothing is. there: the workers that are connected."""
    if "failed" in message:
        return str(message["failed"])
    if "index" not in message:
        return ""  # another program connected
    if message.get("workers") != me["workers"]:
        return "the workers were started with different --workers: give all the same addresses in the same order."
    if message["index"] in there or message["index"] == 0:
        return f"two workers were started with --index {message['index']}: each needs an index of its own."
    return ""


def _report(listening: socket.socket, me: Message, end: float) -> None:
    """Any other worker: connects to worker 0, sends its index, waits for the result. Raises UserError on failure."""
    first = _parts(me["workers"][0])
    while True:
        _look_out(listening)
        if time.monotonic() > end:
            raise UserError(f"worker 0 did not answer at {me['workers'][0]}: start all {len(me['workers'])} workers.")
        try:
            channel = socket.create_connection(first, TALK)
            break
        except OSError:  # not there yet
            time.sleep(PAUSE)
    with channel:
        _send(channel, me)
        message = _receive(channel, ANSWER)
        if message is None:
            raise UserError(
                f"what listens at {me['workers'][0]} does not answer as worker 0 of this run: the port is another "
                "program's, or the run began without this worker."
            )
        while "go" not in message:
            if "failed" in message:
                raise UserError(str(message["failed"]))
            _look_out(listening, channel)
            if time.monotonic() > end + TALK:
                raise UserError("worker 0 did not hear from the others in time: start all workers again.")
            message = _receive(channel, PAUSE, waiting={})
            if message is None:
                raise UserError("worker 0 ended before all had connected: start all workers again.")


def _look_out(listening: socket.socket, channel: socket.socket | None = None) -> None:
    """Raises UserError, and sends the reason to worker 0, if another process was started with this worker's index."""
    listening.settimeout(0.01)
    came = _accepted(listening)
    if came is not None:
        other, message = came
        other.close()
        if "failed" in message:
            if channel:
                _send(channel, {"failed": message["failed"]})
            raise UserError(str(message["failed"]))


def _accepted(listening: socket.socket) -> tuple[socket.socket, Message] | None:
    """(connection, its first message); None if there is no new connection."""
    try:
        channel, _ = listening.accept()
    except OSError:
        return None
    return channel, _receive(channel, TALK) or {}


def _tell(address: tuple[str, int], message: Message) -> None:
    """Sends a message to an address, if something listens there."""
    with suppress(OSError), socket.create_connection(address, TALK) as channel:
        _send(channel, message)


def _send(channel: socket.socket, message: Message) -> None:
    with suppress(OSError):
        channel.sendall((WORD + json.dumps(message) + "\n").encode())


def _receive(channel: socket.socket, patience: float, waiting: Message | None = None) -> Message | None:
    """The next message; `waiting` if none arrives in time; None if the connection is closed or is not a worker's."""
    channel.settimeout(patience)
    text = b""
    try:
        while not text.endswith(b"\n"):
            byte = channel.recv(1)
            if not byte or len(text) > 2**16:
                return None
            text += byte
            if len(text) <= len(WORD) and not WORD.encode().startswith(text):
                return None
            channel.settimeout(TALK)
        message = json.loads(text.removeprefix(WORD.encode()))
    except TimeoutError:
        return waiting if not text else None
    except (OSError, ValueError):
        return None
    return message if isinstance(message, dict) else None


def _left(channel: socket.socket) -> bool:
    """Whether a worker has closed its connection, or reported that it failed."""
    return _receive(channel, 0.001, waiting={}) is None


def _parts(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
