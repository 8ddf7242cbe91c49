"""A headless Chromium with one page, driven over a pipe by the DevTools protocol.

The page's requests never reach a network: Chromium asks here for each of them, and gets the files that `files` names
under `ORIGIN`, or an error. The browser has a profile of its own and ends with the pipe, however this process ends.
"""

import base64
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from keras_cnns.support.temporary_folders import temporary_folder

PROGRAM = "KERAS_CNNS_CHROMIUM"  # the environment variable that names it
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ORIGIN = "http://localhost"
TYPES = {
    **{".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css"},
    **{".wasm": "application/wasm", ".json": "application/json", ".png": "image/png", ".svg": "image/svg+xml"},
    **{".txt": "text/plain; charset=utf-8", ".woff2": "font/woff2"},
}
FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
SHORT = "/tmp"
PRINTED = "printed.txt"  # what Chromium prints, in its profile
PIPES = (3, 4)  # where Chromium reads commands and writes answers


class BrowserError(RuntimeError):
    """Chromium did not start, died, took too long, or the page raised an error."""


def find_chromium() -> str | None:
    """The path of Chromium or Chrome: the variable KERAS_CNNS_CHROMIUM, else the first of `NAMES` on the PATH.

    None on Windows, where processes do not inherit pipes by number.
    """
    if os.name == "nt":
        return None
    chosen = os.environ.get(PROGRAM)
    return shutil.which(chosen) if chosen else next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page in a browser of its own.

    with Browser("/usr/bin/chromium", {"/": Path("index.html")}) as browser:
        browser.open("/")
        browser.evaluate("document.title")
    """

    def __init__(self, program: str, files: Mapping[str, Path | bytes], *, seconds: float = 120.0) -> None:
        """files: path in the address -> the file, or its content. seconds: for everything that is done with it."""
        self.program, self.files, self.deadline = program, files, time.monotonic() + seconds
        self.refused: list[str] = []  # addresses that were asked for and are not among the files
        self.messages: list[str] = []  # errors and warnings in the page's console
        self.version = ""
        self._count, self._buffer, self._loaded = 0, b"", False
        self._process: int | None = None

    def __enter__(self) -> "Browser":
        self._folder = ExitStack()
        # Chromium puts a socket into the folder for temporary files, and the path of a socket has at most 107 bytes.
        self.profile = self._folder.enter_context(temporary_folder(SHORT if os.path.isdir(SHORT) else None))
        try:
            self._start()
            self.version = self.command("Browser.getVersion", page=False)["product"]
            target = self.command("Target.createTarget", page=False, url="about:blank")["targetId"]
            self._session = self.command("Target.attachToTarget", page=False, targetId=target, flatten=True)[
                "sessionId"
            ]
            self.command("Fetch.enable")
            self.command("Page.enable")
            self.command("Runtime.enable")
            self.command("Log.enable")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in (self._commands, self._answers):
            os.close(descriptor)
        if self._process is not None:
            with suppress(OSError):  # it has ended already
                os.killpg(self._process, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self._process, 0)
        self._folder.close()

    def open(self, path: str) -> None:
        """Opens a path of `files` and waits until the page is loaded."""
        self._loaded = False
        self.command("Page.navigate", url=ORIGIN + path)
        self.wait(lambda: self._loaded)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; of a promise, once it is settled.

        Raises:
          BrowserError: it raised an error.
        """
        answer = self.command("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(_first_line(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def command(self, method: str, *, page: bool = True, **parameters: Any) -> dict[str, Any]:
        """Sends a command of the DevTools protocol and returns its result."""
        number = self._send(method, page, parameters)
        answers: list[dict[str, Any]] = []
        self.wait(lambda: bool(answers), lambda answer: answers.append(answer) if answer.get("id") == number else None)
        if "error" in answers[0]:
            raise BrowserError(f"{method}: {answers[0]['error'].get('message')}")
        return answers[0]["result"]

    def wait(self, done: Callable[[], bool], answer: Callable[[dict[str, Any]], Any] = lambda _: None) -> None:
        """Handles what Chromium sends until `done` says so."""
        while not done():
            message = self._receive()
            if "id" in message:
                answer(message)
            else:
                self._handle(message.get("method", ""), message.get("params", {}))

    def _handle(self, event: str, values: Mapping[str, Any]) -> None:
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Fetch.requestPaused":
            self._serve(values["requestId"], values["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.messages.append(_first_line(values["exceptionDetails"]))
        elif event == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
            self.messages.append(values["entry"]["text"])
        elif event == "Runtime.consoleAPICalled" and values["type"] in ("error", "warning", "assert"):
            self.messages.append(" ".join(str(part.get("value", "")) for part in values["args"]))
        elif event == "Inspector.targetCrashed":
            raise BrowserError("the page crashed")

    def _serve(self, request: str, url: str) -> None:
        path = url.removeprefix(ORIGIN).partition("?")[0]
        content = self.files.get(path) if url.startswith(f"{ORIGIN}/") else None
        if content is None:
            self.refused.append(url)
            self._send("Fetch.failRequest", True, {"requestId": request, "errorReason": "AccessDenied"})
            return
        kind = TYPES.get(Path(path if path != "/" else "index.html").suffix, "application/octet-stream")
        data = content if isinstance(content, bytes) else content.read_bytes()
        answer = {
            "requestId": request,
            "responseCode": 200,
            "responseHeaders": [{"name": "Content-Type", "value": kind}],
            "body": base64.b64encode(data).decode(),
        }
        self._send("Fetch.fulfillRequest", True, answer)

    def _start(self) -> None:
        import fcntl

        ours, theirs = [], []
        for end in (0, 1):
            pair = os.pipe()
            # away from the numbers that Chromium wants to have
            moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10) for descriptor in pair]
            for descriptor in pair:
                os.close(descriptor)
            theirs.append(moved[end])
            ours.append(moved[1 - end])
        self._commands, self._answers = ours
        flags = [*FLAGS, f"--user-data-dir={self.profile}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium has no sandbox for root and does not start with it
        actions: list[Any] = [
            (os.POSIX_SPAWN_DUP2, descriptor, number) for descriptor, number in zip(theirs, PIPES, strict=True)
        ]
        actions += [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1)]
        errors = str(self.profile / PRINTED)
        actions.append((os.POSIX_SPAWN_OPEN, 2, errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        environment = {**os.environ, "TMPDIR": str(self.profile)}
        words = [self.program, *flags, "about:blank"]
        try:
            # a group of its own, so that all of its processes can be ended at once
            self._process = os.posix_spawn(self.program, words, environment, file_actions=actions, setpgroup=0)
        finally:
            for descriptor in theirs:
                os.close(descriptor)

    def _send(self, method: str, page: bool, parameters: Mapping[str, Any]) -> int:
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if page:
            message["sessionId"] = self._session
        data = memoryview(json.dumps(message).encode() + b"\0")
        try:
            while data:
                data = data[os.write(self._commands, data) :]
        except OSError as error:
            raise BrowserError(self._last_words()) from error
        return self._count

    def _last_words(self) -> str:
        """That Chromium ended, and why if it says so."""
        lines = (self.profile / PRINTED).read_text(errors="replace").splitlines()
        fatal = [line.partition("FATAL:")[2] for line in lines if "FATAL:" in line]
        return f"Chromium ended{': ' + fatal[-1] if fatal else ''}"

    def _receive(self) -> dict[str, Any]:
        """The next message."""
        parts = [self._buffer]
        while b"\0" not in parts[-1]:
            left = self.deadline - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                raise BrowserError("it took too long")
            part = os.read(self._answers, 1 << 20)
            if not part:
                raise BrowserError(self._last_words())
            parts.append(part)
        message, _, self._buffer = b"".join(parts).partition(b"\0")
        return json.loads(message)


def _first_line(details: Mapping[str, Any]) -> str:
    """The message of an error in the page, without where it was raised."""
    return str(details.get("exception", {}).get("description") or details["text"]).splitlines()[0]
