"""Downloads from servers on this machine that misbehave: `weights.download.fetch` ends in time and in one line.

The server closes, stalls, lies about sizes, redirects for ever, sends odd headers or other bytes. Sometimes it behaves,
and the file must then be right. The limits of time are shortened: a stalled server costs a second, not half a minute.
"""

import hashlib
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from random import Random

from keras_cnns.support.errors import UserError
from keras_cnns.weights import download
from tests.fuzz.counts.children import Harness, main
from tests.fuzz.counts.watch import starts_allowed

BODY = bytes(range(256)) * 40
DIGEST = hashlib.sha256(BODY).hexdigest()
LENGTHS = ("-1", "x", "1e9", "99999999999999999999", "0x10", "", "10, 20")
STATES = ("404 No", "500 No", "503", "999 X", "abc", "-1 X", "206 Partial", "304 N")
PLACES = ("", "/x", "ftp://x", "file:///etc/hostname", "//", "http://[")
PATIENCE = 1.0  # seconds without a byte


def answer(body: bytes = BODY, status: str = "200 OK", **headers: object) -> bytes:
    """An HTTP answer."""
    lines = {"Content-Length": len(body), "ETag": '"1"', **{k.replace("_", "-"): v for k, v in headers.items()}}
    text = f"HTTP/1.1 {status}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items() if v is not None)
    return text.encode("latin-1") + b"\r\n" + body


def slowly(data: bytes, pause: float, step: int = 1):
    """The bytes in small pieces with a pause before each."""
    for start in range(0, len(data), step):
        time.sleep(pause)
        yield data[start : start + step]


def endless(start: bytes, more: bytes):
    """Bytes that never end."""
    yield start
    while True:
        yield more


def parts_of(random: Random, number: int):
    """The pieces that the server sends for its answer to a request."""
    cut, odd = random.randint(0, len(BODY)), random.choice((b"\0", b"\xff", b"\r", b"a: b\r\n"))
    kinds = (
        lambda: [answer()],
        lambda: [answer()],
        lambda: [],
        lambda: [answer()[: random.randint(1, 60)]],
        lambda: [answer(BODY[:cut], Content_Length=len(BODY))],
        lambda: [answer(Content_Length=None)],
        lambda: [
            answer(Content_Length=random.choice(("-1", "x", "1e9", "99999999999999999999", "0x10", "", "10, 20")))
        ],
        lambda: [answer(Content_Length=2**50)],
        lambda: [answer(BODY + b"more", Content_Length=len(BODY))],
        lambda: [answer(Content_Length=None, Transfer_Encoding="chunked")],
        lambda: [answer(b"5\r\nabcde\r\nzz\r\n", Content_Length=None, Transfer_Encoding="chunked")],
        lambda: [answer(b"ffffffffffffffff\r\nabc", Content_Length=None, Transfer_Encoding="chunked")],
        lambda: [
            answer(status=random.choice(("404 No", "500 No", "503", "999 X", "abc", "-1 X", "206 Partial", "304 N")))
        ],
        lambda: [
            answer(
                status="302 Found",
                Location=random.choice(("", "/x", "ftp://x", "file:///etc/hostname", "//", "http://[")),
            )
        ],
        lambda: [answer(b"", status="301 Moved", Location=f"/again{number}")],
        lambda: [b"HTTP/9.9 200 OK\r\n\r\n" + BODY],
        lambda: [odd * 300],
        lambda: [answer(**{f"X-{n}": "a" * 10 for n in range(300)})],
        lambda: [b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"],
        lambda: slowly(answer(), 0.3),
        lambda: [answer(BODY[:cut], Content_Length=len(BODY)), *slowly(BODY[cut:], 0.4)],
        lambda: [answer(BODY[:cut], Content_Length=len(BODY)), None],
        lambda: [None],
        lambda: endless(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        lambda: endless(answer(b"", Content_Length=None), b"\0" * 65536),
        lambda: [answer(BODY[::-1])],
        lambda: [answer(ETag=f'"{random.random()}"')],
        lambda: [answer(Content_Encoding="gzip")],
    )
    return random.choice(kinds)()


class Server(threading.Thread):
    """Answers each connection in its own way; None among the pieces is a stall. Ends with its process."""

    def __init__(self, random: Random) -> None:
        super().__init__(daemon=True)
        self.random, self.ended = random, False
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def run(self) -> None:
        number = 0
        while not self.ended:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()
            number += 1

    def pieces(self, number: int, start: int):
        """What the server sends for its answer to a request for the bytes from `start`."""
        pieces = parts_of(self.random, number)
        return [self.rest(start)] if start and pieces == [answer()] else pieces

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError), connection:
            request = connection.recv(65536)
            start = int(request.split(b"bytes=")[1].split(b"-")[0]) if b"bytes=" in request else 0
            for piece in self.pieces(number, start):
                while piece is None and not self.ended:
                    time.sleep(0.1)
                if self.ended:
                    return
                connection.sendall(piece)

    def rest(self, start: int) -> bytes:
        return answer(BODY[start:], "206 Partial Content", Content_Range=f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")


def case(random: Random, folder: Path) -> str:
    os.environ["KERAS_CNNS_CACHE"] = str(folder / "cache")
    os.environ["no_proxy"] = "*"
    download.TIMEOUT, download.MOST_UNKNOWN = PATIENCE, 50 * 2**20
    server = Server(random)
    server.start()
    address, digest = (
        f"{server.address}/{random.choice(('a.h5', 'ä b.h5', 'a' * 400, '..', ''))}",
        random.random() < 0.5,
    )
    outcome = "refused"
    try:
        with starts_allowed():
            for _ in range(3):  # the second and third continue what the first began
                try:
                    path = download.fetch(address, f"sha256:{DIGEST}" if digest else None)
                except UserError as error:
                    assert str(error).strip() and len(str(error).splitlines()) == 1, error
                    continue
                assert path.parent == folder / "cache", path
                assert not digest or path.read_bytes() == BODY, "half-written or altered"
                outcome = "answer"
    finally:
        server.ended = True
        server.socket.close()
    names = [path.name for path in (folder / "cache").iterdir()] if (folder / "cache").exists() else []
    finished = [name for name in names if not name.endswith(".part")]
    assert len(finished) <= 1 and len(names) <= 2, f"left over: {names}"
    return outcome


if __name__ == "__main__":
    main(Harness("servers", case), "fetches from misbehaving servers", 200)
