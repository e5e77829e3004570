"""What each kind of goal means, on profiles small enough to see the answer."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import reference
from random_cases import Twins, random_goal

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


# ---------------------------------------------------------------------------------- average power

STEADY = alert.Profile(
    latency=[[0.020, 0.010], [0.060, 0.030], [0.090, 0.045]],
    power=[[10.0, 20.0]] * 3,
    accuracy=[0.70, 0.80, 0.85],
    power_caps=[10.0, 20.0],
    idle_power=5.0,
)


def run(s: alert.Scheduler, inputs: int, slowdown: float = 1.0, **more: Any) -> None:
    """Run inputs that take `slowdown` times as long as profiled."""
    for _ in range(inputs):
        model, power_cap = s.decision
        latency = STEADY.latency[model, list(STEADY.power_caps).index(power_cap)] * slowdown
        s.step(latency, None, idle_power=5.0, **more)


def joules(s: alert.Scheduler) -> Any:
    """Energy of every input, idle time up to its deadline included."""
    rest = (s.history["deadline"] - s.history["latency"]).clip(0.0)
    return s.history["latency"] * s.history["power_cap"] + 5.0 * rest


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("window", [None, 1, 10])
def test_a_power_is_an_energy_for_the_time_of_the_deadline(method: str, window: int | None) -> None:
    watts = alert.Scheduler(STEADY, Goal.max_accuracy(0.1, power=7.0, window=window), method=method)
    same = alert.Scheduler(STEADY, Goal.max_accuracy(0.1, 0.1 * 7.0, window=window), method=method)
    random = Random(5)
    for _ in range(100):
        latency = watts.decision.latency * random.uniform(0.5, 1.05)  # none is late
        assert watts.step(latency, None)[:] == same.step(latency, None)[:]
        assert watts.decision.feasible == same.decision.feasible


def test_a_power_allows_more_to_an_input_with_more_time() -> None:
    goal = Goal.max_accuracy(0.1, power=6.2, window=1)
    s = alert.Scheduler(STEADY, goal)
    assert s.decide(0.1).model == 0
    assert s.decide(1.0).energy < 6.2
    assert s.decide(1.0).model == 2


def test_a_power_holds_on_average_over_different_deadlines() -> None:
    """A bound in joules would allow the short inputs too much and the long ones too little."""
    s = alert.Scheduler(STEADY, Goal.max_accuracy(0.1, power=7.0))
    random = Random(2)
    for _ in range(600):
        run(s, 1, deadline=random.choice([0.07, 0.1, 0.4]))
    watts = joules(s).sum() / s.history["deadline"].sum()
    assert 6.5 < watts <= 7.0
    assert s.decision.feasible
    assert len(set(s.history["model"])) > 1


def test_a_late_input_may_take_its_power_for_longer() -> None:
    """It runs for 10 s under 10 W: 1 J too much for 9.9 W, 99 J too much for 0.99 J."""
    slow = alert.Profile([[10.0]], [[10.0]], [0.7], [10.0], 5.0)
    goals = Goal.max_accuracy(0.1, power=9.9, window=2), Goal.max_accuracy(0.1, 0.99, window=2)
    watts, fixed = (alert.Scheduler(slow, goal, method="paper") for goal in goals)
    for s in (watts, fixed):
        s.step(10.0, None)
    assert watts.decide(20.0).feasible  # 150 J of 197 J
    assert not fixed.decide(20.0).feasible


# ---------------------------------------------------------------------------------------- a budget


def left_of(s: alert.Scheduler) -> tuple[float, int]:
    assert s.budget is not None
    return s.budget


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("inputs", [20, 50, 100, 400])
@pytest.mark.parametrize("each", [0.60, 0.66, 0.72, 0.79])
def test_a_budget_lasts_for_its_inputs(method: str, inputs: int, each: float) -> None:
    goal = Goal.max_accuracy(0.1, budget=each * inputs, inputs=inputs)
    s = alert.Scheduler(STEADY, goal, method=method)
    assert left_of(s) == pytest.approx((each * inputs, inputs))
    run(s, inputs - 1)
    left, last = left_of(s)
    assert last == 1
    assert left == pytest.approx(each * inputs - joules(s).sum())
    run(s, 1)
    assert s.budget is None
    assert joules(s).sum() <= each * inputs * 1.0001


def test_what_was_saved_is_spent_later() -> None:
    """An idle first half leaves more for each input of the second."""
    goal = Goal.max_accuracy(0.1, budget=0.62 * 200, inputs=200)
    s = alert.Scheduler(STEADY, goal)
    for _ in range(100):
        s.step(0.02, None, model=0, power_cap=10.0, idle_power=5.0)
    left, inputs = left_of(s)
    assert left / inputs > 0.62 * 1.02
    run(s, 100)
    assert 0.0 <= 0.62 * 200 - joules(s).sum() < 0.02 * 0.62 * 200
    assert s.history["accuracy"][100:].mean() == pytest.approx(0.72, abs=0.005)


def test_what_was_overspent_is_missing_later() -> None:
    goal = Goal.max_accuracy(0.1, budget=0.72 * 200, inputs=200)
    s = alert.Scheduler(STEADY, goal)
    for _ in range(50):
        s.step(0.09, None, model=2, power_cap=10.0, idle_power=5.0)
    assert s.decision.feasible
    run(s, 150)
    assert 0.0 <= 0.72 * 200 - joules(s).sum() < 0.03 * 0.72 * 200


def test_a_budget_beyond_repair() -> None:
    s = alert.Scheduler(STEADY, Goal.max_accuracy(0.1, budget=62.0, inputs=100))
    assert s.decision.feasible
    s.step(0.02, 50.0, idle_power=5.0)
    assert not s.decision.feasible
    assert left_of(s)[0] == pytest.approx(62.0 - 50.0 - 5.0 * 0.08)


@pytest.mark.parametrize("method", METHODS)
def test_every_input_takes_of_the_budget(method: str) -> None:
    """Also one with a goal of its own: the battery gives to all."""
    s = alert.Scheduler(STEADY, Goal.max_accuracy(0.1, budget=100.0, inputs=100), method=method)
    s.decide(goal=Goal.min_latency())
    s.step(0.01, 3.0)
    assert left_of(s) == pytest.approx((97.0, 99))


def test_when_a_budget_starts() -> None:
    goal = Goal.max_accuracy(0.1, budget=100.0, inputs=100)
    s = alert.Scheduler(STEADY, goal)
    run(s, 10)
    going_on = s.budget
    assert going_on is not None
    assert going_on[1] == 90
    s.goal = replace(goal, deadline=0.2)
    assert s.budget == going_on
    again = pickle.loads(pickle.dumps(s))
    assert again.budget == going_on
    s.goal = replace(goal, budget=80.0, inputs=90)  # what the battery says
    assert left_of(s) == pytest.approx((80.0, 90))
    s.goal = Goal.max_accuracy(0.1, 1.0)
    assert s.budget is None
    assert alert.Scheduler(STEADY, Goal.min_energy(0.1, 0.7)).budget is None


def test_after_its_inputs_a_share_is_the_bound() -> None:
    s = alert.Scheduler(STEADY, Goal.max_accuracy(0.1, budget=0.72 * 50, inputs=50))
    run(s, 600)
    assert joules(s)[50:].mean() == pytest.approx(0.72, rel=0.02)


# --------------------------------------------------------------------------------------- many exits


@pytest.mark.parametrize("method", METHODS)
def test_models_with_many_exits_against_the_twin(method: str) -> None:
    """Their accuracies are kept from exit to exit, under caps that cost time, too."""
    decisions = by_rounding = 0
    for seed in range(24):
        random = Random(seed)
        exits = {
            i: [((k + 1) / count, min(k, 20) / 40 + i / 10) for k in range(count)]
            for i, count in enumerate([30, 3, 9])
        }
        table = reference.Table(
            [[0.2, 0.1, 0.05]] * 3,
            [[10.0, 21.0, 45.0]] * 3,
            [pairs[-1][1] for pairs in exits.values()],
            [10.0, 20.0, 40.0],
            5.0,
            exits,
        )
        cost = random.choice([0.0, 0.0, 0.01])
        twins = Twins(table, random_goal(random, table), method=method, switch_cost=cost)
        for _ in range(25):
            twins.random_action(random)
        decisions += twins.decisions
        by_rounding += twins.by_rounding
    assert by_rounding <= decisions / 50


def test_a_sure_exit_has_its_accuracy() -> None:
    """Without rounding: a bound that equals the accuracy of an exit can be met."""
    exits = [((k + 1) / 50, 0.1 + 0.7 * (k + 1) / 50) for k in range(50)]
    table = alert.Profile([[0.05]], [[10.0]], [exits[-1][1]], [10.0], 5.0, exits={0: exits})
    for k in (0, 7, 8, 30, 49):
        goal = Goal.min_energy(10.0, exits[k][1], window=1)
        decision = alert.Scheduler(table, goal).decision
        assert (decision.exit, decision.feasible) == (k, True)
        assert decision.accuracy == exits[k][1]
