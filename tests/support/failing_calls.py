"""Lets calls to the system fail under RAPL and cpufreq; run by test_failing_calls.py.

LD_PRELOAD=failing_calls.so python failing_calls.py DIRECTORY
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import importlib.util
import os
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from killing import watchdogs
from policies import tree
from rapl_tree import Zone, build, package, read, zone_path

from alert import _core, power

CALLS = ctypes.CDLL(None)
DIRECTORY = Path(sys.argv[1])
JOURNALS = DIRECTORY / "journals"
FOREVER = 1 << 40
UNGUARDED = "the limits found are "  # never given back, or not at once

failed = 0


@contextmanager
def failing(function: str, code: int, first: int = 1, last: int | None = None) -> Iterator[None]:
    """Let the `first` to the `last` call of a function fail; one of them has to be made."""
    before = failed
    with perhaps_failing(function, code, first, last):
        yield
    assert failed > before, f"{function} was not called"


@contextmanager
def perhaps_failing(
    function: str, code: int, first: int, last: int | None = None
) -> Iterator[None]:
    global failed
    CALLS.failing_calls_arm(function.encode(), *map(ctypes.c_long, (first, last or first)), code)
    try:
        yield
    finally:
        failed += CALLS.failing_calls_disarm()


def open_rapl(root: Path, *, watchdog: str | None = power._WATCHDOG) -> power.PowerDevice:
    options = {"root": str(root), "dram": True, "directory": str(JOURNALS)}
    return _core.open_power("rapl", options | ({"watchdog": watchdog} if watchdog else {}))


def machine(name: str) -> Path:
    """Two dies, memory, and the twin of the first of them."""
    memory = Zone("dram", energy_uj=3_000_000)
    first, second = "package-0-die-0", "package-0-die-1"
    zones = [package(first, children=(memory,)), package(second, 60_000_000, energy_uj=9_000_000)]
    root = build(DIRECTORY / name, zones)
    return build(root, [package(first, 70_000_000)], "intel-rapl-mmio")


def limits_of(root: Path) -> dict[Path, int]:
    names = ("*power_limit_uw", "*time_window_us", "enabled", "scaling_max_freq")
    return {path: read(path) for name in names for path in root.rglob(name)}


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def said(caught: list[warnings.WarningMessage]) -> list[str]:
    assert all(isinstance(warning.message, power.PowerWarning) for warning in caught)
    return [str(warning.message) for warning in caught]


# ------------------------------------------------------------------------------------- anything


def use(root: Path) -> None:
    """Do all there is to do with a device."""
    device = open_rapl(root)
    assert device.zones
    for cap in (30.0, 20.0):
        device.set_cap(cap)
        device.energy()
    assert repr(device.cap)
    assert all(zone["name"] for zone in device.zones)
    device.close()


def use_frequencies(root: Path) -> None:
    options = {"root": str(root), "directory": str(JOURNALS), "watchdog": power._WATCHDOG}
    device = _core.open_power("cpufreq", options)
    for cap in (2.0, 1.0):
        device.set_cap(cap)
    assert repr(device.cap)
    assert all(part["name"] for part in device.parts)
    device.close()


def walk(root: Path, function: str, code: int, call: Callable[[], object]) -> None:
    """Let the first, the second, ... call of a function fail until none is left to fail."""
    found, held = limits_of(root), descriptors()
    for n in range(1, 1000):
        before = failed
        try:
            with perhaps_failing(function, code, n):
                call()
        except OSError as error:
            if error.errno != code and not isinstance(error, power.PowerError):
                raise
        power.restore(JOURNALS)
        assert limits_of(root) == found, (function, code, n)
        assert descriptors() == held, (function, code, n)
        assert not list(JOURNALS.glob("*.journal")), (function, code, n)
        if failed == before:
            assert n > 1, f"{function} was not called"
            return
    raise AssertionError("no end")


def any_call_may_fail() -> None:
    root, policies = machine("any"), tree(DIRECTORY / "cores", [3_600_000, 2_400_000])
    calls = (
        *(("opendir", errno.EMFILE), ("pread", errno.EIO)),
        *(("pwrite", errno.EIO), ("flock", errno.ENOLCK), ("fstat", errno.EIO)),
        *(("read", errno.ESRCH), ("mmap", errno.ENOMEM), ("waitpid", errno.EINTR)),
    )
    codes = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EMFILE)
    for function, code in (*(("openat", code) for code in codes), ("open", errno.EMFILE), *calls):
        walk(root, function, code, lambda: use(root))
    for function, code in (*(("open", code) for code in codes), *calls):
        walk(policies, function, code, lambda: use_frequencies(policies))


def a_right_that_is_missing_comes_with_a_remedy() -> None:
    root = machine("rights")
    rule = "--privileged" if os.geteuid() == 0 else "alert info"  # a rule gives root nothing
    for code in (errno.EACCES, errno.EPERM, errno.EROFS):
        lacks = set()
        for n in range(1, 100):
            try:
                with perhaps_failing("openat", code, n):
                    device = open_rapl(root)
            except power.PowerError:
                continue
            for zone in device.zones:
                for right in ("cap_missing", "read_missing"):
                    if zone["name"] != "dram" and zone[right]:
                        assert rule in zone[right]["remedy"], (code, zone[right])
                        lacks.add(right)
            device.close()
        assert len(lacks) == 2, code


# ---------------------------------------------------------------------------------------- guard


def a_guard_that_cannot_be_set_up_is_said_once() -> None:
    root = machine("guard")
    found, held = limits_of(root), descriptors()
    for function, code, n in (
        ("mkdir", errno.EROFS, 1),
        ("mkostemps", errno.EROFS, 1),
        ("flock", errno.ENOLCK, 1),
        ("posix_fallocate", errno.ENOSPC, 1),
        ("mmap", errno.ENOMEM, 1),
        ("rename", errno.EIO, 1),
        ("syscall", errno.ENOSYS, 1),  # pidfd_open
        ("socketpair", errno.EMFILE, 1),
        ("posix_spawn_file_actions_init", errno.ENOMEM, 1),
        ("posix_spawnattr_init", errno.ENOMEM, 1),
        ("posix_spawn_file_actions_addopen", errno.ENOMEM, 2),
        ("posix_spawn_file_actions_adddup2", errno.ENOMEM, 2),  # of the journal, pidfd, socket
        ("posix_spawn_file_actions_adddup2", errno.ENOMEM, 5),  # of a setting
        ("posix_spawn", errno.EAGAIN, 1),
    ):
        device = open_rapl(root)
        with warnings.catch_warnings(record=True) as caught, failing(function, code, n):
            warnings.simplefilter("always")
            device.set_cap(50.0)
        assert device.cap == 50.0, function
        device.set_cap(40.0)
        (text,) = said(caught)
        assert os.strerror(code) in text, (function, text)
        assert UNGUARDED in text
        device.close()
        assert limits_of(root) == found, function
        assert descriptors() == held, function
        assert not list(JOURNALS.iterdir()) if JOURNALS.exists() else True, function


def a_journal_is_kept_without_a_watchdog() -> None:
    root = machine("alone")
    found = limits_of(root)
    device = open_rapl(root, watchdog=None)
    device.set_cap(50.0)
    assert watchdogs(os.getpid()) == []
    assert len(list(JOURNALS.glob("*.journal"))) == 1
    device.close()
    assert not list(JOURNALS.iterdir())
    assert limits_of(root) == found


# ---------------------------------------------------------------------------------------- lock


def refused(root: Path) -> power.PowerError:
    try:
        open_rapl(root).close()
    except power.PowerError as error:
        return error
    raise AssertionError("it could be opened")


def who_owns_a_zone() -> None:
    root = machine("lock")
    with failing("flock", errno.ENOLCK, 3):  # the others are of the journals' directory
        error = refused(root)
    assert error.errno == errno.ENOLCK
    assert error.what.endswith("_power_limit_uw")
    with failing("flock", errno.EWOULDBLOCK, 3):  # whoever held it has just gone
        open_rapl(root).close()
    with (DIRECTORY / "other").open("w") as other:  # the kernel does not say who it is
        fcntl.lockf(other, fcntl.LOCK_EX)
        for function, first in (("flock", 3), ("fopen", 1), ("fstat", 2)):
            with (
                failing("flock", errno.EWOULDBLOCK, 3, FOREVER),
                perhaps_failing(function, errno.EWOULDBLOCK, first, FOREVER),
            ):
                error = refused(root)
            assert error.errno == errno.EBUSY
            assert "another process caps it already" in error.why
    with open_rapl(root):
        assert "this process" in refused(root).why


def forks_that_cannot_be_watched() -> None:
    """Then a child could keep the zone: nobody may lock it. Before any other device."""
    root, n, before = machine("watched"), 0, -1
    while failed > before:  # all that an observer opens
        n, before = n + 1, failed
        with suppress(power.PowerError), perhaps_failing("open", errno.EMFILE, n):
            _core.open_power("rapl", {"root": str(root), "observe": True, "dram": True}).close()
    with failing("open", errno.EMFILE, n + 1):  # the journals' directory comes first
        error = refused(root)
    assert (error.errno, Path(error.what).parent) == (errno.EMFILE, zone_path(root))
    with failing("__register_atfork", errno.ENOMEM), suppress(MemoryError):
        open_rapl(root)
        raise AssertionError("it could be opened")
    open_rapl(root).close()


def a_child_lets_go_where_it_can_open_nothing() -> None:
    root = machine("child")
    reading, writing = os.pipe()
    parent = os.fork()
    if parent == 0:
        device = open_rapl(root, watchdog=None)
        CALLS.failing_calls_arm(b"open", *map(ctypes.c_long, (1, FOREVER)), errno.EMFILE)
        if os.fork() == 0:
            told = f"{os.getpid()} {CALLS.failing_calls_disarm()} {device.energy()} {device.cap}"
            os.write(writing, told.encode())
            time.sleep(60)
        os._exit(0)
    os.waitpid(parent, 0)
    child, failures, *readings = os.read(reading, 100).decode().split()
    assert failures == "2", failures  # one for each die
    assert readings == ["0.0", "nan"], readings
    open_rapl(root).close()
    os.kill(int(child), signal.SIGKILL)
    os.close(reading)
    os.close(writing)


# -------------------------------------------------------------------------------------- restore


def what_is_left_is_given_back_in_the_end() -> None:
    root = machine("restore")
    kept, found = DIRECTORY / "kept.journal", limits_of(root)
    child = os.fork()
    if child == 0:
        device = open_rapl(root, watchdog=None)
        device.set_cap(50.0)
        shutil.copy(next(JOURNALS.glob("*.journal")), kept)
        os._exit(0)
    os.waitpid(child, 0)
    left = [(path, path.read_bytes()) for path in root.rglob("*") if path.is_file()]
    assert limits_of(root) != found
    for function, code in (
        *(("open", errno.EMFILE), ("openat", errno.EMFILE), ("fdopendir", errno.ENOMEM)),
        *(("flock", errno.ENOLCK), ("flock", errno.EINTR), ("fstat", errno.EIO)),
        *(("mmap", errno.ENOMEM), ("pread", errno.EIO), ("pwrite", errno.EBUSY)),
    ):
        for n in range(1, 100):
            for path, data in left:
                path.write_bytes(data)
            shutil.copy(kept, JOURNALS / "1-x.journal")
            before = failed
            with suppress(OSError), perhaps_failing(function, code, n):
                power.restore(JOURNALS)
            power.restore(JOURNALS)
            assert limits_of(root) == found, (function, n)
            assert not list(JOURNALS.glob("*.journal")), (function, n)
            if failed == before:
                break
        assert n > 1, f"{function} was not called"


# --------------------------------------------------------------------------------------- import


def forks_that_cannot_be_counted() -> None:
    """Then no device and no scheduler could be trusted in a child: there is no module."""
    program = f"""
import ctypes, errno
calls = ctypes.CDLL(None)
import numpy
calls.failing_calls_arm(b"__register_atfork", ctypes.c_long(1), ctypes.c_long(1), {errno.ENOMEM})
try:
    import alert._core
except OSError as error:
    assert error.errno == errno.ENOMEM
else:
    raise SystemExit("imported")
assert calls.failing_calls_disarm() == 1
import alert
"""
    spec = importlib.util.find_spec("alert")
    assert spec
    child = os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", program])
    assert child == 0


def main() -> None:
    warnings.simplefilter("ignore")
    forks_that_cannot_be_watched()
    any_call_may_fail()
    a_right_that_is_missing_comes_with_a_remedy()
    a_child_lets_go_where_it_can_open_nothing()
    a_guard_that_cannot_be_set_up_is_said_once()
    a_journal_is_kept_without_a_watchdog()
    who_owns_a_zone()
    what_is_left_is_given_back_in_the_end()
    forks_that_cannot_be_counted()
    print(failed, "calls failed")


main()
