"""Weights from addresses: fetched once, resumed, checked; a refusal leaves nothing under the file's name."""

import dataclasses
import hashlib
import http.server
import socketserver
import threading
import time

import numpy as np
import pytest

import keras_cnns
from keras_cnns.support.errors import UserError
from keras_cnns.testing import randomize
from keras_cnns.weights import catalog, download

DATA = np.random.default_rng(0).bytes(3_000_000)
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_CNNS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def published(tmp_path):
    path = tmp_path / "some where" / "weights.bin"
    path.parent.mkdir()
    path.write_bytes(DATA)
    return path


class Server(http.server.BaseHTTPRequestHandler):
    """Serves DATA with ranges; breaks off after `limit` bytes of an answer, where one is set."""

    limit, asked, whole = None, [], ""

    def do_GET(self):
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        type(self).asked.append(start)
        if start and self.whole == "refused":
            self.send_error(416)
            return
        start = 0 if self.whole else start
        self.send_response(206 if start else 200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(DATA) - start))
        self.end_headers()
        self.wfile.write(DATA[start : None if self.limit is None else start + self.limit])

    def log_message(self, *args):
        pass


@pytest.fixture
def address():
    Server.limit, Server.asked, Server.whole = None, [], ""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/weights.bin"
    server.shutdown()


def test_a_file_address_is_fetched_once(published):
    first = download.fetch(published.as_uri(), f"sha256:{DIGEST}")
    assert first.read_bytes() == DATA
    published.unlink()
    assert download.fetch(published.as_uri(), f"sha256:{DIGEST}") == first


def test_the_first_digits_of_a_digest_are_enough(published):
    assert download.fetch(published.as_uri(), f"sha256:{DIGEST[:8]}").read_bytes() == DATA
    assert download.fetch(published.as_uri(), f"md5:{hashlib.md5(DATA).hexdigest()}").read_bytes() == DATA


def test_another_digest_is_refused_and_nothing_stays(published, cache):
    with pytest.raises(UserError, match="not the file that was expected"):
        download.fetch(published.as_uri(), "sha256:" + "0" * 64)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("digest", ["sha256:12", "sha1:" + "0" * 40, "crc"])
def test_what_is_no_digest(published, digest):
    with pytest.raises(UserError, match="not a digest"):
        download.fetch(published.as_uri(), digest)


def test_an_address_with_its_digest(published):
    assert download.locate("lenet5", f"{published.as_uri()}#sha256={DIGEST}").read_bytes() == DATA
    with pytest.raises(UserError, match="not the file"):
        download.locate("lenet5", f"{published.as_uri()}?2#sha256={'1' * 64}")


def test_what_broke_off_goes_on_from_there(address, cache):
    Server.limit = 1_000_000
    with pytest.raises(UserError, match="cannot fetch|broke off"):
        download.fetch(address, f"sha256:{DIGEST}")
    assert all(path.suffix == ".part" for path in cache.iterdir()), "no file under the final name"
    (part,) = cache.iterdir()
    held = part.stat().st_size
    Server.limit, Server.asked = None, []
    assert held > 0
    assert download.fetch(address, f"sha256:{DIGEST}").read_bytes() == DATA
    assert Server.asked == [0, held]  # a look at the version, then the rest
    assert [path.suffix for path in cache.iterdir()] == [".bin"]


@pytest.mark.parametrize("whole", ["sent", "refused"])
def test_a_server_that_sends_no_parts_starts_again(address, cache, whole):
    Server.limit = 1_000_000
    with pytest.raises(UserError):
        download.fetch(address)
    Server.limit, Server.whole = None, whole
    assert download.fetch(address).read_bytes() == DATA and len(list(cache.iterdir())) == 1


def test_parts_of_earlier_versions_are_removed(address, cache):
    target = download.fetch(address)
    target.unlink()
    (cache / f"{target.name}.01234567.part").write_bytes(b"old")
    download.fetch(address)
    assert list(cache.iterdir()) == [target]


def test_a_server_that_hardly_sends_anything(monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.1)

    class Drops:
        def read(self, count):
            time.sleep(0.05)
            return b"a"

    with pytest.raises(UserError, match="sent . bytes in 0 seconds"):
        list(download._pieces("http://a", Drops(), 10**9))


def test_a_file_without_a_stated_size_has_a_limit():
    class Endless:
        def read(self, count):
            return bytes(1000)

    with pytest.raises(UserError, match="more than 9.766 KiB"):
        list(download._pieces("http://a", Endless(), 10_000))


def test_a_file_larger_than_the_disk_is_refused_before_it_is_fetched(tmp_path):
    with pytest.raises(UserError, match="has room for"):
        download._check_room("http://a", tmp_path, 2**60)


