"""Caps that cost time: what the scheduler makes of it."""

from __future__ import annotations

import copy
import math
import pickle
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from random_cases import Twins, random_deadline, random_goal, random_table

import alert

# Under the higher cap everything is twice as fast and costs more.
PROFILE = alert.Profile(
    latency=[[0.04, 0.02], [0.08, 0.04]],
    power=[[10.0, 30.0], [10.0, 30.0]],
    accuracy=[0.7, 0.8],
    power_caps=[10.0, 30.0],
    idle_power=5.0,
)
GOAL = alert.Goal.min_energy(deadline=0.2, accuracy=0.69)
URGENT = 0.06  # seconds, enough under the higher cap only
LOW, HIGH = 10.0, 30.0


def settled(**options: float) -> alert.Scheduler:
    """Return a scheduler after an input under the low cap, on a quiet machine."""
    scheduler = alert.Scheduler(PROFILE, GOAL, method="paper", **options)  # type: ignore[arg-type]
    assert scheduler.decision.power_cap == LOW
    scheduler.step(0.04, 0.4)
    return scheduler


def test_costs_nothing_by_default() -> None:
    scheduler = settled()
    assert (scheduler.switch_cost, scheduler.hold_inputs) == (0.0, 1)
    assert scheduler.decide(URGENT).power_cap == HIGH
    assert scheduler.decide(0.2).power_cap == LOW


def test_a_change_takes_time_and_energy() -> None:
    free, scheduler = settled(), settled(switch_cost=0.02)
    wanted, decision = free.decide(0.04), scheduler.decide(0.04 + 0.02)
    assert decision == wanted  # the same model and cap, with as much time
    assert decision.probability == wanted.probability
    assert decision.accuracy == wanted.accuracy
    assert decision.energy == pytest.approx(wanted.energy + 30.0 * 0.02)
    stay = scheduler.decide(0.2)
    assert stay == free.decide(0.2)
    assert stay.energy == free.decision.energy


def test_the_energy_of_a_change_is_spread_over_the_hold() -> None:
    once, spread = settled(switch_cost=0.02), settled(switch_cost=0.02, hold_inputs=10)
    once.decide(URGENT)
    spread.decide(URGENT)
    assert once.decision == spread.decision == (0, HIGH)
    saved = once.decision.energy - spread.decision.energy
    assert saved == pytest.approx(30.0 * 0.02 * 0.9)


def test_the_first_cap_costs_nothing() -> None:
    goal = alert.Goal.min_energy(deadline=URGENT, accuracy=0.69)
    dear = alert.Scheduler(PROFILE, goal, method="paper", switch_cost=1.0, hold_inputs=100)
    assert dear.decision == alert.Scheduler(PROFILE, goal, method="paper").decision
    assert dear.decision.power_cap == HIGH


def test_a_new_cap_is_not_lowered_before_its_time() -> None:
    scheduler = alert.Scheduler(PROFILE, GOAL, method="paper", hold_inputs=5)
    caps = [scheduler.step(0.04, 0.4, deadline=URGENT).power_cap]  # raised: a bound is at stake
    for _ in range(7):
        caps.append(scheduler.step(0.02, 0.6).power_cap)
    assert caps == [HIGH] * 5 + [LOW] * 3


def test_a_held_cap_is_left_only_upwards() -> None:
    goal = alert.Goal.max_accuracy(deadline=0.2, energy=1.3)  # not to be had under the higher cap
    free = alert.Scheduler(PROFILE, goal, method="paper")
    held = alert.Scheduler(PROFILE, goal, method="paper", hold_inputs=50)
    for scheduler in (free, held):
        scheduler.goal = alert.Goal.min_energy(deadline=URGENT, accuracy=0.69)
        assert scheduler.decision.power_cap == HIGH
        scheduler.step(0.02, 0.6)
        scheduler.goal = goal
    assert free.decision.power_cap == LOW
    assert free.decision.feasible
    assert held.decision.power_cap == HIGH
    assert not held.decision.feasible


def test_a_lost_input_gets_the_fastest_whatever_is_held() -> None:
    """Nothing can be in time: neither the cap in force nor what a change costs counts."""
    profile = alert.Profile(
        latency=[[0.03, 0.05], [0.03, 0.05], [0.2, 0.04]],
        power=[[12.0, 30.0], [10.0, 30.0], [10.0, 30.0]],  # the second takes least
        accuracy=[0.7, 0.7, 0.8],
        power_caps=[LOW, HIGH],
        idle_power=5.0,
    )
    goal = alert.Goal.min_energy(deadline=0.2, accuracy=0.79, window=1)
    scheduler = alert.Scheduler(profile, goal, switch_cost=0.01, hold_inputs=50)
    assert scheduler.decide(0.15) == (2, HIGH)
    scheduler.step(0.04, 1.2)
    assert scheduler.decision == (2, HIGH)  # held
    lost = scheduler.decide(0.02)
    assert lost == (1, LOW)
    assert not lost.feasible
    assert lost.latency == pytest.approx(0.03 * scheduler.slowdown[0])


