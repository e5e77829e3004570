"""Bad goals: the message names the argument, the place in it, what was expected and what came."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from bad_input import GOAL, got

import alert

BAD_GOALS: list[tuple[dict[str, Any], str]] = [
    *(
        ({"deadline": bad}, rf"deadline: expected a finite number of seconds > 0.*{got(bad)}")
        for bad in (math.nan, math.inf, 0.0, -1.0)
    ),
    *(
        ({"accuracy": bad}, rf"accuracy: expected a number from 0 to 1, {got(bad)}")
        for bad in (math.nan, -0.1, 1.1)
    ),
    *(
        (
            {"probability": bad},
            rf"probability: expected a number from 0 to 1, 1 excluded, {got(bad)}",
        )
        for bad in (math.nan, -0.1, 1.0, 1.1)
    ),
    *(
        ({"q_fail": bad}, rf"q_fail: expected a number from 0 to 1, {got(bad)}")
        for bad in (math.nan, -0.1, 1.1)
    ),
    ({"priority": ("latency", "energy")}, "priority: expected .* got "),
    ({"priority": ("latency", "latency", "energy")}, "priority: expected .* got "),
    ({"priority": "latency"}, "priority: expected .* got 'latency'"),
    ({"window": 0}, "window: expected at least 1 input or None, got 0"),
    ({"window": -3}, "window: expected at least 1 input or None, got -3"),
    ({"window": 1_000_001}, "window: expected at most 1000000 inputs, got 1000001"),
    ({"window": 10**30}, "window: expected at most 1000000 inputs"),
]


@pytest.mark.parametrize(("change", "message"), BAD_GOALS)
def test_bad_goals(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        alert.Goal.min_energy(**{"deadline": 0.1, "accuracy": 0.5, **change})


@pytest.mark.parametrize("bad", [math.nan, -math.inf, 0.0, -1.0])
def test_a_bad_energy(bad: float) -> None:
    message = f"energy: expected a finite .* joules > 0.*{got(bad)}"
    with pytest.raises(ValueError, match=message):
        alert.Goal.max_accuracy(deadline=0.1, energy=bad)
    with pytest.raises(ValueError, match=message):
        alert.Goal.min_latency(energy=bad)


@pytest.mark.parametrize("bad", [math.nan, -math.inf, 0.0, -1.0, 2e9])
def test_a_bad_deadline_of_the_lowest_latency(bad: float) -> None:
    with pytest.raises(ValueError, match=f"deadline: expected a finite .* seconds.*{got(bad)}"):
        alert.Goal.min_latency(accuracy=0.5, deadline=bad)


def test_the_lowest_latency_has_bounds_for_each_input() -> None:
    for bad in (-0.1, 1.1, math.nan):
        with pytest.raises(
            ValueError, match=f"accuracy: expected a number from 0 to 1, {got(bad)}"
        ):
            alert.Goal.min_latency(accuracy=bad)
    with pytest.raises(ValueError, match=r"window: expected 1: .* each input, got 30"):
        replace(alert.Goal.min_latency(accuracy=0.5), window=30)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"deadline": "0.1"}, "deadline: expected a number, got str"),
        ({"deadline": None}, "deadline: expected a number, got NoneType"),
        ({"accuracy": [0.5]}, "accuracy: expected a number, got list"),
        ({"probability": "high"}, "probability: expected a number, got str"),
        ({"q_fail": None}, "q_fail: expected a number, got NoneType"),
        ({"window": 2.5}, "window: expected a number of inputs or None, got float"),
    ],
)
def test_goals_of_the_wrong_kind(change: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        alert.Goal.min_energy(**{"deadline": 0.1, "accuracy": 0.5, **change})


def test_a_goal_with_the_bound_of_the_other_objective() -> None:
    with pytest.raises(TypeError, match="energy: a min_energy goal is bounded by accuracy only"):
        replace(GOAL, energy=1.0)
    with pytest.raises(TypeError, match="accuracy: a max_accuracy goal is bounded by energy only"):
        replace(GOAL, objective="max_accuracy")
    with pytest.raises(TypeError, match="accuracy: expected a number, got NoneType"):
        replace(GOAL, accuracy=None)
    with pytest.raises(TypeError, match="energy: expected a number, got str"):
        alert.Goal.max_accuracy(0.1, "much")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"objective: expected one of .* got 'both'"):
        replace(GOAL, objective="both")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bounds", "kind", "message"),
    [
        ({"power": 0.0}, ValueError, "power: expected a finite number of watts > 0, got 0"),
        ({"power": math.inf}, ValueError, "power: expected a finite number of watts > 0, got inf"),
        ({"power": math.nan}, ValueError, "power: expected a finite number of watts > 0, got nan"),
        ({"power": "much"}, TypeError, "power: expected a number, got str"),
        ({"energy": 1.0, "power": 2.0}, TypeError, "power: expected no other bound .*, got energy"),
        ({"power": 1.0, "budget": 2.0, "inputs": 3}, TypeError, "budget: expected no other bound"),
        ({"budget": 2.0}, TypeError, "inputs: expected the number of inputs .*, got None"),
        ({"inputs": 3}, TypeError, "budget: expected the joules that inputs may take, got None"),
        ({"budget": 0.0, "inputs": 3}, ValueError, "budget: expected a finite .* > 0, got 0"),
        ({"budget": math.inf, "inputs": 3}, ValueError, "budget: expected a finite .* got inf"),
        ({"budget": math.nan, "inputs": 3}, ValueError, "budget: expected a finite .* got nan"),
        ({"budget": 1.0, "inputs": 0}, ValueError, "inputs: expected at least 1 input or None"),
        ({"budget": 1.0, "inputs": 2.5}, TypeError, "inputs: expected a number of inputs or None"),
        ({"budget": 1e9, "inputs": 10**13}, ValueError, "inputs: expected at most 1e12 inputs"),
        (
            {"budget": 1.0, "inputs": 3, "window": 5},
            ValueError,
            "window: expected none, or 1 for each input, with a budget, got 5",
        ),
    ],
)
def test_bad_power_and_bad_budgets(
    bounds: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        alert.Goal.max_accuracy(0.1, **bounds)


@pytest.mark.parametrize("name", ["power", "budget", "inputs"])
def test_power_and_budget_are_for_the_highest_accuracy(name: str) -> None:
    bound: Any = {name: 3}
    with pytest.raises(TypeError, match=f"{name}: a min_energy goal is bounded by accuracy only"):
        replace(GOAL, **bound)
    with pytest.raises(TypeError, match=f"{name}: a min_latency goal is bounded by accuracy and"):
        replace(alert.Goal.min_latency(), **bound)
