"""What memory is free: of the machine, of containers in both versions of control groups, or as the user says."""

import pytest

from keras_cnns import UserError
from keras_cnns.support import memory

MEMINFO = "MemTotal: 9000000 kB\nMemAvailable: 5000000 kB\nSwapFree: 1000000 kB\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with 6 GB free, whose files may be changed."""
    (tmp_path / "meminfo").write_text(MEMINFO)
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "OWN", tmp_path / "own")
    return tmp_path


def group(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")


def test_available_memory_and_swap_without_a_container(machine):
    assert memory.free() == 6_000_000 * 1024


def test_the_limit_of_a_group_around_it_counts_without_cached_files(machine):
    (machine / "own").write_text("0::/outer/inner\n")
    group(machine / "cgroup/outer/inner", {"memory.max": "max", "memory.current": 10, "memory.stat": "anon 10"})
    stat = "anon 700\ninactive_file 300"
    group(machine / "cgroup/outer", {"memory.max": 5000, "memory.current": 1000, "memory.stat": stat})
    assert memory.free() == 5000 - 1000 + 300


def test_the_first_version_of_control_groups(machine):
    (machine / "own").write_text("4:memory:/job\n1:cpu:/other\n")
    files = {"memory.limit_in_bytes": 9000, "memory.usage_in_bytes": 8000, "memory.stat": "total_inactive_file 50"}
    group(machine / "cgroup/memory/job", files)
    assert memory.free() == 1050


def test_the_user_knows_better(machine, monkeypatch):
    monkeypatch.setenv(memory.VARIABLE, "0.5")
    assert memory.free() == 2**29
    monkeypatch.setenv(memory.VARIABLE, "much")
    with pytest.raises(UserError, match="KERAS_CNNS_FREE_GIB is 'much': give a number above 0"):
        memory.free()


def test_what_is_not_known_is_none(machine, monkeypatch):
    def unknown(name):
        raise ValueError(name)

    (machine / "meminfo").write_text("")
    monkeypatch.setattr(memory.os, "sysconf", unknown)
    assert memory.free() is None
