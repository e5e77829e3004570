"""Faults of NVIDIA's library, GPU by GPU and call by call, through the stub (see gpus.py)."""

from __future__ import annotations

import errno
import math
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import journals
import pytest
from gpus import LOST, NO_PERMISSION, NOT_SUPPORTED, Gpus, compile_stub
from journals import Entry
from killing import watchdogs

from alert import _core, power

pytestmark = pytest.mark.usefixtures("directory")

UNKNOWN = 999


def test_a_library_without_a_function_that_is_needed(tmp_path: Path) -> None:
    gpus = Gpus(tmp_path / "driver", compile_stub("-DNO_UUIDS"))
    with gpus.loaded(), pytest.raises(power.PowerError, match="nvmlDeviceGetUUID") as caught:
        power.open("nvml")
    assert caught.value.errno == errno.ENOSYS
    assert gpus.machine.users == 0


def test_a_code_without_words(gpus: Gpus) -> None:
    gpus.fault("count", -1)
    with pytest.raises(power.PowerError, match="NVML: unknown error") as caught:
        power.open("nvml")
    assert caught.value.errno == errno.EIO


@pytest.mark.parametrize("function", ["limit", "limit_range", "energy"])
def test_what_fails_for_no_known_reason_is_missing(gpus: Gpus, function: str) -> None:
    """And has no remedy that would be a guess."""
    gpus.fault(function, UNKNOWN, gpu=1)
    with power.open("nvml") as device:
        assert device.can_cap == (function == "energy")
        assert device.can_read == (function != "energy")
        lack = device.gpus[1]["read_missing" if function == "energy" else "cap_missing"]
    assert (lack["errno"], lack["why"], lack["remedy"]) == (errno.EIO, "Unknown Error", "")


def test_a_driver_that_does_not_know_of_instances(gpus: Gpus) -> None:
    gpus.gpu[0].divided = 1
    gpus.fault("mig_mode", NOT_SUPPORTED, gpu=0)
    with power.open("nvml") as device:
        assert device.can_cap


def test_a_limit_that_may_be_read_but_is_fixed(gpus: Gpus) -> None:
    gpus.fault("set_limit", NOT_SUPPORTED, gpu=0)
    with power.open("nvml") as device:
        assert not device.can_cap
        assert "fixed" in device.gpus[0]["cap_missing"]["remedy"]


def test_a_limit_that_cannot_be_read_once_it_is_ours(gpus: Gpus) -> None:
    """The limit before that may have been another process's cap: it is not taken for ours."""
    gpus.fault("limit", LOST, gpu=0)
    gpus.gpu[0].good_calls = 1
    with power.open("nvml") as device:
        assert not device.can_cap
        assert gpus.calls("set_limit") == 0
        assert "GPU is lost" in device.gpus[0]["cap_missing"]["why"]


def test_gpus_whose_limit_has_one_value_only(gpus: Gpus) -> None:
    for i in range(2):
        gpus.gpu[i].least_mw = gpus.gpu[i].most_mw = gpus.gpu[i].limit_mw
    with power.open("nvml") as device:
        assert device.cap_range == (550.0, 550.0)
        device.set_cap(550.0)
        assert device.cap == 550.0


def test_another_limit_that_cannot_be_asked_for(gpus: Gpus) -> None:
    gpus.fault("enforced_limit", NOT_SUPPORTED, gpu=0)
    with power.open("nvml", gpus=[0]) as device:
        device.set_cap(200.0)  # nothing to warn of: its own limit has taken
        assert device.cap == 200.0
        gpus.fault("limit", LOST, gpu=0)
        assert math.isnan(device.cap)
        gpus.fault("limit", 0, gpu=0)


@pytest.mark.parametrize("first", [True, False])
def test_a_cap_that_cannot_be_read_back_is_given_back_all_the_same(gpus: Gpus, first: bool) -> None:
    with power.open("nvml") as device:
        if not first:
            device.set_cap(400.0)
        gpus.fault("limit", UNKNOWN, gpu=0)
        with pytest.warns(power.PowerWarning, match="Unknown Error"):
            device.set_cap(300.0)
        assert gpus.limits()[0] == pytest.approx(125.0, abs=0.001)
        gpus.fault("limit", 0, gpu=0)
    assert gpus.limits() == Gpus.LIMITS


def test_a_cap_that_cannot_be_read_back_is_ours_should_the_process_die(
    gpus: Gpus, directory: Path
) -> None:
    child = os.fork()
    if child == 0:
        device = _core.open_power("nvml", {"directory": str(directory)})
        device.set_cap(400.0)
        gpus.fault("limit", UNKNOWN, gpu=0)
        with suppress(power.PowerWarning):
            device.set_cap(300.0)
        os._exit(0)
    os.waitpid(child, 0)
    gpus.fault("limit", 0, gpu=0)
    assert gpus.limits()[0] == pytest.approx(125.0, abs=0.001)
    assert len(power.restore(directory)) == 2
    assert gpus.limits() == Gpus.LIMITS
    gpus.machine.users = 0  # the dead said no goodbye


@pytest.mark.parametrize("guard", [True, False])
def test_limits_that_cannot_be_given_back_are_said_once(
    gpus: Gpus, directory: Path, guard: bool
) -> None:
    """The first of them; with a guard both are kept for later."""
    device = power.open("nvml", guard=guard)
    device.set_cap(400.0)
    for i in range(2):
        gpus.fault("set_limit", NO_PERMISSION, gpu=i)
    with pytest.warns(power.PowerWarning, match=r"GPU 0.*Insufficient Permissions") as caught:
        device.close()
    assert len(caught) == 1
    assert ("alert restore" in str(caught[0].message)) == guard
    assert len(list(directory.glob("*.journal"))) == guard
    for i in range(2):
        gpus.fault("set_limit", 0, gpu=i)
    power.restore(directory)
    assert (gpus.limits() == Gpus.LIMITS) == guard


