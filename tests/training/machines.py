"""Several machines on one: network namespaces joined by a bridge, each with an address of its own."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

PORT = 2222  # that of Kubeflow's TFJob


@dataclass(frozen=True)
class Machine:
    """address: host:port, as the others reach it. command: the words that start a process on it."""

    address: str
    command: tuple[str, ...] = ()


@contextmanager
def machines(count: int) -> Iterator[list[Machine]]:
    """Machines in network namespaces; where they cannot be made (no root, no `ip`), ports of this machine."""
    prefix = f"kc{os.getpid()}"
    names = [f"{prefix}m{number}" for number in range(count)]
    try:
        hub = _join(prefix, names)
    except (OSError, subprocess.CalledProcessError):
        _remove([f"{prefix}hub", *names])
        yield [Machine(f"127.0.0.1:{port}") for port in free_ports(count)]
        return
    try:
        yield [
            Machine(f"10.77.0.{number + 1}:{PORT}", ("ip", "netns", "exec", name)) for number, name in enumerate(names)
        ]
    finally:
        _remove([hub, *names])


def _join(prefix: str, names: Sequence[str]) -> str:
    """Makes the namespaces, and one with a bridge between them; returns the name of the latter."""
    hub = f"{prefix}hub"
    _ip("netns", "add", hub)
    _ip("-n", hub, "link", "add", "bridge0", "type", "bridge")
    _ip("-n", hub, "link", "set", "bridge0", "up")
    for number, name in enumerate(names):
        _ip("netns", "add", name)
        _ip("-n", hub, "link", "add", f"p{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("-n", hub, "link", "set", f"p{number}", "master", "bridge0")
        _ip("-n", hub, "link", "set", f"p{number}", "up")
        _ip("-n", name, "addr", "add", f"10.77.0.{number + 1}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            _ip("-n", name, "link", "set", device, "up")
    return hub


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _remove(names: Sequence[str]) -> None:
    for name in names:
        if shutil.which("ip"):
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "delete", name)


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nothing listens at."""
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports
