"""A power device as an object of Python: warnings, signals, threads, what is left once closed."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from plants import TOP, Plant
from rapl_tree import build, package

from alert import _core, power

LIMIT = f"{TOP}:0/constraint_0_power_limit_uw"
ENERGY = f"{TOP}:0/energy_uj"
EIO = 5


@pytest.fixture
def plant(machine: Plant) -> Iterator[Plant]:
    found = machine.limits()
    yield machine
    for file in (LIMIT, ENERGY):
        machine.trick("honest", file)
        for access in ("read", "write"):
            machine.fault(access, file, 0)
    for path, value in found.items():
        (machine.root / path).write_text(str(value))


def fast() -> power.PowerDevice:
    """Open a package whose work takes four times as long under its least cap."""
    device = power.open(
        "emulated", idle_power=10, peak_power=90, exponent=2, compute=1, min_frequency=0.25
    )
    device.set_cap(15.0)
    return device


def work(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


# ---------------------------------------------------------------------------- warnings as errors


@contextmanager
def warnings_raise() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_a_warning_that_raises_leaves_the_cap_in_force(plant: Plant) -> None:
    device = power.open("rapl", root=plant.root, guard=False)
    device.set_cap(50.0)
    plant.trick("ignore", LIMIT)
    with warnings_raise(), pytest.raises(power.PowerWarning, match="40 W did not take"):
        device.set_cap(40.0)
    assert device.cap == 50.0
    assert device.can_cap
    plant.trick("honest", LIMIT)
    device.set_cap(30.0)
    assert device.cap == 30.0
    device.close()


def test_a_warning_that_raises_is_given_once_all_the_same(plant: Plant) -> None:
    device = power.open("rapl", root=plant.root, guard=False)
    plant.fault("write", LIMIT, EIO)
    plant.fault("read", ENERGY, EIO)
    calls: list[Callable[[], Any]] = [lambda: device.set_cap(40.0), device.energy]
    with warnings_raise():
        for call in calls:
            with pytest.raises(power.PowerWarning, match="Input/output error"):
                call()
            assert call() is None
    assert not device.can_cap
    device.close()


def test_a_warning_that_raises_closes_all_the_same(plant: Plant) -> None:
    device = power.open("rapl", root=plant.root, guard=False)
    device.set_cap(40.0)
    plant.fault("write", LIMIT, EIO)
    with warnings_raise(), pytest.raises(power.PowerWarning, match="could not be given back"):
        device.close()
    assert device.closed
    plant.fault("write", LIMIT, 0)
    power.open("rapl", root=plant.root).close()  # nobody's


@pytest.mark.parametrize("raises", [False, True])
def test_a_dropped_device_that_cannot_give_back_says_so(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, raises: bool
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda why: told.append(str(why.exc_value)))
    device = power.open("rapl", root=plant.root, guard=False)
    device.set_cap(40.0)
    plant.fault("write", LIMIT, EIO)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error" if raises else "always")
        del device
        gc.collect()
    told += [str(warning.message) for warning in caught]
    assert len(told) == 1
    assert "could not be given back" in told[0]
    assert "alert restore" not in told[0]  # without a guard there is no journal


# --------------------------------------------------------------------------------------- signals


@contextmanager
def alarm(handler: Callable[[], object], seconds: float) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, lambda *_: handler())
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def test_a_wait_goes_on_after_a_signal() -> None:
    rang: list[float] = []
    with fast() as device:
        device.begin()
        begun = time.perf_counter()
        work(0.05)
        worked = time.perf_counter() - begun
        with alarm(lambda: rang.append(time.perf_counter()), 0.02):
            device.pace()
        assert rang
        assert time.perf_counter() - begun >= 4 * worked


def test_a_signal_handler_may_close_the_device_that_waits() -> None:
    device = power.open("emulated", exponent=1, compute=1, min_frequency=0.01)
    device.set_cap(device.cap_range[0])
    device.begin()
    work(0.2)  # under this cap 20 s
    with alarm(device.close, 0.02), pytest.raises(ValueError, match="closed"):
        device.pace()
    assert device.closed


# --------------------------------------------------------------------------------------- threads


def test_one_thread_waits_for_another_without_keeping_it_from_working() -> None:
    device = fast()
    waiting, order = threading.Event(), []

    def pace() -> None:
        device.begin()
        work(0.05)
        waiting.set()
        device.pace()  # holds the lock, and needs the interpreter's to end
        order.append("paced")

    thread = threading.Thread(target=pace)
    thread.start()
    waiting.wait()
    time.sleep(0.02)
    device.close()
    order.append("closed")
    thread.join()
    assert sorted(order) == ["closed", "paced"]


# ---------------------------------------------------------------------------------- once closed


def test_what_a_closed_device_says(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package(energy_uj=None)])
    device = power.open("rapl", root=root, guard=False)
    assert repr(device) == "<alert power device: rapl, caps 1..45 W, no energy>"
    assert len(device.zones) == 1
    device.close()
    assert device.can_cap  # as it was when opened
    assert device.settle == 0.01
    assert repr(device) == "<alert power device: rapl, closed>"
    for ask in (lambda: device.zones, lambda: device.cap, device.energy, device.begin):
        with pytest.raises(ValueError, match="closed"):
            ask()


def test_constants_that_are_no_numbers() -> None:
    for name in power.law():
        with pytest.raises(TypeError, match=f"{name}: expected a number .*, got str"):
            power.open("emulated", **{name: "1"})  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        _core.open_power()  # type: ignore[call-arg]
