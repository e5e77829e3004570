"""What journals may ask for, and what the watchdog does with one: both are given them by hand."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import journals
import pytest
from journals import Entry
from killing import wait_for, watchdogs
from needs import require
from plants import TOP, Plant, compile_plant, running

from alert import power

LIMIT = f"{TOP}:0/constraint_0_power_limit_uw"
SHORT = f"{TOP}:0/constraint_1_power_limit_uw"
FOUND = {LIMIT: 95_000_000, SHORT: 118_750_000}
CAP = 50_000_000


@pytest.fixture
def plant(machine: Plant) -> Iterator[Plant]:
    """Both limits at what a process that is gone has written there."""
    for path in FOUND:
        (machine.root / path).write_text(str(CAP))
    yield machine
    for path, value in FOUND.items():
        for access in ("read", "write"):
            machine.fault(access, path, 0)
        machine.trick("honest", path)
        (machine.root / path).write_text(str(value))


def entry(plant: Plant, path: str = LIMIT, fd: int = -1) -> Entry:
    return Entry(str(plant.root / path), FOUND[path], CAP, fd)


def errors(told: Sequence[dict[str, object]]) -> list[object]:
    return [item["error"] for item in told]


def passed_over(told: Sequence[dict[str, object]]) -> list[Path]:
    """The journals that nothing was given back by, of which there are no others."""
    assert all(item["value"] is None and item["error"] for item in told)
    return [Path(str(item["path"])) for item in told]


# -------------------------------------------------------------------------------------- restoring


@pytest.mark.parametrize("held", [CAP, CAP + 1])
@pytest.mark.parametrize("writing", [False, True])
def test_what_was_being_written_is_ours_whatever_it_is(
    plant: Plant, tmp_path: Path, held: int, writing: bool
) -> None:
    journals.write(
        tmp_path / "j", [Entry(str(plant.root / LIMIT), 95_000_000, held, writing=writing)]
    )
    told = power.restore(tmp_path / "j")
    ours = writing or held == CAP
    assert errors(told) == [None] * ours
    assert plant.value(LIMIT) == (95_000_000 if ours else CAP)
    assert list((tmp_path / "j").iterdir()) == []


@pytest.mark.parametrize("boot", ["", "another"])
def test_a_journal_that_does_not_say_when_it_was_written_is_restored(
    plant: Plant, tmp_path: Path, boot: str
) -> None:
    journals.write(tmp_path / "j", [entry(plant)], boot=boot)
    power.restore(tmp_path / "j")
    assert plant.value(LIMIT) == (CAP if boot else 95_000_000)
    assert list((tmp_path / "j").iterdir()) == []


@pytest.mark.parametrize(
    "name", ["noslash", "/enabled_", "/constraint_0_name", "/constraint_0_power_limit_uwx"]
)
def test_no_other_file_is_written_to(plant: Plant, tmp_path: Path, name: str) -> None:
    precious = tmp_path / name.removeprefix("/")
    precious.write_text(f"{CAP}\n")
    path = str(precious) if name.startswith("/") else os.path.relpath(precious).replace("/", "")
    journals.write(tmp_path / "j", [Entry(path, 1, CAP), entry(plant)])
    assert [item["path"] for item in power.restore(tmp_path / "j")] == [str(plant.root / LIMIT)]
    assert precious.read_text() == f"{CAP}\n"


@pytest.mark.parametrize("kind", ["steam", "emulated", "rap", "x" * 16])
def test_an_entry_of_hardware_that_is_not_known_is_kept(
    plant: Plant, tmp_path: Path, kind: str
) -> None:
    """Perhaps a later version knows it; the others are given back."""
    path = str(plant.root / SHORT)
    file = journals.write(tmp_path / "j", [Entry(path, 1, CAP, kind=kind), entry(plant)])
    told = {item["path"]: item["error"] for item in power.restore(tmp_path / "j")}
    assert told == {path: os.strerror(errno.EOPNOTSUPP), str(plant.root / LIMIT): None}
    assert plant.value(SHORT) == CAP
    assert file.exists()


def test_a_time_window_is_given_back(tmp_path: Path) -> None:
    file = tmp_path / "constraint_0_time_window_us"
    file.write_text("976\n")
    journals.write(tmp_path / "j", [Entry(str(file), 27_983_872, 976)])
    power.restore(tmp_path / "j")
    assert file.read_text() == "27983872\n"


def test_what_is_gone_needs_nothing_back(plant: Plant, tmp_path: Path) -> None:
    gone = str(tmp_path / "enabled")
    journals.write(tmp_path / "j", [Entry(gone, 1, 0), entry(plant, SHORT), entry(plant)])
    plant.fault("read", SHORT, errno.ENODEV)
    told = {item["path"]: item["error"] for item in power.restore(tmp_path / "j")}
    assert told == {
        gone: os.strerror(errno.ENOENT),
        str(plant.root / SHORT): os.strerror(errno.ENODEV),
        str(plant.root / LIMIT): None,
    }
    assert list((tmp_path / "j").iterdir()) == []


def test_a_device_that_is_gone_is_not_asked_again(plant: Plant, tmp_path: Path) -> None:
    journals.write(tmp_path / "j", [entry(plant)])
    plant.fault("read", LIMIT, errno.ENODEV)
    plant.counts()
    power.restore(tmp_path / "j")
    assert plant.counts()[LIMIT][1] == 1


@pytest.mark.parametrize("claimed", [0, 2, 4097, 2**32 - 1])
def test_a_journal_of_another_size_than_it_says_is_none(
    plant: Plant, tmp_path: Path, claimed: int
) -> None:
    file = journals.write(tmp_path / "j", [entry(plant)], claimed=claimed)
    assert passed_over(power.restore(tmp_path / "j")) == [file]
    assert plant.value(LIMIT) == CAP
    assert file.exists()


def test_a_journal_of_more_entries_than_any_machine_has_is_none(
    plant: Plant, tmp_path: Path
) -> None:
    file = journals.write(tmp_path / "j", [entry(plant)] * 4097)
    assert passed_over(power.restore(tmp_path / "j")) == [file]
    assert plant.value(LIMIT) == CAP
    journals.write(tmp_path / "j", [entry(plant)] * 4096)
    assert len(power.restore(tmp_path / "j")) == 1
    assert not file.exists()


@pytest.mark.needs("root")  # to give the journal away
def test_somebody_elses_journal_is_left_alone(plant: Plant, tmp_path: Path) -> None:
    file = journals.write(tmp_path / "j", [entry(plant)])
    os.chown(file, 65534, 65534)
    assert passed_over(power.restore(tmp_path / "j")) == [file]
    assert plant.value(LIMIT) == CAP


def test_a_link_to_a_journal_is_left_alone(plant: Plant, tmp_path: Path) -> None:
    file = journals.write(tmp_path / "j", [entry(plant)])
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert passed_over(power.restore(tmp_path / "j")) == [file]
    assert plant.value(LIMIT) == CAP


@pytest.mark.needs("root")  # to give the directory away
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j").mkdir(mode=0o700)
    os.chown(tmp_path / "j", 65534, 65534)
    with pytest.raises(PermissionError):
        power.restore(tmp_path / "j")


def test_no_directory_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        power.restore(tmp_path / "file")
    with pytest.raises(TypeError):
        power.restore(3)  # type: ignore[arg-type]
    with pytest.raises(UnicodeEncodeError):
        power.restore("\udcff")


def test_a_restore_waits_for_another_and_for_no_signal(plant: Plant, tmp_path: Path) -> None:
    file = journals.write(tmp_path / "j", [entry(plant)])
    rang = []
    held = os.open(file.parent, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)

    def ring(*_: object) -> None:
        rang.append(True)

    before = signal.signal(signal.SIGALRM, ring)
    release = subprocess.Popen(["sleep", "0.3"], pass_fds=[held])  # holds the lock, and dies
    os.close(held)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        power.restore(file.parent)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert release.wait() == 0
    assert rang
    assert plant.value(LIMIT) == 95_000_000


# --------------------------------------------------------------------------------------- watchdog


@contextmanager
def watching(file: Path, *fds: int, before: str = "") -> Iterator[None]:
    """Start the watchdog of a process that sleeps, and have that die in the end."""
    unshared = []
    if before:
        require("root")  # to mount
        unshared = ["unshare", "-m"]
    ours, its = socket.socketpair()
    with subprocess.Popen(["sleep", "60"]) as process:
        pidfd = os.pidfd_open(process.pid)
        passed = [journals.lock(file), pidfd, its.detach()]
        command = [*unshared, "sh", "-c", f'{before} exec "$0" "$@"', power._WATCHDOG]
        command += [str(fd) for fd in passed]
        try:
            subprocess.run(command, pass_fds=[*passed, *fds], check=True)  # it forks, and goes on
            for fd in passed:
                os.close(fd)
            assert ours.recv(1) == b"w"
            yield
            process.kill()
            assert ours.recv(1) == b""  # it has ended
        finally:
            process.kill()
            ours.close()


@contextmanager
def opened(*paths: Path) -> Iterator[list[int]]:
    fds = [os.open(path, os.O_RDWR) for path in paths]
    try:
        yield fds
    finally:
        for fd in fds:
            os.close(fd)


@pytest.mark.parametrize("before", ["", "mount -t tmpfs none /proc &&"])
def test_gives_back_by_descriptor(plant: Plant, tmp_path: Path, before: str) -> None:
    """Also without /proc; an entry without a descriptor is not its to write."""
    with opened(plant.root / LIMIT) as (fd,):
        file = journals.write(tmp_path / "j", [entry(plant, SHORT), entry(plant, fd=fd)])
        with watching(file, fd, before=before):
            assert plant.value(LIMIT) == CAP
    assert plant.value(LIMIT) == 95_000_000
    assert plant.value(SHORT) == CAP
    assert not file.exists()


def test_keeps_the_journal_of_what_it_cannot_give_back(plant: Plant, tmp_path: Path) -> None:
    with opened(plant.root / SHORT, plant.root / LIMIT) as (short, long):
        file = journals.write(
            tmp_path / "j", [entry(plant, SHORT, fd=short), entry(plant, fd=long)]
        )
        plant.fault("write", SHORT, errno.EIO)
        with watching(file, short, long):
            pass
    assert plant.value(LIMIT) == 95_000_000
    assert plant.value(SHORT) == CAP
    assert file.exists()
    plant.fault("write", SHORT, 0)
    power.restore(file.parent)
    assert plant.value(SHORT) == FOUND[SHORT]
    assert not file.exists()


def test_what_vanished_needs_nothing_back(plant: Plant, tmp_path: Path) -> None:
    with opened(plant.root / LIMIT) as (fd,):
        file = journals.write(tmp_path / "j", [entry(plant, fd=fd)])
        plant.fault("read", LIMIT, errno.ENODEV)
        with watching(file, fd):
            pass
    assert not file.exists()


def test_without_a_journal_it_ends_at_once(tmp_path: Path) -> None:
    assert subprocess.run([power._WATCHDOG], check=False).returncode == 2
    with (tmp_path / "none").open("w+b") as file:
        program = [power._WATCHDOG, str(file.fileno()), "0", "0"]
        done = subprocess.run(program, pass_fds=[file.fileno()], timeout=60, check=False)
    assert done.returncode == 1


# ------------------------------------------------------------------------------------------ guard


@pytest.mark.parametrize(
    ("user", "runtime", "expected"),
    [
        (0, "/run/user/0", "/run/alert"),
        (7, "/run/user/7", "/run/user/7/alert"),
        (7, None, "/tmp/alert-7"),
        (7, "", "/tmp/alert-7"),
        (7, "run", "/tmp/alert-7"),
        (7, "./run", "/tmp/alert-7"),
    ],
)
def test_where_journals_are_kept(
    user: int, runtime: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: user)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    if runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    assert power.journal_directory() == expected


@pytest.fixture
def fresh(machine: Plant) -> Plant:
    return machine


@contextmanager
def capped(plant: Plant) -> Iterator[tuple[power.PowerDevice, int]]:
    """Open and cap; yield the device, and the pid of its watchdog."""
    with power.open("rapl", root=plant.root) as device:
        device.set_cap(50.0)
        (watchdog,) = watchdogs(os.getpid())
        yield device, watchdog


@pytest.mark.parametrize("length", [386, 395, 450])  # with a short pid, too
def test_a_directory_with_too_long_a_name(
    fresh: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    parent = tmp_path / ("x" * 200)
    parent.mkdir()
    name = f"{parent}/".ljust(length, "y")
    monkeypatch.setattr(power, "journal_directory", lambda: name)
    with power.open("rapl", root=fresh.root) as device:
        with pytest.warns(power.PowerWarning, match="name too long"):
            device.set_cap(50.0)
        assert device.cap == 50.0
    assert fresh.value(LIMIT) == FOUND[LIMIT]
    assert list(parent.iterdir()) == []


def test_no_place_for_a_directory(
    fresh: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power, "journal_directory", lambda: str(tmp_path / "none" / "j"))
    with power.open("rapl", root=fresh.root) as device:
        with pytest.warns(power.PowerWarning, match="No such file"):
            device.set_cap(50.0)
        assert device.cap == 50.0


@pytest.mark.parametrize("length", [10, 5000])
def test_the_watchdog_gets_the_library_path_and_nothing_else(
    fresh: Plant, directory: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/" * length)
    with capped(fresh) as (_, watchdog):
        expected = b"LD_LIBRARY_PATH=" + b"/" * length + b"\0" if length < 4000 else b""
        assert Path(f"/proc/{watchdog}/environ").read_bytes() == expected


def test_closing_waits_for_the_watchdog_until_a_signal_comes(fresh: Plant, directory: Path) -> None:
    rang = []

    def ring(*_: object) -> None:
        rang.append(True)

    before = signal.signal(signal.SIGALRM, ring)
    try:
        with capped(fresh) as (device, watchdog):
            os.kill(watchdog, signal.SIGSTOP)
            signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
            device.close()
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            assert fresh.value(LIMIT) == FOUND[LIMIT]
            assert list(directory.iterdir()) == []
            os.kill(watchdog, signal.SIGCONT)
            wait_for(lambda: not Path(f"/proc/{watchdog}").exists())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert rang
    assert fresh.value(LIMIT) == FOUND[LIMIT]


def test_a_watchdog_that_somebody_else_has_waited_for(fresh: Plant, directory: Path) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel waits for all children
    try:
        with capped(fresh):
            pass
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert fresh.value(LIMIT) == FOUND[LIMIT]
    assert list(directory.iterdir()) == []


def test_an_owner_is_told_from_others_on_other_disks(tmp_path: Path, directory: Path) -> None:
    """The kernel lists locks by device and inode, and those of two trees may be numbered alike."""
    code = """
import sys
from alert import power
device = power.open("rapl", root=sys.argv[1])
print("owned", flush=True)
sys.stdin.read()
"""
    with (
        running(compile_plant(), tmp_path / "one", "wrapping") as one,
        running(compile_plant(), tmp_path / "other", "wrapping") as other,
        subprocess.Popen(
            [sys.executable, "-c", code, str(other.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == "owned\n"
        with power.open("rapl", root=one.root):
            inodes = {(plant.root / LIMIT).stat().st_ino for plant in (one, other)}
            assert len(inodes) == 1
            for root, owner in ((other.root, process.pid), (one.root, os.getpid())):
                with pytest.raises(power.PowerError, match=rf"\b{owner}\b"):
                    power.open("rapl", root=root, window=0.0)
        process.kill()
