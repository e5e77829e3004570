"""Journals that cannot be written, watchdogs that do not start: what is given back, and said."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import journals
import pytest
from capping import are_back, line_of, process
from killing import wait_for, watchdogs

from alert import power

pytestmark = pytest.mark.usefixtures("directory")


@pytest.mark.needs("root")  # to mount
@pytest.mark.parametrize("fill", [True, False])
def test_a_full_disk_is_said_once_and_the_watchdog_does_without(
    client: Path, directory: Path, found: tuple[int, ...], fill: bool
) -> None:
    """Full of data, or of files."""
    directory.mkdir(mode=0o700)
    options = "size=16k,mode=700" if fill else "nr_inodes=1,mode=700"
    eat = f"head -c 65536 /dev/zero > {directory}/filler 2>/dev/null;" if fill else ""
    mount = f'mount -t tmpfs -o {options} none {directory} && {eat} exec "$0" "$@"'
    within = ["unshare", "-m", "sh", "-c", mount]
    with process(
        client, directory, "device.set_cap(25.0)\nprint()\nsys.stdin.read()", within=within
    ) as it:
        line_of(it)
        line_of(it)
        assert not are_back(client, found)
        it.kill()
        wait_for(lambda: are_back(client, found))
        assert it.stderr is not None
        told = it.stderr.read()
    assert told.count("PowerWarning") == 1
    assert "No space left on device" in told
    assert "together with its watchdog" in told
    assert "never" in told


@pytest.mark.parametrize("watchdog", [True, False])
def test_a_directory_that_will_not_do_says_what_is_lost(
    client: Path, directory: Path, found: tuple[int, ...], watchdog: bool
) -> None:
    directory.mkdir()
    directory.chmod(0o777)
    before = "" if watchdog else "from alert import power; power._WATCHDOG = '/none'\n"
    with process(client, directory, before=before) as it:
        line_of(it)
        it.kill()
        if watchdog:
            wait_for(lambda: are_back(client, found))
        assert it.stderr is not None
        told = it.stderr.read()
    assert told.count("PowerWarning") == 1
    assert "never given back" in told
    assert ("together with its watchdog" in told) == watchdog
    assert ("others may write to it" in told) == watchdog
    assert are_back(client, found) == watchdog


def test_without_a_watchdog_there_is_a_journal_and_a_warning(
    client: Path, directory: Path, found: tuple[int, ...]
) -> None:
    """And a worker that outlives the dead keeps nobody from giving back."""
    before = "from alert import power; power._WATCHDOG = '/none'\n"
    fork = "pid = os.fork()\nif pid == 0: time.sleep(60)\nprint(pid, flush=True)\nsys.stdin.read()"
    with process(client, directory, fork, before=before) as it:
        line_of(it)
        worker = int(line_of(it))
        it.kill()
    try:
        assert not are_back(client, found)
        assert all(item["error"] is None for item in power.restore(directory))
        assert are_back(client, found)
    finally:
        os.kill(worker, signal.SIGKILL)


def test_a_child_past_the_handlers_of_fork_keeps_nobody_from_giving_back(
    client: Path, directory: Path, found: tuple[int, ...]
) -> None:
    """It shares the lock of the journal; but the process is dead, and there was no watchdog."""
    if not hasattr(ctypes.CDLL(None), "_Fork"):
        pytest.skip("the C library has no _Fork()")
    before = "from alert import power; power._WATCHDOG = '/none'\n"
    fork = """
import ctypes
pid = ctypes.CDLL(None)._Fork()
if pid == 0: time.sleep(60)
print(pid, flush=True)
sys.stdin.read()
"""
    with process(client, directory, fork, before=before) as it:
        line_of(it)
        worker = int(line_of(it))
        assert power.restore(directory) == []  # it lives
        it.kill()
    try:
        assert power.restore(directory)
        assert are_back(client, found)
    finally:
        os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("program", ["/bin/false", "/bin/true"])
def test_a_watchdog_that_does_not_start_is_said(
    client: Path, directory: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(power, "_WATCHDOG", program)
    with power.open("rapl", root=client) as device:
        with pytest.warns(power.PowerWarning, match=r"did not start .*not given back at once"):
            device.set_cap(20.0)
        device.set_cap(25.0)
        assert len(list(directory.glob("*.journal"))) == 1


def test_what_a_process_had_just_begun_is_removed(client: Path, directory: Path) -> None:
    directory.mkdir(mode=0o700)
    (directory / "7-abcdef.tmp").touch(mode=0o600)
    making = directory / "8-abcdef.tmp"
    making.touch(mode=0o600)
    held = journals.lock(making)
    power.open("rapl", root=client).close()
    assert list(directory.iterdir()) == [making]  # its process lives
    os.close(held)
    assert power.restore(directory) == []
    assert list(directory.iterdir()) == []


def test_a_restore_that_stands_still_holds_nobody_up_for_long(
    client: Path, directory: Path, found: tuple[int, ...]
) -> None:
    directory.mkdir(mode=0o700)
    held = journals.lock_directory(directory)
    try:
        with pytest.raises(BlockingIOError, match="at work there for seconds"):
            power.restore(directory)
        with power.open("rapl", root=client) as device:
            with pytest.warns(power.PowerWarning, match="at work there for seconds"):
                device.set_cap(20.0)
            assert len(watchdogs(os.getpid())) == 1
        assert are_back(client, found)
    finally:
        os.close(held)


def test_the_command_says_which_journals_were_passed_over(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    (directory / "1-cut.journal").write_bytes(b"alertJ")
    (directory / "2-directory.journal").mkdir()
    command = [sys.executable, "-m", "alert", "restore", "--directory", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert sorted(done.stdout.splitlines()) == [
        f"{directory}/1-cut.journal passed over: it is cut, damaged or of another version",
        f"{directory}/2-directory.journal passed over: Is a directory",
    ]
    assert done.returncode == 1
    assert "2 journals were passed over" in done.stderr
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert [item["value"] for item in json.loads(done.stdout)["files"]] == [None, None]
    assert done.returncode == 1