def test_a_gpu_that_is_gone_needs_nothing_back(gpus: Gpus, directory: Path) -> None:
    with power.open("nvml") as device:
        device.set_cap(400.0)
        gpus.fault("limit", LOST, gpu=0)
    assert gpus.limits()[1] == Gpus.LIMITS[1]
    assert list(directory.glob("*.journal")) == []
    gpus.fault("limit", 0, gpu=0)


@pytest.mark.parametrize(
    ("function", "code", "error"),
    [
        ("by_uuid", LOST, errno.ENODEV),
        ("by_uuid", UNKNOWN, errno.EIO),
        ("limit", UNKNOWN, errno.EIO),
    ],
)
def test_a_restore_that_does_not_reach_the_gpu(
    gpus: Gpus, directory: Path, function: str, code: int, error: int
) -> None:
    file = journals.write(directory, [Entry("GPU-0", 200_000, 250_000, kind=journals.GPU)])
    gpus.fault(function, code, gpu=None if function == "by_uuid" else 0)
    assert [item["error"] for item in power.restore(directory)] == [os.strerror(error)]
    assert gpus.calls("set_limit") == 0
    assert file.exists() == (error == errno.EIO)


def test_a_limit_somebody_has_changed_since_stays(gpus: Gpus, directory: Path) -> None:
    entries = [Entry(f"GPU-{i}", 200_000, 250_000, kind=journals.GPU) for i in range(2)]
    journals.write(directory, entries)  # the second is at 300 W
    assert [item["path"] for item in power.restore(directory)] == ["GPU-0"]
    assert gpus.limits() == (200.0, 300.0)


# ---------------------------------------------------------------------------------------- its files


def test_no_place_for_locks(gpus: Gpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "journal_directory", lambda: str(tmp_path / "none" / "journals"))
    with power.open("nvml") as device, pytest.raises(power.PowerError, match="No such file"):
        device.set_cap(400.0)


def test_a_lock_that_is_a_link_is_not_followed(gpus: Gpus, tmp_path: Path, directory: Path) -> None:
    directory.mkdir(mode=0o700)
    (directory / "GPU-0.lock").symlink_to(tmp_path / "elsewhere")
    refusal = pytest.raises(power.PowerError, match=os.strerror(errno.ELOOP))
    with power.open("nvml") as device, refusal:
        device.set_cap(400.0)
    assert not (tmp_path / "elsewhere").exists()


def test_a_guard_that_cannot_be_set_up_is_said_once(gpus: Gpus, directory: Path) -> None:
    with power.open("nvml") as device:
        directory.chmod(0o777)  # others could make us write anywhere
        with pytest.warns(power.PowerWarning, match="never given back") as caught:
            device.set_cap(400.0)
        directory.chmod(0o700)
        device.set_cap(300.0)
        assert len(caught) == 1
        assert list(directory.glob("*.journal")) == []  # what was found is not there any more
    assert gpus.limits() == Gpus.LIMITS


def test_a_journal_is_kept_without_a_watchdog(gpus: Gpus, directory: Path) -> None:
    device = _core.open_power("nvml", {"directory": str(directory)})
    device.set_cap(400.0)
    assert watchdogs(os.getpid()) == []
    assert len(list(directory.glob("*.journal"))) == 1
    device.close()
    assert gpus.limits() == Gpus.LIMITS


# ---------------------------------------------------------------------------------------- arguments


def test_arguments_are_named(gpus: Gpus) -> None:
    for name in ("switch_cost", "settle"):
        for value, error in ((2000.0, ValueError), ("1", TypeError)):
            with pytest.raises(error, match=f"{name}: expected a number of seconds"):
                power.open("nvml", **{name: value})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"gpus: expected indices below 2, each once, got 0"):
        power.open("nvml", gpus=[0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"gpus\[0\]: expected an index >= 0, got -1"):
        power.open("nvml", gpus=[-1, 0])
    with pytest.raises(ValueError, match=r"gpus\[1\]: expected an index >= 0, got 2147483648"):
        power.open("nvml", gpus=[0, 2**31])
    with pytest.raises(ValueError, match=r"gpus: expected 1 to 256 indices, got 257"):
        power.open("nvml", gpus=range(257))
    with pytest.raises(TypeError, match="gpus: expected a sequence of indices"):
        power.open("nvml", gpus=0)  # type: ignore[arg-type]

    def lost() -> Iterator[int]:
        yield 0
        raise LookupError("on the way")

    with pytest.raises(LookupError, match="on the way"):
        power.open("nvml", gpus=lost())  # type: ignore[arg-type]


def test_what_is_told_of_gpus_once_closed(gpus: Gpus) -> None:
    device = power.open("nvml")
    device.close()
    with pytest.raises(ValueError, match="closed"):
        _ = device.gpus
    with power.open("emulated") as other:
        assert other.gpus == []


def test_gpus_are_listed_without_holding_the_lock(gpus: Gpus) -> None:
    """A finalizer that wants the device runs while the list is made (before Python 3.12)."""
    script = """
    import gc
    from alert import power

    device = power.open("nvml", observe=True)
    gc.callbacks.append(lambda phase, info: device.energy())
    gc.set_threshold(1, 1, 1)
    kept = [device.gpus for _ in range(300)]  # so that no dict comes from a free list
    assert all(len(gpus) == 2 for gpus in kept)
    gc.set_threshold(0)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    subprocess.run(command, env=gpus.environment(), check=True, timeout=60)
