"""Objects that run code at the worst moment: while an argument is converted or memory is taken."""

from __future__ import annotations

import gc
import subprocess
import sys
import sysconfig
import textwrap
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programs import has_gil
from rapl_tree import build, package
from two_models import PROFILE

import alert
from alert import _core, power

GOAL = alert.Goal.min_energy(deadline=0.1, accuracy=0.69)


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


def core_scheduler(constants: dict[str, Any]) -> _core.Scheduler:
    return _core.Scheduler(
        profile=PROFILE._data,
        goal=GOAL._as_tuple(),
        given=GOAL,
        method="paper",
        constants=constants,
        overhead=0.0,
        switch_cost=0.0,
        hold_inputs=1,
        history=0,
    )


class Interrupted(BaseException):
    pass


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


@pytest.mark.parametrize("name", ["latency", "energy", "deadline", "idle_power", "exit"])
def test_a_conversion_may_step_the_scheduler_itself(name: str) -> None:
    scheduler = alert.Scheduler(PROFILE, GOAL)
    arguments: dict[str, Any] = {"latency": 0.05, "energy": 1.0}
    arguments[name] = Number(lambda: scheduler.step(0.03, 0.5), 0.0 if name == "exit" else 0.5)
    try:
        scheduler.step(**arguments)
        steps = 2
    except ValueError:  # a traditional model has no exit
        steps = 1
    assert len(scheduler.history) == steps


@pytest.mark.parametrize("name", ["latency", "energy", "deadline", "idle_power", "exit"])
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


# ------------------------------------------------------------------------------------- collection


def make_a_cycle(base: type[Any], *arguments: object) -> tuple[weakref.ref[Any], weakref.ref[Any]]:
    cls: Any = type("Own", (base,), {})  # its instances have a __dict__
    instance = cls(*arguments)
    instance.itself = instance
    return weakref.ref(instance), weakref.ref(cls)


class Usual:
    """A class as Python makes them. Python 3.13 without a GIL keeps every one of them for ever."""


def test_subclasses_and_their_instances_in_cycles_are_collected() -> None:
    instance, cls = make_a_cycle(alert.Scheduler, PROFILE, GOAL)
    _, usual = make_a_cycle(Usual)
    gc.collect()
    assert instance() is None
    assert (cls() is None) == (usual() is None)


@pytest.mark.parametrize("kind", ["Profile", "Scheduler", "PowerDevice", "Decision"])
def test_instances_hold_their_type_and_let_go_of_it(kind: str) -> None:
    made: dict[str, Callable[[], object]] = {
        "Profile": lambda: alert.Profile([[1.0]], [[1.0]], [1.0], [1.0], 0.0)._data,
        "Scheduler": lambda: core_scheduler({}),
        "PowerDevice": lambda: power.open("emulated"),
        "Decision": lambda: alert.Scheduler(PROFILE, GOAL).decision,
    }
    cls = getattr(_core, kind)
    gc.collect()
    before = sys.getrefcount(cls)
    things = [made[kind]() for _ in range(100)]
    during = sys.getrefcount(cls)
    del things
    gc.collect()
    assert during >= before + 99  # the module may have kept one, to use again
    assert abs(sys.getrefcount(cls) - before) <= 2


class TiedGoal(alert.Goal):
    """Knows who aims at it."""

    scheduler: alert.Scheduler


def test_a_cycle_through_a_goal_is_collected() -> None:
    goal = TiedGoal("min_energy", 0.1, accuracy=0.69)
    scheduler = alert.Scheduler(PROFILE, goal)
    object.__setattr__(goal, "scheduler", scheduler)  # a goal is frozen
    gone = weakref.ref(goal)
    del goal, scheduler
    gc.collect()
    assert gone() is None


def test_the_collector_is_told_of_all_that_is_held() -> None:
    scheduler = core_scheduler({})
    assert scheduler in gc.get_referrers(_core.Scheduler)
    held: list[Any] = [_core.Profile, _core.Scheduler, _core.Decision, _core.PowerDevice]
    held += [_core.PowerError, _core.PowerPermissionError, _core.PowerWarning]
    held += [_core.HISTORY, _core.OUTCOME, alert.step_many([scheduler], [0.03], None).dtype]
    assert any(other is GOAL for other in gc.get_referents(scheduler))
    assert scheduler.decision is not None  # kept, to be used again
    told = gc.get_referents(_core)
    kept = [thing for thing in told if type(thing) in (tuple, _core.Decision)]
    assert ("latency", "energy", "deadline", "idle_power", "exit") in kept
    keeps = not sysconfig.get_config_var("Py_GIL_DISABLED") and sys.version_info < (3, 14)
    assert [type(thing) for thing in kept].count(_core.Decision) == keeps
    for thing in held + kept:
        assert any(other is thing for other in told), thing
        if has_gil():  # else no module is listed
            assert any(other is _core for other in gc.get_referrers(thing)), thing


