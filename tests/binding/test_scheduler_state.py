"""What a scheduler remembers and shows: its history, copies of it, its attributes."""

from __future__ import annotations

import copy
import pickle
import weakref
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
import random_cases
from by_hand import PROFILE, Scheduler

import alert
from alert import Goal, Profile, _core

# ------------------------------------------------------------------------------------------ history


def test_the_history_tells_every_input() -> None:
    scheduler = Scheduler(PROFILE, Goal.min_energy(10, 0.5), overhead=0.5)
    expected, belief = scheduler.decision, scheduler.slowdown
    scheduler.step(1.5, 14.0, idle_power=3.0)
    scheduler.step(9.6, None)
    first, second = scheduler.history
    assert scheduler.history.dtype == _core.HISTORY
    assert {name: first[name].item() for name in first.dtype.names} == {
        "input": 0,
        "model": 0,
        "cap": 0,
        "exit": -1,
        "power_cap": 10.0,
        "deadline": 10.0,
        "latency": 1.5,
        "energy": 14.0,
        "idle_power": 3.0,
        "slowdown": 1.5,
        "slowdown_mean": belief[0],
        "slowdown_std": belief[1],
        "expected_latency": expected.latency,
        "expected_energy": expected.energy,
        "expected_accuracy": expected.accuracy,
        "probability": expected.probability,
        "accuracy": 0.6,
        "feasible": True,
        "met": True,
    }
    assert second["input"] == 1
    assert np.isnan(second["energy"])
    assert np.isnan(second["idle_power"])
    assert (second["met"], second["accuracy"]) == (False, 0.0)  # 9.6 s are more than 10 - 0.5


def test_the_trace_keeps_the_last_inputs() -> None:
    scheduler = Scheduler(PROFILE, Goal.min_energy(10, 0.5), history=3)
    for n in range(8):
        assert scheduler.history["input"].tolist() == list(range(max(0, n - 3), n))
        scheduler.step(1.0 + n, None)
        assert scheduler.history["latency"][-1] == 1.0 + n
    history = scheduler.history
    history["latency"] = 0.0  # a copy
    assert scheduler.history["latency"].tolist() == [6.0, 7.0, 8.0]


def test_no_trace_at_all() -> None:
    scheduler = Scheduler(PROFILE, Goal.min_energy(10, 0.5), history=0)
    scheduler.step(1.0, None)
    assert len(scheduler.history) == 0
    assert scheduler.history.dtype == _core.HISTORY


def test_credit_where_an_anytime_model_stopped() -> None:
    """Exits at 1, 2 and 4 s; 5 s measured for the third: 1.25, 2.5 and 5 s."""
    exits: Any = {0: [(0.25, 0.5), (0.5, 0.6), (1.0, 0.8)]}
    profile = Profile([[4.0]], [[10.0]], [0.8], [10.0], 2.0, exits=exits)
    cases = [
        (10.0, 5.0, None, 2, 1.25, 0.8, True),
        (3.0, 5.0, None, 2, 1.25, 0.6, True),
        (2.0, 5.0, None, 2, 1.25, 0.5, True),
        (1.0, 5.0, None, 2, 1.25, 0.1, False),
        (3.0, 3.0, 1, 1, 1.5, 0.6, True),
        (2.0, 3.0, 1, 1, 1.5, 0.5, True),
        (2.0, 3.0, 0, 0, 3.0, 0.1, False),
    ]
    for deadline, latency, stopped, exit, slowdown, accuracy, met in cases:
        goal = Goal.max_accuracy(deadline, 999, q_fail=0.1)
        scheduler = Scheduler(profile, goal)
        assert scheduler.decision.exit == 2
        scheduler.step(latency, None, exit=stopped)
        record = scheduler.history[0]
        assert (record["exit"], record["slowdown"]) == (exit, slowdown)
        assert (record["accuracy"], record["met"]) == (accuracy, met)


# ----------------------------------------------------------------------------- saved, shown, set up


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_goes_on_where_it_was(again: Any) -> None:
    random = Random(11)
    for _ in range(20):
        table = random_cases.random_table(random)
        goal = random_cases.random_goal(random, table)
        twins = random_cases.Twins(table, goal, overhead=0.001, history=7)
        for _ in range(25):
            twins.random_action(random)
        other = again(twins.here)
        assert other._save()[0] == twins.here._save()[0]
        assert (other.goal, other.overhead) == (twins.here.goal, twins.here.overhead)
        twins.here = other
        for _ in range(10):
            twins.random_action(random)


