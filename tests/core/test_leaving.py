"""Anytime models that inputs leave early, as their outputs are sure."""

from __future__ import annotations

import pickle
from random import Random
from typing import Any

import numpy as np
import pytest
import reference
from random_cases import Twins, leaving, random_deadline, random_goal, random_table, smooth_table

import alert
from alert._profile_arguments import Exits

# -------------------------------------------------------------------------------- against the twins


@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("method", ["paper", "calibrated"])
def test_random_streams(method: str, learns: bool) -> None:
    """Whatever may happen, on profiles with shares that leave; half of the stops are sure."""
    decisions = by_rounding = leave = 0
    for seed in range(40 if learns else 250):
        random = Random(seed)
        table = leaving(random, (smooth_table if learns else random_table)(random))
        twins = Twins(
            table,
            random_goal(random, table),
            method=method,
            learns=learns,
            switch_cost=random.choice([0.0, 0.0, 0.3 * random_deadline(random, table)]),
        )
        for _ in range(40):
            what = random.random()
            if what < 0.2 and not learns:
                twins.random_neighbours(random)
            elif what < 0.3 and not learns:
                twins.random_expectations(random)
            else:
                twins.random_action(random)
            leave += twins.here.decision.model in table.shares
        history = twins.here.history
        finished = twins.twin.finished[-len(history) :]
        np.testing.assert_allclose(history["slowdown"], [f.slowdown for f in finished], rtol=1e-9)
        np.testing.assert_allclose(history["accuracy"], [f.accuracy for f in finished], rtol=1e-12)
        assert history["met"].tolist() == [f.met for f in finished]
        decisions += twins.decisions
        by_rounding += twins.by_rounding
    assert decisions > (1_200 if learns else 8_000)
    assert leave > decisions / 10
    assert by_rounding <= decisions / 100


def test_long_models_have_the_sums_of_short_ones() -> None:
    """More exits than eight: what is worked out is kept for the next exit (sums.h)."""
    for seed in range(40):
        random = Random(seed)
        fractions = sorted(random.random() for _ in range(11))
        reached = sorted(random.random() for _ in range(12))
        drawn = [random.random() for _ in range(12)]
        table = reference.Table(
            [[0.1, 0.06]],
            [[20.0, 40.0]],
            [reached[-1]],
            [20.0, 40.0],
            5.0,
            exits={0: [*zip(fractions, reached, strict=False), (1.0, reached[-1])]},
            shares={0: [share / sum(drawn) for share in drawn]},
        )
        for method in ("paper", "calibrated"):
            twins = Twins(table, random_goal(random, table), method=method)
            for _ in range(20):
                twins.random_action(random)


# ---------------------------------------------------------------------------------------- by hand

EXITS: Exits = {"net": [(0.25, 0.6), (0.5, 0.7), (1.0, 0.8)]}


def profile(shares: Any = None) -> alert.Profile:
    """Of a net that takes 0.4 s at 10 W; the machine is idle at 2 W."""
    return alert.Profile([[0.4]], [[10.0]], [0.8], [10.0], 2.0, ["net"], EXITS, exit_shares=shares)


def expected(shares: Any, deadline: float, **more: Any) -> alert._core.Decision:
    goal = alert.Goal.max_accuracy(deadline)
    return alert.Scheduler(profile(shares), goal, method="paper", **more).decision


def test_half_of_the_inputs_that_leave_save_time_and_energy() -> None:
    whole, early = expected(None, 4.0), expected({"net": [0.5, 0.25, 0.25]}, 4.0)
    assert (early.exit, early.accuracy) == (whole.exit, whole.accuracy) == (2, 0.8)
    run = 0.5 * 0.1 + 0.25 * 0.2 + 0.25 * 0.4
    assert early.latency == pytest.approx(run)
    assert early.energy == pytest.approx(10.0 * run + 2.0 * (4.0 - run))
    assert whole.latency == pytest.approx(0.4)