ERRORS: dict[str, Callable[[alert.Scheduler], object]] = {
    "step: too few": lambda s: s.step(0.1),  # type: ignore[call-arg]
    "step: too many": lambda s: s.step(0.1, 1.0, 2.0),  # type: ignore[call-arg]
    "step: unknown": lambda s: s.step(0.1, 1.0, odd=1),  # type: ignore[call-arg]
    "step: twice": lambda s: s.step(0.1, 1.0, latency=0.1),  # type: ignore[misc]
    "step: type": lambda s: s.step("a", 1.0),  # type: ignore[arg-type]
    "step: value": lambda s: s.step(-1.0, 1.0),
    "step: exit": lambda s: s.step(0.1, 1.0, exit=10**30),
    "decide": lambda s: s.decide(-1.0),
    "share: value": lambda s: s.share(1.0, 0),
    "share: type": lambda s: s.share(1.0, 1.5),  # type: ignore[arg-type]
    "overhead": lambda s: setattr(s, "overhead", -1.0),
    "goal": lambda s: s._set_goal((0, -1.0, 0.5, 0.0, 0.0, (0, 1, 2), 0), GOAL),
    "goal: tuple": lambda s: s._set_goal((0, 1.0), GOAL),  # type: ignore[arg-type]
    "goal: window": lambda s: s._set_goal((0, 1.0, 0.5, 0.0, 0.0, (0, 1, 2), 10**30), GOAL),
    "restore: type": lambda s: s._restore("text"),  # type: ignore[arg-type]
    "restore: value": lambda s: s._restore(b"short"),
    "method": lambda s: alert.Scheduler(PROFILE, GOAL, method="odd"),
    "constants: name": lambda s: alert.Scheduler(PROFILE, GOAL, constants={"odd": 1.0}),
    "constants: type": lambda s: alert.Scheduler(
        PROFILE,
        GOAL,
        constants={"alpha": "a"},  # type: ignore[dict-item]
    ),
    "constants: value": lambda s: alert.Scheduler(PROFILE, GOAL, constants={"alpha": 2.0}),
    "history": lambda s: alert.Scheduler(PROFILE, GOAL, history=-1),
    "history: huge": lambda s: alert.Scheduler(PROFILE, GOAL, history=10**30),
    "many: type": lambda s: alert.step_many([s, 1], [0.1, 0.1], None),  # type: ignore[list-item]
    "many: twice": lambda s: alert.step_many([s, s], [0.1, 0.1], None),
    "many: sizes": lambda s: alert.step_many([s], [0.1, 0.1], [1.0]),
    "many: energies": lambda s: alert.step_many([s], [0.1], [1.0, 2.0]),
    "many: value": lambda s: alert.step_many([s], [-0.1], [1.0]),
    "profile": lambda s: alert.Profile([[-1.0]], [[1.0]], [1.0], [1.0], 0.0),
    "profile: shape": lambda s: alert.Profile([1.0], [[1.0]], [1.0], [1.0], 0.0),
    "law": lambda s: power.open("emulated", exponent=9.0),
    "rapl": lambda s: power.open("rapl", root="/nowhere"),
    "caps": lambda s: power.open("emulated").set_cap(1e9),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_leak_nothing(name: str) -> None:
    scheduler = alert.Scheduler(PROFILE, GOAL)
    before = scheduler._save()[0]
    watched = (scheduler, PROFILE._data, GOAL, None, _core.Scheduler, _core.Decision, _core.HISTORY)

    def fail(times: int) -> None:
        for _ in range(times):
            with pytest.raises((TypeError, ValueError, MemoryError, OSError)):
                ERRORS[name](scheduler)

    fail(20)
    gc.collect()
    blocks, counts = sys.getallocatedblocks(), [sys.getrefcount(o) for o in watched]
    fail(1000)
    gc.collect()
    after = [sys.getrefcount(o) for o in watched]
    assert all(abs(x - y) < 100 for x, y in zip(after, counts, strict=True))
    assert sys.getallocatedblocks() - blocks < 500
    assert scheduler._save()[0] == before
