"""A process that dies together with its watchdog: its journal says what to give back."""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
import signal
from pathlib import Path

import pytest
from capping import script
from killing import is_dead, wait_for, watchdogs
from plants import TOP, Plant

from alert import power

pytestmark = pytest.mark.usefixtures("directory")

FIRST_NAMESPACE = "pid:[4026531836]"  # of process numbers, that of the machine itself
LIMIT = f"{TOP}:0/constraint_0_power_limit_uw"


def kill_both(server: Plant, directory: Path, *, keep_child: bool = False) -> int | None:
    """Have a process that caps die together with its watchdog; return a child that lives on."""
    code = """
import os, time
power.journal_directory = lambda: sys.argv[2]
device = power.open("rapl", root=sys.argv[1])
device.set_cap(100.0)
child = 0
if sys.argv[3] == "True":
    child = os.fork()
    if child == 0:
        os.close(0); os.close(1)
        time.sleep(60)
        os._exit(0)
print(child, flush=True)
sys.stdin.read()
"""
    with script(code, str(server.root), str(directory), str(keep_child)) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        (watchdog,) = watchdogs(process.pid)
        os.kill(watchdog, signal.SIGKILL)
        process.kill()
    wait_for(lambda: is_dead(watchdog))
    return child or None


def test_a_journal_covers_the_death_of_both(server: Plant, directory: Path) -> None:
    found = server.limits()
    kill_both(server, directory)
    left = server.limits()
    assert left[LIMIT] == 50_000_000
    told = power.restore(directory)
    assert server.limits() == found
    assert sorted(item["path"] for item in told) == sorted(
        str(server.root / path) for path in found if left[path] != found[path]
    )
    assert all(item["error"] is None for item in told)
    assert {item["path"]: item["value"] for item in told}[str(server.root / LIMIT)] == 200_000_000
    assert list(directory.iterdir()) == []
    assert power.restore(directory) == []
    assert json.dumps(told)


def test_the_next_open_restores_by_the_journal(server: Plant, directory: Path) -> None:
    found = server.limits()
    kill_both(server, directory)
    assert server.limits() != found
    with power.open("rapl", root=server.root) as device:
        assert server.limits() == found
        assert device.cap == 400.0
    assert server.limits() == found
    assert list(directory.iterdir()) == []


def test_children_that_live_on_do_not_keep_the_zone(server: Plant, directory: Path) -> None:
    found = server.limits()
    child = kill_both(server, directory, keep_child=True)
    assert child is not None
    try:
        with power.open("rapl", root=server.root) as device:
            assert server.limits() == found
            device.set_cap(100.0)
        assert server.limits() == found
    finally:
        os.kill(child, signal.SIGKILL)


def test_there_is_one_owner_after_the_death_of_both(server: Plant, directory: Path) -> None:
    """Also while children of the dead live on, whose descriptors its lock was shared with."""
    code = """
try:
    power.open("rapl", root=sys.argv[1])
except power.PowerError as error:
    print(error.why)
"""
    child = kill_both(server, directory, keep_child=True)
    assert child is not None
    try:
        with power.open("rapl", root=server.root):
            with script(code, str(server.root)) as another:
                told, _ = another.communicate(timeout=60)
            assert told == f"process {os.getpid()} caps it already\n"
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_child_made_past_the_c_library_keeps_the_zone(server: Plant) -> None:
    """It does not hear of the fork: as long as it lives, nobody else can lock the zone."""
    code = """
import ctypes, os, time
device = power.open("rapl", root=sys.argv[1], guard=False)
child = ctypes.CDLL(None).syscall(ctypes.c_long(NUMBER), ctypes.c_long(17), 0, 0, 0, 0)
if child == 0:
    time.sleep(60)
print(child, flush=True)
os.kill(os.getpid(), 9)
""".replace("NUMBER", "220" if platform.machine() == "aarch64" else "56")
    with script(code, str(server.root)) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
    # In a container the kernel does not number a process that has ended.
    in_container = os.readlink("/proc/self/ns/pid") != FIRST_NAMESPACE
    told = "another process caps it already" if in_container else f"process {process.pid} has ended"
    try:
        with pytest.raises(power.PowerError, match=told) as caught:
            power.open("rapl", root=server.root)
        assert caught.value.errno == errno.EBUSY
    finally:
        os.kill(child, signal.SIGKILL)
    wait_for(lambda: is_dead(child))
    power.open("rapl", root=server.root).close()


def test_an_observer_does_not_restore(server: Plant, directory: Path) -> None:
    found = server.limits()
    kill_both(server, directory)
    left = server.limits()
    power.describe(server.root)
    power.open("rapl", root=server.root, observe=True).close()
    assert server.limits() == left
    power.restore(directory)
    assert server.limits() == found


def test_the_journal_of_a_living_process_is_left_alone(server: Plant, directory: Path) -> None:
    with power.open("rapl", root=server.root) as device:
        device.set_cap(100.0)
        assert power.restore(directory) == []
        assert len(list(directory.glob("*.journal"))) == 1
        assert device.cap == 100.0


def test_a_file_that_cannot_be_given_back_is_kept_for_later(server: Plant, directory: Path) -> None:
    found = server.limits()
    kill_both(server, directory)
    server.fault("write", LIMIT, 5)
    told = {item["path"]: item["error"] for item in power.restore(directory)}
    assert told[str(server.root / LIMIT)] == "Input/output error"
    assert len(list(directory.glob("*.journal"))) == 1
    server.fault("write", LIMIT, 0)
    power.restore(directory)
    assert server.limits() == found
    assert list(directory.iterdir()) == []


def test_a_journal_from_before_a_reboot_is_dropped(server: Plant, directory: Path) -> None:
    found = server.limits()
    kill_both(server, directory)
    left = server.limits()
    (journal,) = directory.glob("*.journal")
    kept = journal.parent.parent / "kept"
    shutil.copy(journal, kept)
    data = bytearray(journal.read_bytes())
    data[8] ^= 1  # the boot id
    journal.write_bytes(bytes(data))
    assert power.restore(directory) == []
    assert server.limits() == left
    assert list(directory.iterdir()) == []
    shutil.copy(kept, journal)
    assert power.restore(directory)
    assert server.limits() == found


def test_a_journal_names_no_other_files(server: Plant, directory: Path, tmp_path: Path) -> None:
    kill_both(server, directory)
    (journal,) = directory.glob("*.journal")
    victim = tmp_path / "precious"
    victim.write_text("1\n")
    data = journal.read_bytes()
    target = str(server.root / LIMIT).encode()
    forged = str(victim).encode()
    assert data.count(target) == 1
    journal.write_bytes(data.replace(target, forged + b"\0" * (len(target) - len(forged))))
    power.restore(directory)
    assert victim.read_text() == "1\n"
    (server.root / LIMIT).write_text("200000000")


@pytest.mark.parametrize("content", [b"", b"alertJ1\0", b"\0" * 5000, os.urandom(5000)])
def test_what_is_no_journal_is_passed_over_and_said(directory: Path, content: bytes) -> None:
    directory.mkdir(mode=0o700)
    file = directory / "1-x.journal"
    file.write_bytes(content)
    (told,) = power.restore(directory)
    assert (told["path"], told["value"]) == (str(file), None)
    assert told["error"] == "it is cut, damaged or of another version"
    assert file.read_bytes() == content


def test_a_directory_where_others_may_write_is_refused(directory: Path) -> None:
    directory.mkdir()
    directory.chmod(0o722)
    with pytest.raises(PermissionError):
        power.restore(directory)
    assert power.restore(directory / "none") == []