def test_a_copy_goes_its_own_way() -> None:
    scheduler = Scheduler(PROFILE, Goal.min_energy(10, 0.5))
    other = copy.copy(scheduler)
    other.step(5.0, None)
    assert len(scheduler.history) == 0
    assert scheduler.slowdown[0] == 1.0


class Counting(alert.Scheduler):
    """Has attributes of its own, and a slot."""

    __slots__ = ("__dict__", "__tag")

    def tag(self, text: str) -> None:
        self.__tag = text

    def told(self) -> str:
        return self.__tag


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_a_copy_has_the_attributes_of_a_subclass(again: Callable[[Counting], Counting]) -> None:
    scheduler = Counting(PROFILE, Goal.min_energy(10, 0.5))
    bare = again(scheduler)
    assert type(bare) is Counting
    assert not hasattr(bare, "inputs")
    scheduler.inputs = [1, 2]  # type: ignore[attr-defined]
    scheduler.tag("mine")
    other = again(scheduler)
    assert other.inputs == [1, 2]  # type: ignore[attr-defined]
    assert other.told() == "mine"


def test_weak_references() -> None:
    scheduler = Scheduler(PROFILE, Goal.min_energy(10, 0.5))
    reference = weakref.ref(scheduler)
    assert reference() is scheduler
    del scheduler
    assert reference() is None


def test_pickles_its_constants() -> None:
    scheduler = Scheduler(PROFILE, Goal.min_energy(10, 0.5), constants={"r": 0.5})
    other = pickle.loads(pickle.dumps(scheduler))
    assert other.step(3.0, None) == scheduler.step(3.0, None)
    assert other.slowdown == scheduler.slowdown
    assert other.slowdown != Scheduler(PROFILE, Goal.min_energy(10, 0.5)).slowdown


def test_shows_itself() -> None:
    names: Any = {"models": ["small", "<large>"]}
    profile = Profile(
        PROFILE.latency, PROFILE.power, PROFILE.accuracy, PROFILE.power_caps, 2.0, **names
    )
    scheduler = Scheduler(profile, Goal.min_energy(10, 0.7))
    assert repr(scheduler) == (
        "<alert.Scheduler 'paper': Goal.min_energy(deadline=10.0, accuracy=0.7), "
        "slowdown 1 ± 0.32, next '<large>' under 10 W>"
    )
    html = scheduler._repr_html_()
    for cells in (
        "<td>slowdown</td><td>1.000 ± 0.316</td>",
        "<td>next</td><td>&lt;large&gt; under 10 W</td>",
        "<td>expected latency</td><td>2 s</td>",
        "<td>expected energy</td><td>36 J</td>",
        "<td>expected accuracy</td><td>0.8000</td>",
        "<td>in time</td><td>1.0000</td>",
        "<td>feasible</td><td>yes</td>",
    ):
        assert cells in html
    scheduler.goal = Goal.min_energy(10, 0.9)
    assert "no: a bound was given up" in scheduler._repr_html_()


def test_says_what_it_was_made_of() -> None:
    goal = Goal.min_energy(10, 0.7)
    scheduler = Scheduler(PROFILE, goal, overhead=0.25)
    assert scheduler.profile is PROFILE
    assert scheduler.goal is goal
    assert scheduler.method in _core.METHODS
    assert scheduler.overhead == 0.25
    with pytest.raises(AttributeError):
        scheduler.profile = PROFILE  # type: ignore[misc]
    with pytest.raises(AttributeError):
        scheduler.unknown = 3  # type: ignore[attr-defined]


def test_can_be_subclassed() -> None:
    class Counting(Scheduler):
        steps = 0

        def step(self, *args: Any, **kwargs: Any) -> alert.Decision:
            self.steps += 1
            return super().step(*args, **kwargs)

    scheduler = Counting(PROFILE, Goal.min_energy(10, 0.7))
    scheduler.step(1.0, None)
    assert scheduler.steps == len(scheduler.history) == 1
