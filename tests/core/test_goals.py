"""What each kind of goal means, on profiles small enough to see the answer."""

from __future__ import annotations

import math
import pickle
from random import Random
from typing import Any

import pytest

import alert
from alert import Goal

METHODS = ("paper", "calibrated")

# Four configurations: the higher cap halves the time and doubles the power.
PROFILE = alert.Profile(
    latency=[[0.020, 0.010], [0.060, 0.030]],
    power=[[10.0, 20.0], [10.0, 20.0]],
    accuracy=[0.70, 0.80],
    power_caps=[10.0, 20.0],
    idle_power=5.0,
)

FRUGAL = ("energy", "accuracy", "latency")


def choice(goal: Goal, method: str = "calibrated", **options: Any) -> alert.Decision:
    return alert.Scheduler(PROFILE, goal, method=method, **options).decision


# --------------------------------------------------------------- highest accuracy without a bound


@pytest.mark.parametrize("method", METHODS)
def test_the_best_model_that_makes_the_deadline(method: str) -> None:
    for deadline, model in ((1.0, 1), (0.1, 1), (0.025, 0)):
        decision = choice(Goal.max_accuracy(deadline), method)
        assert (decision.model, decision.feasible) == (model, True)


@pytest.mark.parametrize("method", METHODS)
def test_of_equal_accuracies_the_least_energy(method: str) -> None:
    """Both caps are certain to be in time; the lower one takes less."""
    table = alert.Profile([[0.02, 0.01]], [[10.0, 21.0]], [0.7], [10.0, 20.0], 5.0)
    decision = alert.Scheduler(table, Goal.max_accuracy(1.0), method=method).decision
    assert decision.power_cap == 10.0


@pytest.mark.parametrize("window", [None, 1, 30])
def test_no_bound_is_the_same_as_one_that_never_binds_for_each_input(window: int | None) -> None:
    none = alert.Scheduler(PROFILE, Goal.max_accuracy(0.1, window=window))
    loose = alert.Scheduler(PROFILE, Goal.max_accuracy(0.1, 1e6, window=1))
    random = Random(0)
    for _ in range(50):
        latency = none.decision.latency * random.uniform(0.5, 3.0)
        assert none.step(latency, None) == loose.step(latency, None)
        assert none.decision[:] == loose.decision[:]
        assert none.decision.feasible


@pytest.mark.parametrize("method", METHODS)
def test_an_energy_without_a_bound_never_decides(method: str) -> None:
    """However important it is: the highest accuracy decides when the probability is given up."""
    order: Any = ("latency", "energy", "accuracy")
    hard = choice(Goal.max_accuracy(0.01, probability=0.9, priority=order), method)
    easy = choice(Goal.max_accuracy(0.01, priority=order), method)
    assert hard == easy
    assert hard.accuracy == easy.accuracy
    assert (hard.feasible, easy.feasible) == (False, True)


# ------------------------------------------------------------------------------- lowest latency


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("bounds", "expected", "feasible"),
    [
        ({}, (0, 20.0), True),
        ({"accuracy": 0.75}, (1, 20.0), True),
        ({"accuracy": 0.70}, (0, 20.0), True),
        ({"energy": 0.199}, (0, 10.0), False),  # nothing takes less than 0.2 J
        ({"accuracy": 0.75, "energy": 0.61}, (1, 10.0), True),
        ({"accuracy": 0.75, "energy": 0.5}, (1, 10.0), False),  # the cheapest accurate enough
        ({"accuracy": 0.9}, (1, 10.0), False),  # the most accurate
        ({"accuracy": 0.75, "energy": 0.3, "priority": FRUGAL}, (0, 10.0), False),
    ],
)
def test_the_fastest_that_meets_the_bounds(
    method: str, bounds: dict[str, Any], expected: tuple[int, float], feasible: bool
) -> None:
    table = alert.Profile(
        [[0.020, 0.010], [0.060, 0.030]], [[10.0, 20.5]] * 2, [0.7, 0.8], [10.0, 20.0], 5.0
    )
    decision = alert.Scheduler(table, Goal.min_latency(**bounds), method=method).decision
    assert (decision, decision.feasible) == (expected, feasible)


