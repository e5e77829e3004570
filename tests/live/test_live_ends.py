"""How a live view ends: closed, collected, killed, stopped or forked."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from forking import in_child
from servers import SOON
from simulation import Bench
from watching import Connect, gathered, read_line, threads, until

import alert
from alert.live import receiver
from alert.live.receiver import Receiver


def test_closing_removes_the_socket_and_ends_the_thread(connect: Connect, directory: Path) -> None:
    bench = Bench(live="camera")
    there = connect()
    bench.runner.close()
    bench.runner.close()
    assert list((directory / "live").iterdir()) == []
    while there.recv(4096):
        pass
    until(lambda: not threads())


def test_a_runner_that_is_collected_is_shown_no_more(directory: Path) -> None:
    bench = Bench(live="camera")
    del bench
    gc.collect()
    assert list((directory / "live").iterdir()) == []
    until(lambda: not threads())


def test_a_snapshot_that_fails_ends_the_view_and_not_the_run(
    connect: Connect, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda failed: said.append(failed.exc_value))
    bench = Bench(live="camera")
    monkeypatch.setattr(alert.Runner, "report", lambda self: 1 / 0)
    there = connect()
    assert there.recv(1) == b""
    until(lambda: said)
    bench.runner("x")
    assert list((directory / "live").iterdir()) == []
    bench.runner.close()


SHOWN = """
import sys, time
sys.path.insert(0, sys.argv[2])
from alert import power
power.journal_directory = lambda: sys.argv[1]
from simulation import Bench
bench = Bench(live="camera")
print("there", flush=True)
if sys.stdin.readline():
    bench.runner("x")
"""


def shown(directory: Path) -> subprocess.Popen[str]:
    support = str(Path(__file__).parents[1] / "support")
    command = [sys.executable, "-c", SHOWN, str(directory), support]
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    assert program.stdout.readline() == "there\n"
    return program


def test_a_program_that_ends_removes_its_socket(directory: Path) -> None:
    with shown(directory) as program:
        assert [snapshot.pid for snapshot in gathered()] == [program.pid]
        program.communicate("go\n", SOON)
    assert program.returncode == 0
    assert list((directory / "live").iterdir()) == []


@pytest.mark.parametrize("who", ["receiver", "sender"])
def test_the_socket_of_a_killed_program_is_removed(directory: Path, who: str) -> None:
    with shown(directory) as program:
        program.send_signal(signal.SIGKILL)
        program.wait(SOON)
    assert len(list((directory / "live").iterdir())) == 1
    if who == "receiver":
        assert gathered() == []
        assert list((directory / "live").iterdir()) == []
    else:
        bench = Bench(live="camera")
        assert len(list((directory / "live").iterdir())) == 1
        bench.runner.close()


def test_a_program_that_is_stopped_holds_nobody_up(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "_PATIENCE", 0.1)
    with shown(directory) as program:
        program.send_signal(signal.SIGSTOP)
        bench = Bench(live="other")
        with Receiver() as watching:
            while not watching.snapshots():
                watching.gather()
            assert [snapshot.name for snapshot, _ in watching.snapshots()] == ["other"]
        bench.runner.close()
        program.send_signal(signal.SIGCONT)
        program.communicate("go\n", SOON)


def test_a_fork_does_not_end_what_its_parent_shows(connect: Connect, directory: Path) -> None:
    bench = Bench(live="camera")
    there = connect()
    assert read_line(there)

    def work() -> None:
        bench.runner("x")
        bench.runner.close()
        again = Bench(live="child")
        assert {snapshot.name for snapshot in gathered()} == {"camera", "child"}
        again.runner.close()

    assert in_child(work) == 0
    assert [snapshot.name for snapshot in gathered()] == ["camera"]
    bench.runner.close()


def test_a_fork_does_not_hold_the_sockets_of_its_parent(connect: Connect) -> None:
    bench = Bench(live="camera")
    there = connect()
    assert read_line(there)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    bench.runner.close()
    while there.recv(4096):  # to its end, while the child lives
        pass
    os.close(writing)
    os.waitpid(child, 0)
    os.close(reading)
