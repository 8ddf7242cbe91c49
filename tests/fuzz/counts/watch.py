"""Sees what a process opens, changes and starts outside of its own folders."""

import ctypes
import os
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
READABLE = (  # what Python, its packages and the system's libraries read
    *{sys.prefix, sys.base_prefix, *(path for path in sys.path if path)},
    *("/usr", "/lib", "/lib64", "/proc", "/sys", "/dev", "/etc/fonts", "/etc/ssl", "/etc/mime.types", "/etc/localtime"),
    *("/etc/nsswitch.conf", "/etc/passwd", "/etc/host.conf", "/etc/hosts", "/etc/resolv.conf"),
    str(ROOT),
)
CHANGES = {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.truncate", "shutil.rmtree"}
STARTS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "socket.connect"}


class Watch:
    """Between `start` and `stop`, notes what Python opens or changes outside of `folders`, and programs it starts."""

    current: "Watch | None" = None

    def __init__(self, folders: Sequence[Path], *, reads: bool = True) -> None:
        self.reads = reads
        self.folders = tuple(str(folder) for folder in folders)
        self.on, self.busy = False, False
        self.events: list[str] = []
        self.starts_allowed = False
        sys.addaudithook(self._hook)
        Watch.current = self

    def start(self) -> None:
        self.events, self.on = [], True

    def stop(self) -> list[str]:
        self.on = False
        return self.events

    def _hook(self, event: str, arguments: tuple) -> None:
        if not self.on or self.busy or event not in ("open", *CHANGES, *STARTS):
            return
        self.busy = True
        try:
            self._look(event, arguments)
        finally:
            self.busy = False

    def _look(self, event: str, arguments: tuple) -> None:
        if event in STARTS:
            if not self.starts_allowed:
                self.events.append(f"{event} {str(arguments)[:150]}")
            return
        names = arguments[:2] if event in ("os.rename", "os.link") else arguments[:1]
        writes = event != "open" or _writes(arguments)
        if not writes and not self.reads:
            return
        for name in names:
            if isinstance(name, bytes):
                name = os.fsdecode(name)
            if not isinstance(name, (str, os.PathLike)) or str(name) == os.devnull:
                continue
            if event != "open" and _relative_to_handle(event, arguments):
                continue
            try:
                path = os.path.realpath(name)
            except (OSError, ValueError):  # a name that no file can have
                continue
            if not path.startswith(self.folders if writes else (*self.folders, *READABLE)):
                self.events.append(f"{event}{' to write' if writes and event == 'open' else ''} {path}")


def _writes(arguments: tuple) -> bool:
    _, mode, flags = arguments
    if isinstance(mode, str):
        return bool(set(mode) & set("wax+"))
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))


def _relative_to_handle(event: str, arguments: tuple) -> bool:
    """Whether the name is relative to an open folder, as `shutil.rmtree` has it."""
    return event in ("os.remove", "os.rmdir", "os.mkdir") and isinstance(arguments[-1], int) and arguments[-1] >= 0


@contextmanager
def starts_allowed() -> Iterator[None]:
    """Programs that are started in the body are no fault."""
    watch = Watch.current
    if watch:
        watch.starts_allowed = True
    try:
        yield
    finally:
        if watch:
            watch.starts_allowed = False


class Outside:
    """A folder that no case may touch, with a white picture, an HDF5 file of sevens and a text in it.

    The kernel tells what is opened there, also by code that is not Python's.
    """

    def __init__(self, folder: Path) -> None:
        import h5py

        folder.mkdir()
        Image.fromarray(np.full((10, 12, 3), 255, np.uint8)).save(folder / "secret.png")
        with h5py.File(folder / "secret.h5", "w") as file:
            file["x"] = np.full((4, 2), 7, "float32")
        (folder / "secret.txt").write_text("secret\n" * 100)
        self.handle = -1
        if sys.platform == "linux":
            libc = ctypes.CDLL(None)
            self.handle = libc.inotify_init1(os.O_NONBLOCK)
            opened, changed, result, removed, moved = 0x20, 0x2, 0x100, 0x200, 0xC0
            libc.inotify_add_watch(self.handle, os.fsencode(folder), opened | changed | result | removed | moved)

    def touched(self) -> list[str]:
        """Names of the files that were opened or changed since the last call."""
        names = set()
        while self.handle >= 0:
            try:
                data = os.read(self.handle, 65536)
            except BlockingIOError:
                break
            while data:
                *_, length = struct.unpack_from("iIII", data)
                if name := data[16 : 16 + length].rstrip(b"\0").decode():  # without a name: the folder itself
                    names.add(name)
                data = data[16 + length :]
        return sorted(names)

    def close(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)