@pytest.mark.parametrize("method", METHODS)
def test_without_a_deadline_nothing_is_late_and_nothing_idles(method: str) -> None:
    scheduler = alert.Scheduler(PROFILE, Goal.min_latency(accuracy=0.75, q_fail=0.1), method=method)
    decision = scheduler.decision
    assert (decision.probability, decision.accuracy) == (1.0, 0.8)
    assert decision.energy == pytest.approx(20.0 * decision.latency)
    scheduler.step(1000.0, None, idle_power=4.0)
    last = scheduler.history[-1]
    assert (last["met"], last["accuracy"], last["deadline"]) == (True, 0.8, math.inf)
    decision = scheduler.decision
    assert (decision.probability, decision.accuracy) == (1.0, 0.8)
    assert decision.energy == pytest.approx(20.0 * decision.latency)


def test_a_deadline_makes_late_outputs_count_and_idle_time_cost() -> None:
    quick = choice(Goal.min_latency(accuracy=0.75, deadline=0.1))
    assert quick.energy == pytest.approx(20.0 * quick.latency + 5.0 * (0.1 - quick.latency))
    late = choice(Goal.min_latency(accuracy=0.75, deadline=0.02))
    assert (late.model, late.feasible) == (0, False)  # the highest accuracy, lateness counted


def test_one_input_may_have_a_deadline() -> None:
    scheduler = alert.Scheduler(PROFILE, Goal.min_latency(accuracy=0.75))
    decision = scheduler.decide(0.02)
    assert (decision.model, decision.feasible) == (0, False)
    decision = scheduler.step(0.01, None)
    assert (decision.model, decision.feasible, decision.probability) == (1, True, 1.0)
    decision = scheduler.share(0.1, 2)
    assert decision.energy == pytest.approx(
        20.0 * decision.latency + 5.0 * (0.05 - decision.latency)
    )


def test_a_change_of_the_cap_takes_time() -> None:
    """Staying is faster where the change takes longer than it wins."""
    for cost, cap in ((0.005, 20.0), (0.04, 10.0)):
        scheduler = alert.Scheduler(PROFILE, Goal.min_energy(0.2, 0.69), switch_cost=cost)
        scheduler.step(0.02, None)
        assert scheduler.history[-1]["power_cap"] == 10.0
        scheduler.goal = Goal.min_latency(accuracy=0.75)
        assert scheduler.decision == (1, cap)


@pytest.mark.parametrize("method", METHODS)
def test_a_goal_may_come_and_go(method: str) -> None:
    """Under another objective nothing is owed, and nothing of the machine is forgotten."""
    goals = [
        Goal.min_latency(accuracy=0.75),
        Goal.min_energy(0.1, 0.75),
        Goal.max_accuracy(0.1),
        Goal.max_accuracy(0.1, 0.7, window=5),
        Goal.min_latency(energy=0.3, deadline=0.05),
    ]
    scheduler = alert.Scheduler(PROFILE, goals[-1], method=method)
    random = Random(1)
    for turn in range(60):
        scheduler.goal = goals[turn % len(goals)]
        for _ in range(random.randint(0, 3)):
            again = pickle.loads(pickle.dumps(scheduler))
            latency = scheduler.decision.latency * random.lognormvariate(0, 0.3)
            assert scheduler.step(latency, None)[:] == again.step(latency, None)[:]
            assert all(map(math.isfinite, scheduler.slowdown))
            assert math.isfinite(scheduler.decision.energy)
    fresh = alert.Scheduler(PROFILE, goals[0], method=method)
    assert scheduler.slowdown != fresh.slowdown


def test_a_saved_state_without_a_deadline_fits_no_goal_with_one() -> None:
    state = alert.Scheduler(PROFILE, Goal.min_latency(accuracy=0.75))._save()[0]
    alert.Scheduler(PROFILE, Goal.min_latency(accuracy=0.7))._restore(state)
    with pytest.raises(ValueError, match="state: expected the bytes saved from a scheduler"):
        alert.Scheduler(PROFILE, Goal.min_latency(accuracy=0.7, deadline=1.0))._restore(state)
