"""Objects that run code at the worst moment: while an argument is converted or memory is taken."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from core_scheduler import GOAL, core_scheduler
from programs import has_gil
from rapl_tree import build, package
from two_models import PROFILE

import alert
from alert import _core, power


class Number:
    """A number that does something when it is asked for its value."""

    def __init__(self, act: Callable[[], object], value: float = 0.5) -> None:
        self.act, self.value = act, value

    def __float__(self) -> float:
        self.act()
        return self.value

    def __index__(self) -> int:
        self.act()
        return int(self.value)


class Interrupted(BaseException):
    pass


ARGUMENTS = ["latency", "energy", "deadline", "idle_power", "exit", "power_cap"]  # of a step


def interrupt() -> None:
    raise Interrupted


def test_constants_may_vanish_while_they_are_read() -> None:
    class Vanishing:
        def __float__(self) -> float:
            constants.clear()
            return "no number"  # type: ignore[return-value]  # its type is named after it is gone

    constants: dict[str, Any] = {"alpha": Vanishing(), "q0": 0.1}
    with pytest.raises(TypeError, match="alpha"):
        core_scheduler(constants)
    assert constants == {}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_conversion_may_step_the_scheduler_itself(name: str) -> None:
    scheduler = alert.Scheduler(PROFILE, GOAL)
    arguments: dict[str, Any] = {"latency": 0.05, "energy": 1.0}
    arguments[name] = Number(lambda: scheduler.step(0.03, 0.5), 0.0 if name == "exit" else 0.5)
    try:
        scheduler.step(**arguments)
        steps = 2
    except ValueError:  # a traditional model has no exit, and 0.5 W is no cap of the profile
        steps = 1
    assert len(scheduler.history) == steps


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_exception_of_a_conversion_is_passed_on(name: str) -> None:
    scheduler = alert.Scheduler(PROFILE, GOAL)
    before = scheduler._save()[0]
    arguments: dict[str, Any] = {"latency": 0.05, "energy": 1.0, name: Number(interrupt)}
    with pytest.raises(Interrupted):
        scheduler.step(**arguments)
    assert scheduler._save()[0] == before


@pytest.mark.skipif(
    not has_gil(),
    reason="without a GIL NumPy itself copies from arrays that are being resized",
)
def test_a_caller_may_resize_an_array_that_step_many_reads() -> None:
    streams = [alert.Scheduler(PROFILE, GOAL, history=0) for _ in range(2000)]
    latencies = np.full(len(streams), 0.03)
    stop = threading.Event()

    def resize() -> None:
        while not stop.is_set():
            latencies.resize(1, refcheck=False)
            latencies.resize(len(streams), refcheck=False)
            latencies[:] = 0.03

    other = threading.Thread(target=resize)
    other.start()
    try:
        for _ in range(300):
            try:
                alert.step_many(streams, latencies, None)
            except ValueError as error:
                assert "latencies: expected 2000 numbers" in str(error)  # noqa: PT017
    finally:
        stop.set()
        other.join()


def test_step_many_does_not_look_at_the_callers_array_again() -> None:
    """A number that turns bad between check and step would leave half of the streams stepped."""
    streams = [alert.Scheduler(PROFILE, GOAL, history=1) for _ in range(3000)]
    latencies = np.full(len(streams), 0.03)
    stop = threading.Event()

    def spoil() -> None:
        while not stop.is_set():
            latencies[-1] = -1.0
            latencies[-1] = 0.03

    other = threading.Thread(target=spoil)
    other.start()
    steps = 0
    try:
        for _ in range(200):
            try:
                alert.step_many(streams, latencies, None)
                steps += 1
            except ValueError as error:
                assert "latency[2999]" in str(error)  # noqa: PT017
    finally:
        stop.set()
        other.join()
    alert.step_many(streams, np.full(len(streams), 0.03), None)
    assert {int(s.history["input"][-1]) for s in streams} == {steps}


def test_schedulers_that_are_dropped_while_their_numbers_are_converted() -> None:
    streams = [alert.Scheduler(PROFILE, GOAL) for _ in range(3)]

    def drop() -> None:
        streams.clear()
        gc.collect()

    numbers: list[Any] = [Number(drop, 0.03), 0.03, 0.03]
    choices = alert.step_many(streams, numbers, None)
    assert len(choices) == 3
    assert streams == []


def test_more_exits_are_counted_than_given() -> None:
    arguments: dict[str, Any] = {
        "latency": np.ones((2, 1)),
        "power": np.ones((2, 1)),
        "accuracy": np.ones(2),
        "power_caps": np.ones(1),
        "idle_power": 0.0,
        "exit_fraction": np.ones(1),
        "exit_accuracy": np.ones(1),
        "exit_share": None,
        "fixed_share": None,
        "size": 1.0,
    }
    for counts in ([2, 0], [2**64 - 1, 2], [2**63, 2**63 + 1], [1, 2**64 - 1]):
        with pytest.raises(ValueError, match="exits"):
            _core.Profile(exit_count=np.array(counts, np.uintp), **arguments)


def test_zones_are_listed_without_holding_the_lock(tmp_path: Path) -> None:
    """A finalizer that wants the device runs while the list is made (before Python 3.12)."""
    build(tmp_path, [package()])
    script = """
    import gc, sys
    from alert import power

    device = power.open("rapl", root=sys.argv[1], observe=True)
    gc.callbacks.append(lambda phase, info: device.energy())
    gc.set_threshold(1, 1, 1)
    kept = [device.zones for _ in range(300)]  # so that no dict comes from a free list
    assert all(len(zones) == 1 for zones in kept)
    gc.set_threshold(0)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    subprocess.run(command, check=True, timeout=60)


@pytest.mark.needs("libpowercap")
@pytest.mark.parametrize("shift", range(4))
def test_an_error_whose_path_is_cut_inside_a_character(tmp_path: Path, shift: int) -> None:
    root = tmp_path / ("x" * shift + "é" * 120) / ("é" * 120)
    with pytest.raises(power.PowerError, match="é"):
        power.open("rapl", root=root)
