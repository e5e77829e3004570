"""GPUs through a stub of NVIDIA's library, which shows what each test wants it to show."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gpus import LOST, MISMATCH, NO_PERMISSION, NOT_LOADED, NOT_SUPPORTED, Gpus, compile_stub
from killing import is_dead, wait_for

from alert import power

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_stub(tmp_path_factory.mktemp("stub"))


@pytest.fixture(autouse=True)
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "journals"
    monkeypatch.setattr(power, "journal_directory", lambda: str(directory))
    return directory


@pytest.fixture
def gpus(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gpus]:
    gpus = Gpus(tmp_path / "driver", library)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(gpus.library.parent))  # for the watchdog
    with gpus.loaded():
        yield gpus
        assert gpus.machine.users == 0  # every init had its shutdown


def joules(device: power.Device) -> float:
    energy = device.energy()
    assert energy is not None
    return energy


# ------------------------------------------------------------------------------- caps and joules


def test_all_gpus_are_one_device(gpus: Gpus) -> None:
    with power.open("nvml") as device:
        assert device.kind == "nvml"
        assert not device.emulated
        assert device.can_cap
        assert device.can_read
        assert device.cap_range == (250.0, 700.0)
        assert device.cap == 550.0
        assert device.zones == []
        assert gpus.limits() == Gpus.LIMITS
        for cap, shares in ((250.0, (100.0, 150.0)), (700.0, (300.0, 400.0)), (475, (200, 275))):
            device.set_cap(cap)
            assert gpus.limits() == shares
            assert device.cap == cap
        with pytest.raises(ValueError, match="expected 250 to 700 W, got 249"):
            device.set_cap(249.0)
    assert gpus.limits() == Gpus.LIMITS


def test_some_gpus(gpus: Gpus) -> None:
    with power.open("nvml", gpus=[1]) as device:
        assert device.cap_range == (150.0, 400.0)
        assert [gpu["name"] for gpu in device.gpus] == ["Stub 1"]
        device.set_cap(200.0)
        assert gpus.limits() == (250.0, 200.0)
        gpus.advance(2.0)
        assert joules(device) == pytest.approx(400.0, abs=1e-9)
        with power.open("nvml", gpus=(0,)) as other:  # nobody's yet
            assert other.cap_range == (100.0, 300.0)
    for wrong in ([2], [0, 0], [0, 7]):
        with pytest.raises(ValueError, match=r"gpus: expected indices below 2, each once"):
            power.open("nvml", gpus=wrong)
    senseless: list[Any] = [[], [-1], ["0"], [2**70]]
    for value in senseless:
        with pytest.raises(ValueError, match=r"gpus.*: expected"):
            power.open("nvml", gpus=value)
    with pytest.raises(TypeError, match="gpus: expected a sequence"):
        power.open("nvml", gpus=0)  # type: ignore[arg-type]


def test_energy_follows_the_cap_and_never_runs_backwards(gpus: Gpus) -> None:
    with power.open("nvml") as device:
        assert device.energy() == 0.0
        gpus.advance(10.0)
        assert joules(device) == pytest.approx(10 * (220 + 300), abs=1e-9)
        device.set_cap(250.0)
        gpus.advance(10.0)
        assert joules(device) == pytest.approx(10 * (220 + 300 + 250), abs=1e-9)
        gpus.gpu[0].energy_mj = 0  # the driver has been loaded anew
        assert joules(device) == pytest.approx(10 * (220 + 300 + 250), abs=1e-9)
        gpus.advance(1.0)
        assert joules(device) == pytest.approx(11 * 250 + 10 * (220 + 300), abs=1e-9)


def test_a_cap_is_written_once_and_read_back(gpus: Gpus) -> None:
    with power.open("nvml", gpus=[0]) as device:
        assert gpus.calls("set_limit") == 1  # the limit found: to see whether it may be set
        for _ in range(3):
            device.set_cap(200.0)
        assert gpus.calls("set_limit") == 2
        enforced = gpus.calls("enforced_limit")
        device.set_cap(150.0)
        assert gpus.calls("set_limit") == 3
        assert gpus.calls("enforced_limit") == enforced
    assert gpus.calls("set_limit") == 4


def test_states_what_a_change_costs(gpus: Gpus) -> None:
    gpus.machine.set_us = 15_000
    with power.open("nvml", gpus=[0]) as device:
        assert device.switch_cost_s >= 0.015
        assert device.settle_s == 0.1
        assert device.tick_s == 0.02
        gpus.machine.set_us = 0
        first = device.switch_cost_s
        for cap in (150.0, 200.0, 160.0, 210.0, 170.0, 220.0):
            device.set_cap(cap)
        assert device.switch_cost_s < first / 2
    with power.open("nvml", gpus=[0], switch_cost=0.02, settle=0.0) as device:
        device.set_cap(200.0)
        assert device.switch_cost_s == 0.02
        assert device.settle_s == 0.0
    for name in ("switch_cost", "settle"):
        with pytest.raises(ValueError, match=f"{name}: expected a number of seconds from 0"):
            power.open("nvml", **{name: -1.0})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="settle: expected"):
        power.open("nvml", settle=math.nan)


def test_calls_drop_the_gil(gpus: Gpus) -> None:
    gpus.machine.set_us = 300_000
    done = threading.Event()
    with power.open("nvml", gpus=[0]) as device:

        def cap() -> None:
            device.set_cap(200.0)
            done.set()

        thread = threading.Thread(target=cap)
        calls = gpus.calls("set_limit")
        thread.start()
        wait_for(lambda: gpus.calls("set_limit") > calls)
        assert not done.is_set()  # we run while the driver works
        thread.join()
    assert done.is_set()


# ------------------------------------------------------------------------------- what is missing


@pytest.mark.parametrize(
    ("code", "number", "words", "remedy"),
    [
        (NOT_LOADED, errno.ENODEV, "Driver Not Loaded", "modprobe nvidia"),
        (MISMATCH, errno.ELIBBAD, "version mismatch", "reboot"),
        (999, errno.EIO, "Unknown Error", ""),
    ],
)
def test_a_driver_that_does_not_start(
    gpus: Gpus, code: int, number: int, words: str, remedy: str
) -> None:
    gpus.fault("init", code)
    with pytest.raises(power.PowerError, match=words) as caught:
        power.open("nvml")
    assert caught.value.errno == number
    assert caught.value.what == "nvmlInit"
    assert remedy in caught.value.remedy
    (lack,) = power.describe()["nvml"]["missing"]
    assert words in lack["why"]


def test_no_library() -> None:
    with pytest.raises(power.PowerError, match=r"libnvidia-ml.so.1") as caught:
        power.open("nvml")
    assert caught.value.errno == errno.ENOENT
    assert "NVIDIA's driver" in caught.value.remedy


def test_no_gpu(gpus: Gpus) -> None:
    gpus.machine.gpus = 0
    with pytest.raises(power.PowerError, match="no GPU") as caught:
        power.open("nvml")
    assert caught.value.errno == errno.ENODEV
    assert "--gpus all" in caught.value.remedy


def test_no_permission_leaves_the_energy(gpus: Gpus) -> None:
    gpus.fault("set_limit", NO_PERMISSION, gpu=1)
    with power.open("nvml") as device:
        assert not device.can_cap
        assert device.can_read
        with pytest.raises(power.PowerPermissionError, match=r"GPU 1 \(Stub 1\).*run as root"):
            device.set_cap(400.0)
        assert math.isnan(device.cap_range[0])
        gpus.advance(1.0)
        assert joules(device) == pytest.approx(520.0)
        first, second = device.gpus
        assert first["cap_missing"] is None
        assert second["cap_missing"]["errno"] == errno.EPERM
    assert gpus.limits() == Gpus.LIMITS


def test_caps_without_energy(gpus: Gpus) -> None:
    gpus.fault("energy", NOT_SUPPORTED, gpu=0)
    with power.open("nvml") as device:
        assert device.can_cap
        assert not device.can_read
        with pytest.warns(power.PowerWarning, match="energy"):
            assert device.energy() is None
        device.set_cap(400.0)
    assert gpus.limits() == Gpus.LIMITS
    (lack,) = power.describe()["nvml"]["missing"]
    assert "Volta" in lack["remedy"]


def test_neither_caps_nor_energy(gpus: Gpus) -> None:
    gpus.fault("limit", NOT_SUPPORTED, gpu=0)
    gpus.fault("energy", NOT_SUPPORTED, gpu=0)
    with pytest.raises(power.PowerError, match="Not Supported") as caught:
        power.open("nvml")
    assert caught.value.errno == errno.EOPNOTSUPP
    assert "fixed" in caught.value.remedy
    power.open("nvml", gpus=[1]).close()


def test_a_divided_gpu_is_refused(gpus: Gpus) -> None:
    gpus.gpu[0].divided = 1
    with pytest.raises(power.PowerError, match="MIG") as caught:
        power.open("nvml")
    assert caught.value.what == "GPU 0 (Stub 0)"
    assert "gpus=" in caught.value.remedy
    with power.open("nvml", gpus=[1]) as device:
        assert device.can_cap
    assert not power.describe()["nvml"]["can_cap"]


@pytest.mark.compiler
def test_a_driver_older_than_some_functions(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    old = Gpus(tmp_path / "driver", compile_stub(tmp_path / "old", "-DOLD_DRIVER"))
    with old.loaded(), power.open("nvml") as device:
        assert device.can_cap
        assert not device.can_read


@pytest.mark.parametrize("function", ["by_index", "name", "uuid"])
def test_a_lost_gpu(gpus: Gpus, function: str) -> None:
    gpus.fault(function, LOST, gpu=None if function == "by_index" else 1)
    with pytest.raises(power.PowerError, match="GPU is lost") as caught:
        power.open("nvml")
    assert caught.value.errno == errno.ENODEV
    assert "reset" in caught.value.remedy


def test_a_gpu_lost_on_the_way(gpus: Gpus) -> None:
    with power.open("nvml") as device:
        device.set_cap(400.0)
        gpus.fault("energy", LOST, gpu=1)
        with pytest.warns(power.PowerWarning, match="GPU is lost"):
            assert device.energy() is None
        assert device.energy() is None
        gpus.fault("set_limit", LOST, gpu=1)
        gpus.fault("limit", LOST, gpu=1)
        with pytest.warns(power.PowerWarning, match="GPU is lost"):
            device.set_cap(300.0)
        assert not device.can_cap
        device.set_cap(350.0)  # is not tried, nor told, again
    assert gpus.limits()[0] == Gpus.LIMITS[0]


# --------------------------------------------------------------------------- caps that do not take


def test_an_ignored_cap_is_reported_once(gpus: Gpus) -> None:
    gpus.gpu[1].ignores = 1
    with power.open("nvml") as device:
        with pytest.warns(power.PowerWarning, match="GPU 1.*the limit keeps its value"):
            device.set_cap(400.0)
        assert not device.can_cap
        device.set_cap(450.0)
        assert gpus.limits() == (CAPPED[0], Gpus.LIMITS[1])
    assert gpus.limits() == Gpus.LIMITS


def test_a_rounded_cap_is_reported_once_and_used(gpus: Gpus) -> None:
    gpus.gpu[0].unit_mw = 20_000
    with power.open("nvml", gpus=[0]) as device:
        with pytest.warns(power.PowerWarning, match="a cap of 150 W did not take, 140 W"):
            device.set_cap(150.0)
        device.set_cap(170.0)
        assert device.cap == 160.0
        assert device.can_cap
    gpus.gpu[0].unit_mw = 1


def test_another_limit_that_is_lower_is_reported(gpus: Gpus) -> None:
    gpus.gpu[0].other_limit_mw = 130_000
    with power.open("nvml", gpus=[0]) as device:
        with pytest.warns(power.PowerWarning, match=r"130 W is in force: another limit"):
            device.set_cap(200.0)
        assert device.cap == 130.0


# ------------------------------------------------------------------------------------ given back


def test_somebody_elses_later_limit_stays(gpus: Gpus) -> None:
    with power.open("nvml") as device:
        device.set_cap(400.0)
        gpus.gpu[0].limit_mw = 123_000
    assert gpus.limits() == (123.0, 300.0)


def test_observers_change_nothing(gpus: Gpus, journals: Path) -> None:
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
    assert described["cap_range"] == [250.0, 700.0]
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


def victim(gpus: Gpus, journals: Path, children: bool = False) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(journals), "children" if children else ""],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=gpus.environment(),
        start_new_session=True,
    )


CAPPED: Any = (pytest.approx(166.667, abs=0.001), pytest.approx(233.333, abs=0.001))


@pytest.mark.parametrize("ending", ["return", "raise", "SIGTERM", "SIGKILL", "SIGSEGV", "group"])
@pytest.mark.parametrize("children", [False, True])
def test_limits_are_given_back_however_a_process_ends(
    gpus: Gpus, journals: Path, ending: str, children: bool
) -> None:
    with victim(gpus, journals, children) as process:
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
    assert list(journals.glob("*.journal")) == []
    gpus.machine.users = 0  # the dead said no goodbye


def test_the_other_owner_is_named(gpus: Gpus, journals: Path) -> None:
    with victim(gpus, journals) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(power.PowerError, match=f"GPU 0.*process {process.pid} caps it already"):
            power.open("nvml")
        power.open("nvml", observe=True).close()
        process.kill()
    power.open("nvml").close()
    wait_for(lambda: list(journals.glob("*.journal")) == [])
    assert gpus.limits() == Gpus.LIMITS
    gpus.machine.users = 0


def kill_both(gpus: Gpus, journals: Path) -> None:
    with victim(gpus, journals) as process:
        assert process.stdout is not None
        process.stdout.readline()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        (watchdog,) = (int(word) for word in children.split())
        os.kill(watchdog, signal.SIGKILL)
        process.kill()
    wait_for(lambda: is_dead(watchdog))
    gpus.machine.users = 0
    assert gpus.limits() == CAPPED


def test_a_journal_covers_the_death_of_both(gpus: Gpus, journals: Path) -> None:
    kill_both(gpus, journals)
    told = power.restore(journals)
    assert [(item["path"], item["value"], item["error"]) for item in told] == [
        ("GPU-0", 250_000, None),
        ("GPU-1", 300_000, None),
    ]
    assert gpus.limits() == Gpus.LIMITS
    assert list(journals.glob("*.journal")) == []


def test_the_next_open_replays_the_journal(gpus: Gpus, journals: Path) -> None:
    kill_both(gpus, journals)
    with power.open("nvml") as device:
        assert gpus.limits() == Gpus.LIMITS
        assert device.cap == 550.0


@pytest.mark.parametrize(
    ("function", "code", "kept"),
    [("init", NOT_LOADED, False), ("set_limit", LOST, False), ("set_limit", 999, True)],
)
def test_a_journal_is_kept_while_there_is_something_to_give_back(
    gpus: Gpus, journals: Path, function: str, code: int, kept: bool
) -> None:
    kill_both(gpus, journals)
    gpus.fault(function, code, gpu=None if function == "init" else 0)
    told = {item["path"]: item["error"] for item in power.restore(journals)}
    assert told["GPU-0"] is not None
    assert len(list(journals.glob("*.journal"))) == kept
    gpus.fault(function, 0, gpu=None if function == "init" else 0)
    power.restore(journals)
    assert list(journals.glob("*.journal")) == []
    assert (gpus.limits() == Gpus.LIMITS) == kept


def test_a_journal_is_kept_without_the_library(
    library: Path, tmp_path: Path, journals: Path
) -> None:
    gpus = Gpus(tmp_path / "driver", library)
    kill_both(gpus, journals)
    told = power.restore(journals)  # this process does not find it
    assert [item["error"] for item in told] == [os.strerror(errno.ELIBACC)] * 2
    assert len(list(journals.glob("*.journal"))) == 1
    with gpus.loaded():
        power.restore(journals)
    assert gpus.limits() == Gpus.LIMITS


def test_a_directory_for_locks_that_others_may_write_to(gpus: Gpus, journals: Path) -> None:
    journals.mkdir()
    journals.chmod(0o777)
    with power.open("nvml") as device:
        assert device.can_read
        with pytest.raises(power.PowerError, match="owner locks a file"):
            device.set_cap(400.0)


def test_without_a_guard_there_is_no_journal(gpus: Gpus, journals: Path) -> None:
    with power.open("nvml", guard=False) as device:
        device.set_cap(400.0)
        assert list(journals.glob("*.journal")) == []
    assert gpus.limits() == Gpus.LIMITS


def test_found_through_the_library_path(gpus: Gpus, journals: Path) -> None:
    code = "from alert import power; print(power.describe()['nvml']['cap_range'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=gpus.environment(),
        check=True,
    )
    assert done.stdout == "[250.0, 700.0]\n"