def test_of_two_that_are_alike_the_first_is_chosen() -> None:
    """For a price of accuracy, too, which weighs energy and accuracy together."""
    twice = alert.Profile(
        latency=np.repeat(PROFILE.latency, 2, axis=0),
        power=np.repeat(PROFILE.power, 2, axis=0),
        accuracy=np.repeat(PROFILE.accuracy, 2),
        power_caps=PROFILE.power_caps,
        idle_power=PROFILE.idle_power,
    )
    scheduler = alert.Scheduler(twice, GOAL, hold_inputs=3)
    chosen = {scheduler.step(0.04, 0.4, deadline=d).model for d in (0.2, 0.06, 0.05, 0.2, 0.2)}
    assert chosen <= {0, 2}


def test_a_shared_deadline_pays_for_changes() -> None:
    scheduler = settled(switch_cost=0.02)
    scheduler.share(2 * URGENT, 2)
    assert scheduler.decision.power_cap == HIGH
    scheduler.step(0.02, 0.6)
    assert scheduler.history["deadline"].tolist() == [0.2, URGENT]
    scheduler.step(0.02, 0.6)
    assert scheduler.history["deadline"][-1] == pytest.approx(2 * URGENT - 0.02 - 0.02)


def test_may_be_set_at_any_time() -> None:
    scheduler = settled()
    scheduler.set_switching(0.02, 4)
    assert (scheduler.switch_cost, scheduler.hold_inputs) == (0.02, 4)
    scheduler.set_switching(switch_cost=0.0, hold_inputs=1)
    assert scheduler.decide(URGENT).power_cap == HIGH
    scheduler.set_switching(0.0, 3)
    scheduler.step(0.02, 0.6)
    assert [scheduler.step(0.02, 0.6).power_cap for _ in range(2)] == [HIGH, LOW]


@pytest.mark.parametrize("cost", [-1e-9, math.nan, math.inf, 2e9])
def test_refuses_costs_out_of_range(cost: float) -> None:
    with pytest.raises(ValueError, match="switch_cost: expected a finite number of seconds >= 0"):
        alert.Scheduler(PROFILE, GOAL, method="paper", switch_cost=cost)
    scheduler = settled(switch_cost=0.01, hold_inputs=3)
    with pytest.raises(ValueError, match="switch_cost: expected"):
        scheduler.set_switching(cost, 1)
    with pytest.raises(ValueError, match="hold_inputs: expected at least one input"):
        scheduler.set_switching(0.0, 0)
    with pytest.raises(ValueError, match="hold_inputs: expected at least one input"):
        alert.Scheduler(PROFILE, GOAL, method="paper", hold_inputs=-1)
    assert (scheduler.switch_cost, scheduler.hold_inputs) == (0.01, 3)


def test_pickles_with_the_cap_it_holds() -> None:
    random = Random(1)
    scheduler = alert.Scheduler(PROFILE, GOAL, method="paper", switch_cost=0.01, hold_inputs=4)
    twin = copy.copy(scheduler)
    for _ in range(60):
        latency = scheduler.decision.latency * random.lognormvariate(0, 0.5)
        deadline = random.choice([URGENT, 0.2])
        scheduler.step(latency, None, deadline=deadline)
        twin.step(latency, None, deadline=deadline)
        assert twin.decision == scheduler.decision
        twin = pickle.loads(pickle.dumps(twin))
    assert len(set(scheduler.history["power_cap"].tolist())) == 2


# -------------------------------------------------------------------------- against the plain twin


def test_every_choice_is_that_of_a_scan_by_the_rules() -> None:
    """Random profiles, goals, costs, inputs held: model, cap, exit, feasible, expectations."""
    decisions = by_rounding = changes = held = 0
    for seed in range(300):
        random = Random(seed)
        table = random_table(random)
        twins = Twins(
            table,
            random_goal(random, table),
            switch_cost=random.choice([0.0, 0.3 * random_deadline(random, table)]),
            hold_inputs=random.choice([1, 2, 5, 20]),
        )
        for _ in range(40):
            twins.random_action(random)
            switching = twins.twin.switching
            held += switching is not None and switching.holds_cap
        decisions += twins.decisions
        by_rounding += twins.by_rounding
        changes += sum(a != b for a, b in pairwise(twins.twin.caps))
    assert decisions > 11_000
    assert by_rounding <= decisions / 100
    assert held > 3000
    assert changes > 500
