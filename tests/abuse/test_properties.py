"""Whatever the stream: decisions in the table and finite, estimates in bounds, bad input inert."""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from soak import grown_by_cycles, soak

import alert

METHODS = alert._core.METHODS
EDGES = [0.0, 1e-300, 1e-12, 1e-9, 1.0, 1e6, 1e9]
seconds = st.one_of(st.floats(1e-4, 10.0), st.sampled_from(EDGES[2:]))
latencies = st.one_of(st.floats(0.0, 10.0), st.sampled_from(EDGES))
bad = st.sampled_from([math.nan, math.inf, -math.inf, -1.0, -1e-300, 1e19])
switching = st.tuples(st.sampled_from([0.0, 1e-3, 1.0, 1e9]), st.integers(1, 4))
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
    watts = np.cumsum(draw(st.lists(st.floats(1.0, 1e6), min_size=caps, max_size=caps)))
    if draw(st.booleans()):
        watts[-1] = math.inf  # no cap
    return alert.Profile(
        latency=draw(grid.map(lambda rows: rows[:models])),
        power=draw(grid.map(lambda rows: rows[:models])),
        accuracy=accuracy,
        power_caps=watts,
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


OUT_OF_RANGE: dict[str, st.SearchStrategy[Any]] = {
    "latency": bad,
    "energy": bad,
    "deadline": st.one_of(bad, st.just(0.0)),
    "idle_power": bad,
    "exit": st.integers(4, 2**40),  # no model has as many
}


class AnyUse(RuleBasedStateMachine):
    """A scheduler under whatever may be done to it, valid or not, in any order."""

    scheduler: alert.Scheduler
    arguments: dict[str, Any]
    states: list[tuple[alert.Goal, float, int, bytes]]

    @initialize(
        profile=profiles(),
        goal=goals(),
        method=st.sampled_from(METHODS),
        overhead=st.sampled_from([0.0, 1e-3, 1e9]),
        switching=switching,
    )
    def begin(
        self,
        profile: alert.Profile,
        goal: alert.Goal,
        method: str,
        overhead: float,
        switching: tuple[float, int],
    ) -> None:
        cost, hold_inputs = switching
        self.arguments = {"method": method, "history": 5}
        self.scheduler = alert.Scheduler(
            profile,
            goal,
            overhead=overhead,
            switch_cost=cost,
            hold_inputs=hold_inputs,
            **self.arguments,
        )
        self.states = []

    def decided(self, decision: alert.Decision) -> None:
        assert self.scheduler.decision == decision

    # ------------------------------------------------------------------------------------ valid

    @rule(
        latency=latencies,
        energy=st.one_of(st.none(), st.floats(0.0, 1e18)),
        deadline=st.one_of(st.none(), seconds),
        idle_power=st.one_of(st.none(), st.floats(0.0, 1e9)),
        early=st.booleans(),
    )
    def step(
        self,
        latency: float,
        energy: float | None,
        deadline: float | None,
        idle_power: float | None,
        early: bool,
    ) -> None:
        exit = 0 if early and self.scheduler.decision.exit is not None else None
        options: dict[str, Any] = {"deadline": deadline, "idle_power": idle_power, "exit": exit}
        self.decided(self.scheduler.step(latency, energy, **options))

    @rule(latency=latencies, energy=st.one_of(st.just(math.nan), st.floats(0.0, 1e18)))
    def step_many(self, latency: float, energy: float) -> None:
        choice = alert.step_many([self.scheduler], [latency], [energy])[0]
        model, power_cap = self.scheduler.decision
        assert (choice["model"], choice["power_cap"]) == (model, power_cap or math.inf)

    @rule(latency=latencies, times=st.integers(1, 30))
    def steady(self, latency: float, times: int) -> None:
        for _ in range(times):
            self.scheduler.step(latency, None)

    @rule(deadline=st.one_of(st.none(), seconds))
    def decide(self, deadline: float | None) -> None:
        self.decided(self.scheduler.decide(deadline))

    @rule(deadline=seconds, inputs=st.integers(1, 5))
    def share(self, deadline: float, inputs: int) -> None:
        self.decided(self.scheduler.share(deadline, inputs))

    @rule(goal=goals())
    def set_goal(self, goal: alert.Goal) -> None:
        self.scheduler.goal = goal

    @rule(switching=switching)
    def set_switching(self, switching: tuple[float, int]) -> None:
        self.scheduler.set_switching(*switching)

    @rule(overhead=st.sampled_from([0.0, 1e-3, 1.0, 1e9]))
    def set_overhead(self, overhead: float) -> None:
        self.scheduler.overhead = overhead

    @rule()
    def save(self) -> None:
        s = self.scheduler
        self.states.append((s.goal, s.switch_cost, s.hold_inputs, s._save()[0]))

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        goal, cost, hold_inputs, state = data.draw(st.sampled_from(self.states))
        self.scheduler.goal = goal
        self.scheduler.set_switching(cost, hold_inputs)
        self.scheduler._restore(state)
        assert self.scheduler._save()[0] == state

    @rule()
    def go_on_in_another_process(self) -> None:
        twin = pickle.loads(pickle.dumps(self.scheduler))
        assert twin._save()[0] == self.scheduler._save()[0]
        assert twin.decision == self.scheduler.decision
        self.scheduler = twin

    # ---------------------------------------------------------------------------------- invalid

    @rule(name=st.sampled_from(sorted(OUT_OF_RANGE)), data=st.data())
    def bad_step(self, name: str, data: st.DataObject) -> None:
        before = self.scheduler._save()[0]
        given: dict[str, Any] = {"latency": 0.1, "energy": 1.0}
        given[name] = data.draw(OUT_OF_RANGE[name])
        with pytest.raises(ValueError, match=name):
            self.scheduler.step(**given)
        if name in ("latency", "energy") and not (name == "energy" and math.isnan(given[name])):
            with pytest.raises(ValueError, match=name):
                alert.step_many([self.scheduler], [given["latency"]], [given["energy"]])
        assert self.scheduler._save()[0] == before

    @rule(value=bad, other=st.integers(-5, 0))
    def bad_setting(self, value: float, other: int) -> None:
        s = self.scheduler
        before = s._save()[0], s.goal, s.overhead, s.switch_cost, s.hold_inputs
        refused: list[Callable[[], object]] = [
            lambda: s.decide(value),
            lambda: s.share(value, 1),
            lambda: s.share(1.0, other),
            lambda: setattr(s, "overhead", value),
            lambda: s.set_switching(value, 1),
            lambda: s.set_switching(0.0, other),
            lambda: setattr(s, "goal", replace(s.goal, deadline=value)),
            lambda: s._restore(before[0][:-1]),
        ]
        for act in refused:
            with pytest.raises(ValueError, match="expected"):
                act()
        assert (s._save()[0], s.goal, s.overhead, s.switch_cost, s.hold_inputs) == before

    # ------------------------------------------------------------------------------ always true

    @invariant()
    def what_it_says_is_in_bounds(self) -> None:
        profile, decision = self.scheduler.profile, self.scheduler.decision
        assert 0 <= decision.model < len(profile.models)
        assert (decision.power_cap or math.inf) in profile.power_caps
        exits = profile.exits.get(decision.model)
        exit = -1 if decision.exit is None else decision.exit
        assert exit == -1 if exits is None else 0 <= exit < len(exits)
        assert 0.0 <= decision.latency < math.inf
        assert 0.0 <= decision.energy < math.inf
        assert -1e-9 <= decision.accuracy <= 1.0 + 1e-9
        assert 0.0 <= decision.probability <= 1.0
        mean, std = self.scheduler.slowdown
        assert 0.0 <= mean <= 1e6
        assert 0.0 < std < math.inf

    @invariant()
    def what_it_remembers_is_in_bounds(self) -> None:
        history = self.scheduler.history
        assert (np.diff(history["input"].astype(np.int64)) == 1).all()
        for name in ("latency", "slowdown", "slowdown_mean", "slowdown_std", "expected_latency"):
            assert np.isfinite(history[name]).all()
            assert (history[name] >= 0.0).all()
        assert np.isfinite(history["expected_energy"]).all()
        assert ((history["accuracy"] >= 0.0) & (history["accuracy"] <= 1.0)).all()


TestAnyUse = AnyUse.TestCase
TestAnyUse.settings = settings(max_examples=100, stateful_step_count=25)


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
            idle_gap=math.inf,  # idle power would be measured in real time
            clock=lambda: float(next(now)),
        ) as runner:
            for _ in range(20):
                runner(1)
            return [tuple(row) for row in runner.scheduler.history[["model", "latency"]].tolist()]

    calm = run()

    def jumping() -> float:
        raise AssertionError("the wall clock was read")

    for name in ("time", "time_ns"):
        monkeypatch.setattr(time, name, jumping)
    assert run() == calm