def test_two_processes_that_fetch_one_file(published, cache):
    """The second waits for the first and takes its file."""
    order = []

    def fill(address, part, have):
        order.append(threading.current_thread().name)
        time.sleep(0.3)
        part.write_bytes(DATA)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(download, "_fill", fill)
        threads = [threading.Thread(target=download.fetch, args=(published.as_uri(),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(order) == 1 and [path.read_bytes() == DATA for path in cache.iterdir()] == [True]


def test_a_file_that_changed_is_not_pieced_together(published, cache):
    cache.mkdir()
    download.fetch(published.as_uri())
    (target,) = cache.iterdir()
    target.unlink()
    with download._open(published.as_uri()) as (_, _, version):
        part = cache / f"{target.name}.{hashlib.sha256(version.encode()).hexdigest()[:8]}.part"
    part.write_bytes(b"older bytes")
    published.write_bytes(DATA[::-1])
    assert download.fetch(published.as_uri()).read_bytes() == DATA[::-1]


@pytest.mark.parametrize(
    "source",
    ["http://127.0.0.1:9/weights.h5", "http://no.such.host.invalid/x.h5", "file:///no/such/file.h5", "gopher://x/y.h5"],
)
def test_an_address_that_does_not_answer(source, cache):
    model = keras_cnns.build("lenet5")
    before = [v.numpy() for v in model.weights]
    with pytest.raises(UserError, match="cannot fetch"):
        keras_cnns.load_weights(model, source)
    assert not cache.exists() or not list(cache.iterdir())
    assert all(np.array_equal(a, v.numpy()) for a, v in zip(before, model.weights, strict=True))


@pytest.mark.parametrize("source", ["http://[bad/x.h5", 5, object()])
def test_what_is_no_source(source):
    with pytest.raises(UserError, match="is not an address|give a file"):
        download.locate("lenet5", source)


@pytest.mark.slow
def test_a_catalog_name(tmp_path, monkeypatch):
    model = randomize(keras_cnns.build("mobilenet_v3_small", input_shape=(64, 64, 3)))
    model.save_weights(tmp_path / "x.weights.h5")
    row = catalog.published("mobilenet_v3_small")["keras"]
    here = dataclasses.replace(row, address=(tmp_path / "x.weights.h5").as_uri(), digest=None)
    monkeypatch.setitem(catalog.catalog()["mobilenet_v3_small"], "keras", here)
    loaded = keras_cnns.build("mobilenet_v3_small", weights="keras", input_shape=(64, 64, 3))
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    with pytest.raises(UserError, match="no weights of lenet5 are published by keras; published by: none"):
        keras_cnns.build("lenet5", weights="keras")


def test_a_cached_file_is_checked_and_an_altered_one_fetched_again(published, cache):
    (cached,) = {download.fetch(published.as_uri(), f"sha256:{DIGEST}")}
    cached.write_bytes(b"altered")
    assert download.fetch(published.as_uri(), f"sha256:{DIGEST}").read_bytes() == DATA
    cached.write_bytes(b"altered")
    assert download.fetch(published.as_uri()) == cached, "without a digest there is nothing to check"
    published.unlink()
    with pytest.raises(UserError, match="cannot fetch"):
        download.fetch(published.as_uri(), f"sha256:{DIGEST}")


def test_a_long_name(tmp_path):
    path = tmp_path / ("x" * 240 + ".bin")
    path.write_bytes(DATA)
    assert download.fetch(path.as_uri()).read_bytes() == DATA
    with pytest.raises(UserError, match="cannot fetch"):
        download.fetch(f"{tmp_path.as_uri()}/{'y' * 5000}")


ANSWERS = {
    "not HTTP": b"hello\r\n\r\n",
    "an empty answer": b"",
    "a status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "a body cut short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
    "a chunk cut short": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
    "a length that is no number": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nabc",
    "a header line too long": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    "a redirection in a circle": b"HTTP/1.1 302 Found\r\nLocation: /weights.bin\r\nContent-Length: 0\r\n\r\n",
    "a redirection to a file": b"HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_servers_that_misbehave_end_in_one_line(answer, cache):
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(4096)
            self.request.sendall(ANSWERS[answer])

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(UserError, match="cannot fetch|broke off") as error:
            download.fetch(f"http://127.0.0.1:{server.server_address[1]}/weights.bin")
        server.shutdown()
    assert "\n" not in str(error.value) and "Traceback" not in str(error.value)
    assert not [path for path in cache.glob("*") if path.suffix != ".part"]


@pytest.mark.parametrize("address", ["http://127.0.0.1:x/y.h5", "http://127.0.0.1/a b\x07.h5", "http:///x.h5"])
def test_addresses_that_are_not_valid(address):
    with pytest.raises(UserError, match="not an address|cannot fetch"):
        download.fetch(address)
