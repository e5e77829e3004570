"""The limits of GPUs are given back, however a process ends (see gpus.py)."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from devices import joules
from gpus import LOST, NOT_LOADED, Gpus, compile_stub
from killing import is_dead, wait_for, watchdogs

from alert import power

pytestmark = pytest.mark.usefixtures("directory")


def test_somebody_elses_later_limit_stays(gpus: Gpus) -> None:
    with power.open("nvml") as device:
        device.set_cap(400.0)
        gpus.gpu[0].limit_mw = 123_000
    assert gpus.limits() == (123.0, 300.0)


def test_observers_change_nothing(gpus: Gpus, directory: Path) -> None:
    with power.open("nvml") as owner:
        owner.set_cap(400.0)
        calls = gpus.calls("set_limit")
        with power.open("nvml", observe=True) as device:
            assert not device.can_cap
            assert device.cap == pytest.approx(400.0)
            gpus.advance(1.0)
            assert joules(device) == pytest.approx(400.0, abs=0.01)
            with pytest.raises(power.PowerPermissionError, match="observe"):
                device.set_cap(300.0)
        described = power.describe()["nvml"]
        assert gpus.calls("set_limit") == calls
    assert described["can_cap"]
    assert described["can_read"]
    assert described["cap_range"] == [250.0, 400.0]
    assert described["missing"] == []
    assert [gpu["cap_range"] for gpu in described["gpus"]] == [[100.0, 300.0], [150.0, 400.0]]
    assert json.loads(json.dumps(described)) == described


def test_one_owner_for_each_gpu(gpus: Gpus) -> None:
    with power.open("nvml", gpus=[1]):
        with pytest.raises(power.PowerError, match=r"GPU 1 .*this process .* has opened") as caught:
            power.open("nvml")
        assert caught.value.errno == errno.EBUSY
        power.open("nvml", gpus=[0]).close()  # left free by the attempt
    power.open("nvml").close()


VICTIM = """
import os, signal, sys, time
from alert import power

power.journal_directory = lambda: sys.argv[1]
device = power.open("nvml")
device.set_cap(400.0)
children = [os.fork()] if sys.argv[2] == "children" else []
if children == [0]:
    device.close()  # gives nothing back: it is not this process's
    time.sleep(60)
    os._exit(0)
print(*children, flush=True)
if sys.stdin.readline() == "raise\\n":
    raise RuntimeError("the loop failed")
"""


def victim(gpus: Gpus, directory: Path, children: bool = False) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(directory), "children" if children else ""],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=gpus.environment(),
        start_new_session=True,
    )


CAPPED: Any = (pytest.approx(175.0, abs=0.001), pytest.approx(225.0, abs=0.001))


@pytest.mark.parametrize("ending", ["return", "raise", "SIGTERM", "SIGKILL", "SIGSEGV", "group"])
@pytest.mark.parametrize("children", [False, True])
def test_limits_are_given_back_however_a_process_ends(
    gpus: Gpus, directory: Path, ending: str, children: bool
) -> None:
    with victim(gpus, directory, children) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        workers = [int(word) for word in process.stdout.readline().split()]
        try:
            assert gpus.limits() == CAPPED
            if ending == "group":
                os.killpg(process.pid, signal.SIGKILL)
            elif ending.startswith("SIG"):
                process.send_signal(getattr(signal, ending))
            else:
                process.stdin.write(f"{ending}\n")
                process.stdin.flush()
            process.wait(timeout=120)
            wait_for(lambda: gpus.limits() == Gpus.LIMITS)
            power.open("nvml").close()  # free again, worker or not
        finally:
            for worker in workers:
                if ending != "group":
                    os.kill(worker, signal.SIGKILL)
    assert list(directory.glob("*.journal")) == []
    gpus.machine.users = 0  # the dead said no goodbye


def test_the_other_owner_is_named(gpus: Gpus, directory: Path) -> None:
    with victim(gpus, directory) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(power.PowerError, match=f"GPU 0.*process {process.pid} caps it already"):
            power.open("nvml")
        power.open("nvml", observe=True).close()
        process.kill()
    power.open("nvml").close()
    wait_for(lambda: list(directory.glob("*.journal")) == [])
    assert gpus.limits() == Gpus.LIMITS
    gpus.machine.users = 0


def kill_both(gpus: Gpus, directory: Path) -> None:
    with victim(gpus, directory) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (watchdog,) = watchdogs(process.pid)
        os.kill(watchdog, signal.SIGKILL)
        process.kill()
    wait_for(lambda: is_dead(watchdog))
    gpus.machine.users = 0
    assert gpus.limits() == CAPPED


def test_a_journal_covers_the_death_of_both(gpus: Gpus, directory: Path) -> None:
    kill_both(gpus, directory)
    told = power.restore(directory)
    assert [(item["path"], item["value"], item["error"]) for item in told] == [
        ("GPU-0", 250_000, None),
        ("GPU-1", 300_000, None),
    ]
    assert gpus.limits() == Gpus.LIMITS
    assert list(directory.glob("*.journal")) == []


def test_the_next_open_restores_by_the_journal(gpus: Gpus, directory: Path) -> None:
    kill_both(gpus, directory)
    with power.open("nvml") as device:
        assert gpus.limits() == Gpus.LIMITS
        assert device.cap == 550.0


@pytest.mark.parametrize(
    ("function", "code", "kept"),
    [("init", NOT_LOADED, False), ("set_limit", LOST, False), ("set_limit", 999, True)],
)
def test_a_journal_is_kept_while_there_is_something_to_give_back(
    gpus: Gpus, directory: Path, function: str, code: int, kept: bool
) -> None:
    kill_both(gpus, directory)
    gpus.fault(function, code, gpu=None if function == "init" else 0)
    told = {item["path"]: item["error"] for item in power.restore(directory)}
    assert told["GPU-0"] is not None
    assert len(list(directory.glob("*.journal"))) == kept
    gpus.fault(function, 0, gpu=None if function == "init" else 0)
    power.restore(directory)
    assert list(directory.glob("*.journal")) == []
    assert (gpus.limits() == Gpus.LIMITS) == kept


def test_a_journal_is_kept_without_the_library(tmp_path: Path, directory: Path) -> None:
    gpus = Gpus(tmp_path / "driver", compile_stub())
    kill_both(gpus, directory)
    told = power.restore(directory)  # this process does not find it
    assert [item["error"] for item in told] == [os.strerror(errno.ELIBACC)] * 2
    assert len(list(directory.glob("*.journal"))) == 1
    with gpus.loaded():
        power.restore(directory)
    assert gpus.limits() == Gpus.LIMITS


def test_a_directory_for_locks_that_others_may_write_to(gpus: Gpus, directory: Path) -> None:
    directory.mkdir()
    directory.chmod(0o777)
    with power.open("nvml") as device:
        assert device.can_read
        with pytest.raises(power.PowerError, match="owner locks a file"):
            device.set_cap(400.0)


def test_without_a_guard_there_is_no_journal(gpus: Gpus, directory: Path) -> None:
    with power.open("nvml", guard=False) as device:
        device.set_cap(400.0)
        assert list(directory.glob("*.journal")) == []
    assert gpus.limits() == Gpus.LIMITS


def test_found_through_the_library_path(gpus: Gpus, directory: Path) -> None:
    code = "from alert import power; print(power.describe()['nvml']['cap_range'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=gpus.environment(),
        check=True,
    )
    assert done.stdout == "[250.0, 550.0]\n"
