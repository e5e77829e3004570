"""The calibrated method: the C core against its plain Python twin, and what it promises."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from random import Random

import pytest
import reference
import reference_calibrated
from random_cases import (
    Twins,
    random_deadline,
    random_goal,
    random_table,
    smooth_table,
    tied_table,
    wild_table,
)

import alert


@pytest.mark.parametrize("kind", [smooth_table, wild_table, tied_table])
def test_first_choices_over_many_profiles(kind: Callable[[Random], reference.Table]) -> None:
    random = Random(2)
    for _ in range(500):
        table = kind(random)
        twins = Twins(table, random_goal(random, table), method="calibrated")
        assert twins.by_rounding == 0


def test_random_streams() -> None:
    decisions = by_rounding = 0
    for seed in range(200):
        random = Random(seed)
        table = random_table(random)
        twins = Twins(table, random_goal(random, table), method="calibrated")
        for _ in range(40):
            twins.random_action(random)
        decisions += twins.decisions
        by_rounding += twins.by_rounding
    assert decisions > 7_000
    assert by_rounding <= decisions / 100


def test_random_streams_where_caps_cost_time() -> None:
    decisions = by_rounding = late = 0
    for seed in range(150):
        random = Random(seed)
        table = random_table(random)
        twins = Twins(
            table,
            random_goal(random, table),
            method="calibrated",
            switch_cost=random.choice([0.0, 0.3 * random_deadline(random, table)]),
            hold_inputs=random.choice([1, 2, 5, 20]),
        )
        for _ in range(40):
            twins.random_action(random)
            assert isinstance(twins.twin, reference_calibrated.Scheduler)
            late += twins.twin.is_hopelessly_late()
        decisions += twins.decisions
        by_rounding += twins.by_rounding
    assert decisions > 5_000
    assert late > 100
    assert by_rounding <= decisions / 100


# ------------------------------------------------------------------------------------- by its word

PROFILE = alert.Profile(
    latency=[[0.020, 0.010], [0.040, 0.020], [0.080, 0.040]],
    power=[[10.0, 20.0]] * 3,
    accuracy=[0.60, 0.70, 0.80],
    power_caps=[10.0, 20.0],
    idle_power=5.0,
)
GOAL = alert.Goal.min_energy(deadline=0.1, accuracy=0.75)


def scheduler(goal: alert.Goal = GOAL) -> alert.Scheduler:
    return alert.Scheduler(PROFILE, goal, method="calibrated")


def feed(s: alert.Scheduler, slowdown: float, inputs: int = 1) -> None:
    """Report inputs slowed down so much, at the profile's power."""
    for _ in range(inputs):
        model, cap = s.decision
        column = list(PROFILE.power_caps).index(cap)
        seconds = float(PROFILE.latency[model, column]) * slowdown
        s.step(seconds, float(PROFILE.power[model, column]) * seconds)


def test_one_outlier_is_forgotten_at_once() -> None:
    s = scheduler()
    feed(s, 1.0, 50)
    before = s.slowdown
    feed(s, 1e5)
    assert s.slowdown == pytest.approx(before, rel=0.05)


def test_one_slow_input_is_another_regime() -> None:
    """It might go on; and when it does not, the forecast is back at once."""
    s = scheduler()
    feed(s, 1.0, 50)
    feed(s, 6.0)
    assert 1.5 < s.slowdown[0] < 6.0
    feed(s, 1.0)
    assert s.slowdown[0] == pytest.approx(1.0, rel=0.1)


def test_a_step_is_noticed_within_two_inputs() -> None:
    s = scheduler()
    feed(s, 1.0, 50)
    feed(s, 3.5, 2)
    assert s.slowdown[0] == pytest.approx(3.5, rel=0.1)


def test_a_level_met_before_is_known_again_at_once() -> None:
    s = scheduler()
    for _ in range(3):
        feed(s, 1.0, 30)
        feed(s, 2.2, 30)
    feed(s, 1.0, 30)
    feed(s, 2.2)
    assert s.slowdown[0] == pytest.approx(2.2, rel=0.1)


def test_the_spread_is_learnt() -> None:
    random = Random(3)
    s = scheduler()
    for _ in range(500):
        feed(s, random.gauss(1.0, 0.02))
    assert 0.01 < s.slowdown[1] < 0.2  # a change of regime may come at any time
    calm = s.slowdown[1]
    for _ in range(500):
        feed(s, random.gauss(1.0, 0.1))
    assert s.slowdown[1] > 1.5 * calm


