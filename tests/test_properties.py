"""Whatever the stream: decisions in the table and finite, estimates in bounds, bad input inert."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soak import grown_by_cycles, soak

import alert

METHODS = alert._core.METHODS
EDGES = [0.0, 1e-300, 1e-12, 1e-9, 1.0, 1e6, 1e9]
seconds = st.one_of(st.floats(1e-4, 10.0), st.sampled_from(EDGES[2:]))
latencies = st.one_of(st.floats(0.0, 10.0), st.sampled_from(EDGES))
bad = st.sampled_from([math.nan, math.inf, -math.inf, -1.0, -1e-300, 1e19])
fractions = st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.0, 5e-324, 0.5, 1.0]))


@st.composite
def profiles(draw: st.DrawFn) -> alert.Profile:
    models, caps = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    grid = st.lists(st.lists(seconds, min_size=caps, max_size=caps), min_size=models)
    accuracy = draw(st.lists(fractions, min_size=models, max_size=models))
    exits: dict[int | str, list[tuple[float, float]]] = {}
    for i in range(models):
        inner = sorted(draw(st.sets(st.floats(0.01, 0.99), max_size=3)))
        if inner:
            exits[i] = [*((f, draw(fractions)) for f in inner), (1.0, accuracy[i])]
    return alert.Profile(
        latency=draw(grid.map(lambda rows: rows[:models])),
        power=draw(grid.map(lambda rows: rows[:models])),
        accuracy=accuracy,
        power_caps=np.cumsum(draw(st.lists(st.floats(1.0, 1e6), min_size=caps, max_size=caps))),
        idle_power=draw(st.sampled_from([0.0, 1.0, 1e9])),
        exits=exits,
    )


@st.composite
def goals(draw: st.DrawFn) -> alert.Goal:
    common: dict[str, Any] = {
        "deadline": draw(seconds),
        "probability": draw(st.one_of(st.none(), st.floats(0.0, 1.0, exclude_max=True))),
        "q_fail": draw(fractions),
        "priority": draw(st.permutations(["latency", "accuracy", "energy"])),
        "window": draw(st.sampled_from([None, 1, 2, 10])),
    }
    if draw(st.booleans()):
        return alert.Goal.min_energy(accuracy=draw(fractions), **common)
    return alert.Goal.max_accuracy(energy=draw(st.floats(1e-6, 1e18)), **common)


def check(scheduler: alert.Scheduler, decision: alert.Decision) -> None:
    profile = scheduler.profile
    assert scheduler.decision == decision
    assert 0 <= decision.model < len(profile.models)
    assert decision.power_cap in profile.power_caps
    exits = profile.exits.get(decision.model)
    exit = -1 if decision.exit is None else decision.exit
    assert exit == -1 if exits is None else 0 <= exit < len(exits)
    assert 0.0 <= decision.latency < math.inf
    assert 0.0 <= decision.energy < math.inf
    assert -1e-9 <= decision.accuracy <= 1.0 + 1e-9
    assert 0.0 <= decision.probability <= 1.0
    mean, std = scheduler.slowdown
    assert 0.0 <= mean <= 1e6
    assert 0.0 < std < math.inf


@settings(max_examples=150, deadline=None)
@given(data=st.data(), profile=profiles(), goal=goals(), method=st.sampled_from(METHODS))
def test_any_stream(
    data: st.DataObject, profile: alert.Profile, goal: alert.Goal, method: str
) -> None:
    scheduler = alert.Scheduler(profile, goal, method=method, trace=5)
    check(scheduler, scheduler.decision)
    for _ in range(data.draw(st.integers(1, 15))):
        act = data.draw(st.sampled_from(["step", "step", "step", "bad", "goal", "share", "decide"]))
        if act == "step":
            energy = data.draw(st.one_of(st.none(), st.floats(0.0, 1e18)))
            idle = data.draw(st.one_of(st.none(), st.floats(0.0, 1e9)))
            decision = scheduler.step(data.draw(latencies), energy, idle_power=idle)
        elif act == "bad":
            before = scheduler._save()
            name = data.draw(st.sampled_from(["latency", "energy", "deadline", "idle_power"]))
            arguments: dict[str, Any] = {"latency": 0.1, "energy": 1.0, name: data.draw(bad)}
            with pytest.raises(ValueError, match=name):
                scheduler.step(**arguments)
            assert scheduler._save() == before
            decision = scheduler.decision
        elif act == "goal":
            scheduler.goal = data.draw(goals())
            decision = scheduler.decision
        elif act == "share":
            decision = scheduler.share(data.draw(seconds), data.draw(st.integers(1, 5)))
        else:
            decision = scheduler.decide(data.draw(seconds))
        check(scheduler, decision)


# ------------------------------------------------------------------------------------------ soak


@pytest.mark.parametrize("method", METHODS)
def test_a_long_run_with_contention_faults_and_changing_goals(method: str) -> None:
    report = soak(method, inputs=20_000, seed=3)
    assert report.inputs == 20_000
    assert report.grown_bytes < 1_000_000


def test_what_is_made_and_dropped_leaves_nothing() -> None:
    """A leak of one 64-byte block a cycle would be 640 KB."""
    assert grown_by_cycles(10_000) < 400_000


# ------------------------------------------------------------------------------------------ time


def test_a_wall_clock_that_jumps_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the monotonic clock is read: a Runner beside a wall clock that jumps for hours."""

    def run() -> list[tuple[float, ...]]:
        now = iter(np.arange(1.0, 1e4, 0.01))
        profile = alert.Profile([[0.01], [0.02]], [[1.0], [2.0]], [0.5, 0.9], [20.0], 1.0)
        goal = alert.Goal.min_energy(deadline=0.1, accuracy=0.8)
        with alert.Runner(
            [lambda x: x, lambda x: x],
            profile,
            goal,
            power="emulated",
            clock=lambda: float(next(now)),
        ) as runner:
            for _ in range(20):
                runner(1)
            return [tuple(row) for row in runner.scheduler.trace[["model", "latency"]].tolist()]

    calm = run()

    def jumping() -> float:
        raise AssertionError("the wall clock was read")

    for name in ("time", "time_ns"):
        monkeypatch.setattr(time, name, jumping)
    assert run() == calm
