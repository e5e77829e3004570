"""Goals as values."""

from __future__ import annotations

import dataclasses
import math
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import alert
from alert import Goal


def test_two_kinds() -> None:
    saving = Goal.min_energy(deadline=0.1, accuracy=0.75)
    assert (saving.objective, saving.deadline) == ("min_energy", 0.1)
    assert (saving.accuracy, saving.energy, saving.bound) == (0.75, None, 0.75)
    exact = Goal.max_accuracy(deadline=0.1, energy=1.5)
    assert (exact.objective, exact.deadline) == ("max_accuracy", 0.1)
    assert (exact.accuracy, exact.energy, exact.bound) == (None, 1.5, 1.5)


def test_the_best_that_makes_the_deadline() -> None:
    best = Goal.max_accuracy(deadline=0.1)
    assert (best.objective, best.deadline) == ("max_accuracy", 0.1)
    assert (best.accuracy, best.energy, best.bound) == (None, None, math.inf)
    assert Goal.max_accuracy(0.1, math.inf) == best


def test_power_and_budget() -> None:
    watts = Goal.max_accuracy(deadline=0.1, power=12)
    assert (watts.power, watts.energy) == (12.0, None)
    assert watts.bound == pytest.approx(1.2)
    assert dataclasses.replace(watts, deadline=0.5).bound == 6.0
    battery = Goal.max_accuracy(0.1, budget=5000, inputs=1000)
    assert (battery.budget, battery.inputs, battery.bound) == (5000.0, 1000, 5.0)


def test_the_lowest_latency() -> None:
    fast = Goal.min_latency(accuracy=0.75, energy=1.5)
    assert (fast.objective, fast.deadline) == ("min_latency", math.inf)
    assert (fast.accuracy, fast.energy, fast.bound) == (0.75, 1.5, 0.75)
    assert (fast.window, fast.priority) == (1, ("accuracy", "energy", "latency"))
    assert (Goal.min_latency().accuracy, Goal.min_latency().bound) == (None, 0.0)
    assert Goal.min_latency(deadline=0.1).deadline == 0.1
    assert dataclasses.replace(fast, energy=math.inf) == Goal.min_latency(accuracy=0.75)


@pytest.mark.parametrize("make", [Goal.min_energy, Goal.max_accuracy])
def test_defaults(make: Any) -> None:
    goal = make(0.1, 0.75)
    assert goal.probability is None
    assert goal.q_fail == 0.0
    assert goal.priority == ("latency", "accuracy", "energy")
    assert goal.window is None


@pytest.mark.parametrize("make", [Goal.min_energy, Goal.max_accuracy])
def test_keeps_what_it_was_given(make: Any) -> None:
    more = {
        "probability": 0.9,
        "q_fail": 0.1,
        "priority": ("energy", "latency", "accuracy"),
        "window": 7,
    }
    goal = make(0.1, 0.75, **more)
    assert {name: getattr(goal, name) for name in more} == more
    with pytest.raises(TypeError):
        make(0.1, 0.75, 0.9)  # the rest by name


def test_any_real_number() -> None:
    goal = Goal.min_energy(deadline=Fraction(1, 4), accuracy=np.float32(0.5))  # type: ignore[arg-type]
    assert goal == Goal.min_energy(0.25, 0.5)
    assert type(goal.deadline) is type(goal.accuracy) is float
    assert Goal.min_energy(1, 1).deadline == 1.0
    assert Goal.min_energy(1, 1, window=np.int64(3)).window == 3  # type: ignore[arg-type]
    assert Goal.min_energy(1, 1, priority=["energy", "latency", "accuracy"]).priority[0] == "energy"  # type: ignore[arg-type]


def test_is_a_value() -> None:
    goal = Goal.min_energy(0.1, 0.75)
    assert goal == Goal.min_energy(0.1, 0.75)
    assert hash(goal) == hash(Goal.min_energy(0.1, 0.75))
    assert goal != Goal.min_energy(0.1, 0.7)
    assert pickle.loads(pickle.dumps(goal)) == goal
    with pytest.raises(dataclasses.FrozenInstanceError):
        goal.deadline = 0.2  # type: ignore[misc]
    assert dataclasses.replace(goal, deadline=0.2) == Goal.min_energy(0.2, 0.75)


@pytest.mark.parametrize(
    "text",
    [
        "Goal.min_energy(deadline=0.1, accuracy=0.75)",
        "Goal.max_accuracy(deadline=0.1, energy=1.5)",
        "Goal.max_accuracy(deadline=0.1)",
        "Goal.max_accuracy(deadline=0.1, power=12.0)",
        "Goal.max_accuracy(deadline=0.1, budget=5000.0, inputs=1000, window=1)",
        "Goal.min_latency(accuracy=0.75)",
        "Goal.min_latency(deadline=0.1, accuracy=0.75, energy=1.5, probability=0.9, q_fail=0.1, "
        "priority=('latency', 'accuracy', 'energy'))",
        "Goal.min_latency()",
        "Goal.min_energy(deadline=0.1, accuracy=0.75, probability=0.9, q_fail=0.1, "
        "priority=('energy', 'latency', 'accuracy'), window=7)",
    ],
)
def test_repr_makes_the_goal_again(text: str) -> None:
    goal = eval(text, {"Goal": Goal})
    assert repr(goal) == text


def test_no_probability_and_probability_zero_ask_for_the_same() -> None:
    profile = alert.Profile([[0.04, 0.02]], [[10, 30]], [0.8], [10, 20], 1)
    for deadline in (0.01, 0.03, 0.1):
        one = alert.Scheduler(profile, Goal.min_energy(deadline, 0.6))
        other = alert.Scheduler(profile, Goal.min_energy(deadline, 0.6, probability=0.0))
        assert one.decision == other.decision
        assert one.decision.feasible == other.decision.feasible
