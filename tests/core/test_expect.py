"""What a caller expects of the next inputs: the choice, and what is learnt, against the twins."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
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

# -------------------------------------------------------------------------------- against the twins


@pytest.mark.parametrize("kind", [smooth_table, wild_table, tied_table])
@pytest.mark.parametrize("method", ["paper", "calibrated"])
def test_first_choices_over_many_profiles(
    method: str, kind: Callable[[Random], reference.Table]
) -> None:
    random = Random(1)
    for _ in range(400):
        table = kind(random)
        twins = Twins(table, random_goal(random, table), method=method)
        twins.random_expectations(random)
        assert twins.by_rounding <= 1


@pytest.mark.parametrize("method", ["paper", "calibrated"])
def test_random_streams(method: str) -> None:
    """Expectations come and go; caps cost time in half of the streams."""
    decisions = by_rounding = late = 0
    for seed in range(200):
        random = Random(seed)
        table = random_table(random)
        twins = Twins(
            table,
            random_goal(random, table),
            method=method,
            switch_cost=random.choice([0.0, 0.3 * random_deadline(random, table)]),
            hold_inputs=random.choice([1, 1, 2, 5]),
        )
        for _ in range(40):
            if random.random() < 0.2:
                twins.random_expectations(random)
            else:
                twins.random_action(random)
            if isinstance(twins.twin, reference_calibrated.Scheduler):
                late += twins.twin.is_hopelessly_late()
        assert_same_history(twins)
        decisions += twins.decisions
        by_rounding += twins.by_rounding
    assert decisions > 7_000
    assert by_rounding <= decisions / 100
    assert late > 200 or method == "paper"


def assert_same_history(twins: Twins) -> None:
    history = twins.here.history
    finished = twins.twin.finished[-len(history) :]
    np.testing.assert_allclose(history["slowdown"], [f.slowdown for f in finished], rtol=1e-9)
    np.testing.assert_allclose(history["accuracy"], [f.accuracy for f in finished], rtol=1e-12)
    assert history["met"].tolist() == [f.met for f in finished]


# ---------------------------------------------------------------------------------------- by hand

# Two models under two caps, far from any doubt about time where 10 s are left.
PROFILE = alert.Profile(
    latency=[[1.0, 0.5], [2.0, 1.0]],
    power=[[10.0, 20.0], [10.0, 20.0]],
    accuracy=[0.6, 0.8],
    power_caps=[10.0, 20.0],
    idle_power=2.0,
)
GOAL = alert.Goal.min_energy(deadline=10.0, accuracy=0.7)


def scheduler(goal: alert.Goal = GOAL, method: str = "paper", **more: Any) -> alert.Scheduler:
    return alert.Scheduler(PROFILE, goal, method=method, **more)


def test_an_expected_accuracy_takes_the_place_of_the_profile_s() -> None:
    s = scheduler()
    assert s.decision.model == 1
    cheap = s.expect(accuracy=[0.75, 0.9])
    assert cheap.model == 0
    assert cheap.accuracy == pytest.approx(0.75)
    s.step(1.0, 10.0)
    assert s.history["accuracy"].tolist() == [0.75]  # credited
    assert s.expect().model == 1
    assert s.expect() == scheduler_after(1.0).decision


def scheduler_after(latency: float) -> alert.Scheduler:
    s = scheduler()
    s.step(2.0 * latency, 10.0)
    return s


def test_a_factor_scales_latency_and_energy_and_is_no_slowdown() -> None:
    s = scheduler()
    usual = s.decision
    slow = s.expect(latency=[4.0, 2.0])
    assert (slow.model, slow.power_cap) == (1, 10.0)
    assert slow.latency == pytest.approx(2.0 * usual.latency)
    assert slow.energy == pytest.approx(10.0 * 4.0 + 2.0 * (10.0 - 4.0))
    s.step(4.0, 40.0)
    assert s.history["slowdown"].tolist() == [1.0]
    assert s.history["expected_latency"].tolist() == [pytest.approx(4.0)]


def test_a_delay_takes_time_and_power() -> None:
    s = scheduler()
    usual = s.decision
    late = s.expect(delay=[0.0, 3.0])
    assert late == usual  # waiting is still best
    assert late.energy == pytest.approx(10.0 * 2.0 + 2.0 * (7.0 - 2.0) + 10.0 * 3.0)
    assert s.expect(delay=[0.0, 9.5]).model == 0  # it would be late
    assert not s.decision.feasible
    assert s.expect(delay=[0.0, 0.0]) == usual


@pytest.mark.parametrize("method", ["paper", "calibrated"])
def test_the_longest_delay_does_not_end_where_there_is_no_deadline(method: str) -> None:
    s = scheduler(alert.Goal.min_latency(accuracy=0.7), method=method)
    assert s.decision.model == 1
    assert s.expect(delay=[0.0, 1e8]).model == 1  # only this model keeps the bound
    assert s.expect(delay=[0.0, 1e9]).model == 0
    assert not s.decision.feasible


def test_a_delay_that_was_waited_for_counts_against_the_deadline() -> None:
    for delay, met in ((2.9, True), (3.1, False)):
        s = scheduler()
        s.expect(delay=[9.99, delay])
        assert s.decision.model == 1
        s.step(7.0, 10.0)
        assert s.history["met"].tolist() == [met]
        assert s.history["deadline"].tolist() == [10.0]


def test_a_shared_deadline_pays_for_delays() -> None:
    s = scheduler()
    s.expect(delay=[50.0, 1.0])
    s.share(20.0, 2)
    assert s.decision.model == 1
    s.step(2.0, 20.0)
    s.step(2.0, 20.0)
    assert s.history["deadline"].tolist() == [10.0, 20.0 - 2.0 - 1.0]


def test_exits_change_in_proportion() -> None:
    exits: Any = {0: [(0.25, 0.4), (0.5, 0.9), (1.0, 0.8)], 1: [(0.5, 0.3), (1.0, 0.0)]}
    profile = alert.Profile([[4.0], [4.0]], [[10.0]] * 2, [0.8, 0.0], [10.0], 2.0, exits=exits)
    goal = alert.Goal.max_accuracy(100.0, 999.0)
    s = alert.Scheduler(profile, goal, method="paper")
    assert s.decision.exit == 1
    assert s.decision.accuracy == pytest.approx(0.9)
    assert s.expect(accuracy=[0.4, 0.0]).accuracy == pytest.approx(0.45)
    assert s.expect(accuracy=[0.9, 0.0]).accuracy == pytest.approx(1.0)  # never more
    assert s.expect(accuracy=[0.1, 0.7]).model == 1
    assert s.decision.exit == 0
    assert s.decision.accuracy == pytest.approx(0.7)  # nothing to scale


def test_all_three_hold_until_they_are_replaced() -> None:
    s = scheduler()
    s.expect(accuracy=[0.75, 0.9], latency=[3.0, 3.0], delay=[1.0, 0.0])
    for _ in range(3):
        s.step(3.0, 30.0)
    assert s.history["slowdown"].tolist() == [1.0] * 3
    assert s.history["accuracy"].tolist() == [0.75] * 3
    s.expect(latency=[3.0, 3.0])
    assert s.decision.model == 1
    assert s.decision.latency == pytest.approx(3.0 * 2.0)
    assert s.decision.energy == pytest.approx(10.0 * 6.0 + 2.0 * 4.0)  # and no delay


@pytest.mark.parametrize("method", ["paper", "calibrated"])
def test_expecting_what_the_profile_says_changes_nothing(method: str) -> None:
    random = Random(3)
    plain, told = scheduler(method=method), scheduler(method=method)
    for _ in range(100):
        told.expect(accuracy=[0.6, 0.8], latency=[1.0, 1.0], delay=[0.0, 0.0])
        latency = plain.decision.latency * random.lognormvariate(0.0, 0.3)
        deadline = random.choice([None, 1.5, 3.0])
        assert plain.step(latency, 1.0, deadline=deadline) == told.step(
            latency, 1.0, deadline=deadline
        )
    assert plain.history.tobytes() == told.history.tobytes()


def test_a_bound_is_met_by_the_expected_accuracies_and_forgotten_with_them() -> None:
    """The search keeps what holds for a bound from choice to choice; not beyond a change."""
    goal = alert.Goal.min_energy(10.0, 0.7, window=1)
    for method in ("paper", "calibrated"):
        s = scheduler(goal, method)
        for accuracy, model in (([0.6, 0.8], 1), ([0.71, 0.8], 0), ([0.5, 0.71], 1), (None, 1)):
            assert s.expect(accuracy=accuracy).model == model
            assert s.decision.feasible
        assert not s.expect(accuracy=[0.6, 0.65]).feasible


# ---------------------------------------------------------------------------------- copies, states


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_a_copy_expects_the_same(again: Callable[[alert.Scheduler], alert.Scheduler]) -> None:
    for seed in range(20):
        random = Random(seed)
        table = random_table(random)
        twins = Twins(table, random_goal(random, table), method="calibrated")
        for _ in range(5):
            twins.random_step(random)
        twins.random_expectations(random)
        other = again(twins.here)
        assert other._save()[0] == twins.here._save()[0]
        twins.here = other
        for _ in range(10):
            twins.random_step(random)


def test_a_restored_state_forgets_what_was_expected_before_it() -> None:
    s = scheduler()
    nothing = s._save()[0]
    s.expect(accuracy=[0.75, 0.9], latency=[3.0, 1.0], delay=[0.0, 1.0])
    something = s._save()[0]
    assert len(something) == len(nothing)
    s._restore(nothing)
    assert s.decide() == scheduler().decision
    s._restore(something)
    assert s.decision.accuracy == pytest.approx(0.75)
    assert s._save()[0] == something


@pytest.mark.parametrize("value", [-1.0, math.nan, 2e9])
def test_a_state_with_expectations_out_of_range_is_refused(value: float) -> None:
    s = scheduler()
    s.expect(latency=[3.0, 1.0])
    state = s._save()[0]
    at = state.index(np.float64(3.0).tobytes())
    with pytest.raises(ValueError, match="state: expected the bytes saved"):
        s._restore(state[:at] + np.float64(value).tobytes() + state[at + 8 :])
    assert s._save()[0] == state


# --------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("name", ["accuracy", "latency", "delay"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -1e-9, 2e9])
def test_a_bad_number_is_named_and_changes_nothing(name: str, value: float) -> None:
    s = scheduler()
    s.expect(accuracy=[0.75, 0.9])
    before = s._save()[0]
    arguments: dict[str, Any] = {name: [0.5, value]}
    with pytest.raises(ValueError, match=rf"^{name}\[1\]: expected a .*, got "):
        s.expect(**arguments)
    assert s._save()[0] == before
    assert s.decide().accuracy == pytest.approx(0.75)


@pytest.mark.parametrize("name", ["accuracy", "latency", "delay"])
@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ([0.5], ValueError, "expected 2 numbers, one for each model, got 1"),
        ([0.5] * 3, ValueError, "expected 2 numbers, one for each model, got 3"),
        ([[0.5, 0.5]], ValueError, "expected 1 dimension, got 2"),
        (0.5, ValueError, "expected 1 dimension, got 0"),
        (["a", "b"], TypeError, "expected numbers, got text"),
        ([None, 1.0], ValueError, r"\[0\]: expected a .*, got nan"),
        ({}, TypeError, "expected numbers, got {}"),
    ],
)
def test_bad_arguments(name: str, value: Any, kind: type[Exception], message: str) -> None:
    s = scheduler()
    before = s._save()[0]
    with pytest.raises(kind, match=rf"^{name}.*{message}$"):
        s.expect(**{name: value})
    assert s._save()[0] == before