def test_inputs_that_leave_are_in_time_where_the_last_exit_is_not() -> None:
    """By 0.15 s the first exit is out for sure, the others are not: half of the inputs are done."""
    goal = alert.Goal.min_latency(accuracy=0.0, deadline=0.15)
    s = alert.Scheduler(profile({"net": [0.5, 0.25, 0.25]}), goal)
    for _ in range(50):
        s.step(0.1, None, exit=0, model=0)
    options = s.options()
    assert options["exit"].tolist() == [0, 1, 2]
    assert options["probability"] == pytest.approx([1.0, 0.5, 0.5], abs=0.01)
    assert options["accuracy"] == pytest.approx([0.6, 0.6, 0.6], abs=0.01)


def test_a_probability_is_asked_of_the_inputs_not_of_the_last_exit() -> None:
    """Most inputs leave at once, so the deep exit may be chosen under a deadline it would miss."""
    goal = alert.Goal.max_accuracy(0.3, probability=0.75)
    for shares, exit in ((None, 1), ({"net": [0.9, 0.0, 0.1]}, 2)):
        s = alert.Scheduler(profile(shares), goal)
        for _ in range(50):
            decision = s.decision
            fraction = EXITS["net"][decision.exit or 0][0]
            s.step(0.4 * fraction, None, exit=decision.exit)
        assert s.decision.exit == exit
        assert s.decision.feasible


def test_shares_that_sum_to_a_little_more_than_1_promise_no_more_than_that() -> None:
    """Nobody is left for the last exit, but rounding says that fewer than none get there."""
    goal = alert.Goal.max_accuracy(0.36)
    s = alert.Scheduler(profile({"net": [1.0, 9e-10, 0.0]}), goal, method="paper")
    assert s.options()["probability"].max() == 1.0
    assert pickle.loads(pickle.dumps(s)).decision == s.decision


def stepped(exit: int, latency: float, sure: bool, deadline: float = 4.0) -> Any:
    """Return what the history says of one input, of which the last exit was chosen."""
    goal = alert.Goal.max_accuracy(deadline)
    s = alert.Scheduler(profile({"net": [0.5, 0.25, 0.25]}), goal, history=1)
    assert s.decision.exit == 2
    s.step(latency, None, exit=exit, sure=sure)
    return s.history[0]


def test_the_slowdown_is_that_of_the_exit_where_the_input_left() -> None:
    left = stepped(0, 0.15, sure=True)
    assert (left["exit"], left["slowdown"]) == (0, pytest.approx(1.5))


def test_a_sure_output_counts_as_the_last_exit_that_was_in_time() -> None:
    assert stepped(0, 0.1, sure=True)["accuracy"] == 0.8
    assert stepped(0, 0.1, sure=False)["accuracy"] == 0.6
    assert stepped(0, 0.1, sure=True, deadline=1.0)["accuracy"] == 0.8
    slow = stepped(0, 0.4, sure=True, deadline=1.0)  # the others at 0.8 and 1.6 s
    assert (slow["accuracy"], slow["met"]) == (0.7, True)
    late = stepped(0, 1.2, sure=True, deadline=1.0)
    assert (late["accuracy"], late["met"]) == (0.0, False)


def test_sure_outputs_keep_the_promises_of_their_exit() -> None:
    """Without being sure, the first exit at such a pace says that the last would be late."""
    for sure in (True, False):
        goal = alert.Goal.min_energy(1.0, accuracy=0.78)
        s = alert.Scheduler(profile({"net": [0.9, 0.05, 0.05]}), goal)
        assert s.decision.exit == 2
        s.step(0.35, None, exit=0, sure=sure)
        assert (s.options(1e6)["probability"] == 1.0).all() == sure


def test_being_sure_needs_an_exit() -> None:
    s = alert.Scheduler(profile(), alert.Goal.max_accuracy(1.0))
    with pytest.raises(ValueError, match="sure: expected False where no exit is given"):
        s.step(0.1, None, sure=True)
    with pytest.raises(ValueError, match="exit: expected an exit not beyond the one chosen"):
        s.step(0.1, None, exit=3, sure=True)
