"""Watchdogs that die, stop or are waited for, while their process lives."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from capping import are_back, line_of, process, tell
from killing import is_dead, wait_for, watchdogs

from alert import power

pytestmark = pytest.mark.usefixtures("directory")


def test_a_loop_of_waits_ends(client: Path, directory: Path) -> None:
    """The watchdog is nobody's child that the program would wait for."""
    loop = """
import subprocess
subprocess.Popen(["true"])
try:
    while True:
        os.wait()
except ChildProcessError:
    print("all have ended", flush=True)
sys.stdin.read()
"""
    with process(client, directory, loop) as it:
        pid = int(line_of(it))
        assert len(watchdogs(pid)) == 1
        assert line_of(it) == "all have ended\n"


def test_a_lost_watchdog_is_replaced(client: Path, directory: Path, found: tuple[int, ...]) -> None:
    loop = (
        "for line in sys.stdin:\n    device.set_cap(float(line)); print(device.cap, flush=True)\n"
    )
    with process(client, directory, loop) as it:
        pid = int(line_of(it))
        (first,) = watchdogs(pid)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: is_dead(first))
        tell(it, 15.0)
        line_of(it)
        (second,) = watchdogs(pid)
        assert second != first
        it.kill()
        wait_for(lambda: are_back(client, found))
        assert it.stderr is not None
        assert it.stderr.read() == ""


def test_a_lost_watchdog_that_cannot_be_replaced_is_said_once(
    client: Path, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "watchdog"
    program.symlink_to(power._WATCHDOG)
    monkeypatch.setattr(power, "_WATCHDOG", str(program))
    with power.open("rapl", root=client) as device:
        device.set_cap(20.0)
        (watchdog,) = watchdogs(os.getpid())
        program.unlink()
        os.kill(watchdog, signal.SIGKILL)
        wait_for(lambda: is_dead(watchdog))
        with pytest.warns(power.PowerWarning, match="not given back at once"):
            device.set_cap(25.0)
        device.set_cap(15.0)


def test_closing_survives_a_dead_watchdog_and_a_default_sigpipe(
    client: Path, directory: Path, found: tuple[int, ...]
) -> None:
    code = """
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
sys.stdin.readline()
device.close()
print("closed", flush=True)
"""
    with process(client, directory, code) as it:
        (watchdog,) = watchdogs(int(line_of(it)))
        os.kill(watchdog, signal.SIGKILL)
        wait_for(lambda: is_dead(watchdog))
        tell(it, "close")
        assert line_of(it) == "closed\n"
        assert it.wait() == 0
    assert are_back(client, found)


def test_closing_does_not_wait_for_ever_for_a_watchdog_that_is_stopped(
    client: Path, directory: Path, found: tuple[int, ...]
) -> None:
    code = "sys.stdin.readline(); device.close(); print('closed', flush=True)"
    with process(client, directory, code) as it:
        (watchdog,) = watchdogs(int(line_of(it)))
        os.kill(watchdog, signal.SIGSTOP)
        try:
            tell(it, "close")
            assert line_of(it) == "closed\n"
            assert are_back(client, found)
            with power.open("rapl", root=client) as device:
                device.set_cap(15.0)  # free again
        finally:
            os.kill(watchdog, signal.SIGCONT)
    wait_for(lambda: is_dead(watchdog))
    assert are_back(client, found)
