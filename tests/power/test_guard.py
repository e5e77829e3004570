"""What a process found is given back, however it ends; one process at a time caps a zone."""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import killing
import pytest
from killing import is_dead, wait_for, watchdogs
from needs import require
from plants import TOP, Plant, compile_plant, running

from alert import power

pytestmark = pytest.mark.usefixtures("directory")

FIRST_NAMESPACE = "pid:[4026531836]"  # of process numbers, that of the machine itself
LIMIT = f"{TOP}:0/constraint_0_power_limit_uw"
SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    directory = tmp_path_factory.mktemp("plant")
    with running(compile_plant(), directory / "server", "server") as plant:
        yield plant


def descriptors_of(pid: int) -> list[str]:
    names = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            names.append(os.readlink(link))
    return names


def script(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Start Python on `code`, with the tests' modules at hand."""
    prelude = f"import sys; sys.path.insert(0, {str(SUPPORT)!r})\nfrom alert import power\n"
    return subprocess.Popen(
        [sys.executable, "-c", prelude + code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def victims() -> Iterator[killing.Victims]:
    with killing.victims() as program:
        yield program


@pytest.mark.parametrize("case", list(killing.cases()), ids=str)
def test_kill_matrix(server: Plant, victims: killing.Victims, case: killing.Case) -> None:
    """Once each; `benchmarks/kill_matrix.py` runs it fifty times."""
    outcome = victims.run(case, server.root)
    assert outcome.capped
    assert outcome.restored


@pytest.fixture(scope="module")
def cores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    directory = tmp_path_factory.mktemp("plant")
    with running(compile_plant(), directory / "cores", "cores") as plant:
        yield plant


@pytest.mark.parametrize("case", list(killing.cases_of_cpufreq()), ids=str)
def test_kill_matrix_of_cpufreq(cores: Plant, victims: killing.Victims, case: killing.Case) -> None:
    if case.surroundings in killing.ROOT_ONLY:
        require("root")
    outcome = victims.run(case, cores.root / "cpufreq")
    assert outcome.capped
    assert outcome.restored


@pytest.mark.parametrize("case", list(killing.odd_cases()), ids=str)
def test_kill_matrix_of_odd_surroundings(
    server: Plant, victims: killing.Victims, case: killing.Case
) -> None:
    if case.surroundings in killing.ROOT_ONLY:
        require("root")  # to mount, to unshare
    outcome = victims.run(case, server.root)
    assert outcome.capped
    assert outcome.restored


@pytest.mark.parametrize(
    "case",
    [killing.Case("restart", True, "none"), killing.Case("restart-now", True, "fork")],
    ids=str,
)
def test_a_restarted_kernel(server: Plant, case: killing.Case) -> None:
    outcome = killing.run_kernel(case, server.root)
    assert outcome.capped
    assert outcome.restored


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


# -------------------------------------------------------------------------------------- journal


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