@pytest.mark.parametrize(
    "goal", [GOAL, alert.Goal.max_accuracy(deadline=0.1, energy=0.75)], ids=["energy", "accuracy"]
)
def test_a_goal_holds_on_average(goal: alert.Goal) -> None:
    """Between two models, and none of the surplus is wasted."""
    random = Random(4)
    s = scheduler(goal)
    for _ in range(1000):
        feed(s, random.gauss(1.0, 0.02))
    delivered = s.history["accuracy"].mean()
    rest = goal.deadline - s.history["latency"]
    joules = (s.history["energy"] + 5.0 * rest.clip(0.0)).mean()
    if goal.objective == "min_energy":
        assert 0.75 <= delivered < 0.757
    else:
        assert 0.74 < joules <= 0.75


def test_a_bound_for_each_input_is_no_average() -> None:
    s = scheduler(alert.Goal.min_energy(deadline=0.1, accuracy=0.65, window=1))
    feed(s, 1.0, 200)
    assert (s.history["expected_accuracy"][20:] >= 0.65).all()
    assert (s.history["accuracy"][20:] >= 0.65).all()


def test_a_goal_out_of_reach_says_so() -> None:
    assert not scheduler(alert.Goal.min_energy(deadline=0.1, accuracy=0.9)).decision.feasible
    assert not scheduler(alert.Goal.max_accuracy(deadline=0.1, energy=0.3)).decision.feasible
    assert scheduler().decision.feasible


@pytest.mark.parametrize("goal", [GOAL, alert.Goal.max_accuracy(deadline=0.1, energy=0.7)])
def test_no_stream_drives_it_out_of_bounds(goal: alert.Goal) -> None:
    random = Random(5)
    s = scheduler(goal)
    for _ in range(3000):
        latency = random.choice([0.0, 1e-300, 1e-9, 0.01, 0.1, 5.0, 1e9])
        decision = s.step(latency, random.choice([None, 0.0, 1e18, 0.5]))
        for value in (*s.slowdown, decision.energy, decision.accuracy, decision.probability):
            assert value is not None
            assert math.isfinite(value)
    feed(s, 1.0, 3000)  # until so many changes are forgotten
    expected = s.slowdown[0] * s.offsets[s.decision.model]
    assert expected == pytest.approx(1.0, rel=0.1)


def test_pickled_it_goes_on_as_before() -> None:
    random = Random(6)
    s = scheduler()
    feed(s, 1.3, 40)
    other = pickle.loads(pickle.dumps(s))
    for _ in range(100):
        slowdown = random.choice([1.0, 1.3, 2.5]) * random.gauss(1.0, 0.05)
        feed(s, slowdown)
        feed(other, slowdown)
        assert s.decision == other.decision


def test_constants_belong_to_a_method() -> None:
    with pytest.raises(ValueError, match="constants"):
        alert.Scheduler(PROFILE, GOAL, method="calibrated", constants={"alpha": 0.3})
    with pytest.raises(ValueError, match="constants"):
        alert.Scheduler(PROFILE, GOAL, method="paper", constants={"outlier": 0.3})
    with pytest.raises(ValueError, match="price_gain"):
        alert.Scheduler(PROFILE, GOAL, method="calibrated", constants={"price_gain": math.nan})


@pytest.mark.parametrize("goal", [GOAL, alert.Goal.max_accuracy(deadline=0.1, energy=1.0)])
def test_a_price_beyond_all_numbers(goal: alert.Goal) -> None:
    """Accuracies that differ by next to nothing make a price infinite; a huge gain, an exponent."""
    for accuracy in ([0.0, 5e-324], [0.5, 0.9]):
        profile = alert.Profile([[0.01], [0.02]], [[1.0], [2.0]], accuracy, [20.0], 1.0)
        constants = dict.fromkeys(
            ("price_up", "price_down", "price_reserve", "price_reach", "price_span"), 1000000.0
        )
        scheduler = alert.Scheduler(profile, goal, method="calibrated", constants=constants)
        for latency in (0.01, 1.0, 0.0, 0.01):
            decision = scheduler.step(latency, 1e18)
            assert all(map(math.isfinite, (decision.energy, decision.accuracy, decision.latency)))
            assert pickle.loads(pickle.dumps(scheduler)).decision == decision
