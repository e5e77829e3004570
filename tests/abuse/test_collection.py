"""Garbage collection: cycles are found, instances let go of their types, errors leak nothing."""

from __future__ import annotations

import gc
import sys
import sysconfig
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from core_scheduler import GOAL, core_scheduler
from programs import has_gil
from two_models import PROFILE

import alert
from alert import _core, power


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
    names = ("latency", "energy", "deadline", "idle_power", "exit", "power_cap", "model", "goal")
    assert (*names, "size", "sure") in kept
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
    "goal": lambda s: s._set_goal((0, -1.0, 0.5, 1.0, 0.0, 0.0, 0.0, (0, 1, 2), 0, 0), GOAL),
    "goal: tuple": lambda s: s._set_goal((0, 1.0), GOAL),  # type: ignore[arg-type]
    "goal: window": lambda s: s._set_goal(
        (0, 1.0, 0.5, 1.0, 0.0, 0.0, 0.0, (0, 1, 2), 10**30, 0), GOAL
    ),
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
