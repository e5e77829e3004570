"""The watchdog of a process that caps, and the lock: one process at a time caps a zone."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from capping import script
from killing import wait_for, watchdogs
from plants import TOP, Plant

from alert import power

pytestmark = pytest.mark.usefixtures("directory")

LIMIT = f"{TOP}:0/constraint_0_power_limit_uw"


def descriptors_of(pid: int) -> list[str]:
    names = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            names.append(os.readlink(link))
    return names


def test_the_watchdog_starts_with_the_first_cap_and_ends_with_the_device(
    server: Plant, directory: Path
) -> None:
    with power.open("rapl", root=server.root) as device:
        assert watchdogs(os.getpid()) == []
        assert not directory.exists()
        device.set_cap(100.0)
        (watchdog,) = watchdogs(os.getpid())
        assert os.getsid(watchdog) not in (0, os.getsid(0))
        assert len(list(directory.glob("*.journal"))) == 1
        device.set_cap(110.0)
        assert watchdogs(os.getpid()) == [watchdog]
    wait_for(lambda: watchdogs(os.getpid()) == [])
    assert list(directory.iterdir()) == []


def test_the_watchdog_holds_nothing_of_ours(server: Plant, tmp_path: Path) -> None:
    with (
        (tmp_path / "open.txt").open("w") as mine,
        power.open("rapl", root=server.root) as device,
    ):
        os.set_inheritable(mine.fileno(), True)
        device.set_cap(100.0)
        (watchdog,) = watchdogs(os.getpid())
        held = descriptors_of(watchdog)
        assert str(tmp_path / "open.txt") not in held
        allowed = (str(server.root), "/dev/null", "anon_inode:[pidfd]", "socket:", str(tmp_path))
        assert all(name.startswith(allowed) for name in held), held
        assert os.readlink(f"/proc/{watchdog}/cwd") == "/"


def test_memory_is_only_counted(server: Plant, directory: Path) -> None:
    """Nothing of it is noted in the journal, nor held by the watchdog."""
    with power.open("rapl", root=server.root, dram=True) as device:
        assert [zone["name"] for zone in device.zones[2:]] == ["dram", "dram"]
        device.set_cap(100.0)
        (watchdog,) = watchdogs(os.getpid())
        held = [name for name in descriptors_of(watchdog) if name.startswith(str(server.root))]
        assert len(held) == 2 * 4
        (journal,) = directory.glob("*.journal")
        noted = set(
            re.findall(re.escape(os.fsencode(server.root)) + rb"/[\w:/-]+", journal.read_bytes())
        )
        assert noted == set(map(os.fsencode, held))


def test_without_a_guard_there_is_none(server: Plant, directory: Path) -> None:
    found = server.limits()
    with power.open("rapl", root=server.root, guard=False) as device:
        device.set_cap(100.0)
        assert watchdogs(os.getpid()) == []
        assert not directory.exists()
    assert server.limits() == found


def test_a_guard_that_cannot_be_set_up_is_said_once(
    server: Plant, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)  # others could make us write anywhere
    with power.open("rapl", root=server.root) as device:
        with pytest.warns(power.PowerWarning, match="are never given back"):
            device.set_cap(100.0)
        assert device.cap == 100.0
        device.set_cap(90.0)
    directory.chmod(0o700)
    monkeypatch.setattr(power, "_WATCHDOG", "/nonexistent/watchdog")
    with power.open("rapl", root=server.root) as device:
        with pytest.warns(power.PowerWarning, match="/nonexistent/watchdog"):
            device.set_cap(100.0)
        device.set_cap(90.0)
        assert len(list(directory.glob("*.journal"))) == 1
    assert list(directory.iterdir()) == []


def test_the_first_limit_that_cannot_be_given_back_is_told(server: Plant, directory: Path) -> None:
    found = server.limits()
    device = power.open("rapl", root=server.root)
    device.set_cap(100.0)
    capped = server.limits()
    changed = [path for path in found if capped[path] != found[path]]
    assert len(changed) >= 4  # two limits and two windows
    for path in changed:
        server.fault("write", path, 5)
    with pytest.warns(power.PowerWarning, match=f"{TOP}:1/.*could not be given back") as caught:
        device.close()  # package-0 comes first
    assert len(caught) == 1
    for path in changed:
        server.fault("write", path, 0)
    assert server.limits() == capped
    assert len(power.restore(directory)) == len(changed)
    assert server.limits() == found


def test_somebody_elses_later_change_stays(server: Plant) -> None:
    code = """
device = power.open("rapl", root=sys.argv[1])
device.set_cap(100.0)
print("capped", flush=True)
sys.stdin.read()
"""
    found = server.limits()
    with script(code, str(server.root)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "capped\n"
        (server.root / LIMIT).write_text("77000000")
        process.kill()
    wait_for(lambda: server.limits() == {**found, LIMIT: 77_000_000})
    (server.root / LIMIT).write_text(str(found[LIMIT]))


# ---------------------------------------------------------------------------------------- lock


def test_one_owner_and_any_number_of_observers(server: Plant) -> None:
    with power.open("rapl", root=server.root):
        with pytest.raises(power.PowerError, match=f"this process .{os.getpid()}. has") as caught:
            power.open("rapl", root=server.root, window=0.0)
        assert caught.value.errno == 16
        for _ in range(2):
            power.open("rapl", root=server.root, observe=True).close()
    power.open("rapl", root=server.root).close()


def test_the_other_owner_is_named(server: Plant) -> None:
    code = """
device = power.open("rapl", root=sys.argv[1])
print("owned", flush=True)
sys.stdin.read()
"""
    with script(code, str(server.root)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "owned\n"
        with pytest.raises(power.PowerError, match=f"process {process.pid} caps it already"):
            power.open("rapl", root=server.root)
        with pytest.raises(power.PowerError, match=f"process {process.pid} caps it already"):
            power.open("rapl", root=server.root, package=1)
        process.kill()
    power.open("rapl", root=server.root).close()


def test_a_forked_child_does_not_keep_what_its_parent_closed(server: Plant) -> None:
    device = power.open("rapl", root=server.root)
    device.set_cap(100.0)
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    try:
        device.close()
        power.open("rapl", root=server.root).close()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_forked_child_keeps_files_that_have_a_closed_devices_numbers(
    server: Plant, tmp_path: Path
) -> None:
    power.open("rapl", root=server.root).close()
    with ExitStack() as stack:
        files = [stack.enter_context((tmp_path / str(i)).open("w")) for i in range(30)]
        child = os.fork()
        if child == 0:
            for file in files:
                file.write("child")
                file.flush()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert {(tmp_path / str(i)).read_text() for i in range(30)} == {"child"}


def test_a_failed_open_leaves_no_owner(server: Plant) -> None:
    with power.open("rapl", root=server.root, package=1):
        with pytest.raises(power.PowerError, match="has opened it already"):
            power.open("rapl", root=server.root)  # package-0 was free, and is free again
        power.open("rapl", root=server.root, package=0).close()
