"""The scheduler, on cases small enough to be followed by hand."""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import permutations
from random import Random
from typing import Any

import pytest
import reference
from by_hand import ENERGY, PROFILE, Scheduler, choice

from alert import Goal, Profile

# ------------------------------------------------------------------------------------ one decision


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [(0.0, (0, 10.0)), (0.6, (0, 10.0)), (0.6001, (1, 10.0)), (0.8, (1, 10.0))],
)
def test_least_energy_that_is_accurate_enough(accuracy: float, expected: tuple[int, float]) -> None:
    decision = choice(Goal.min_energy(10, accuracy))
    assert decision == expected
    assert decision.feasible
    assert decision.energy == ENERGY[expected]


@pytest.mark.parametrize(
    ("energy", "expected"),
    [(28.0, (0, 10.0)), (35.9, (0, 10.0)), (36.0, (1, 10.0)), (1e6, (1, 10.0))],
)
def test_most_accurate_that_is_cheap_enough(energy: float, expected: tuple[int, float]) -> None:
    decision = choice(Goal.max_accuracy(10, energy))
    assert decision == expected
    assert decision.feasible


def test_what_is_expected_of_the_choice() -> None:
    decision = choice(Goal.min_energy(10, 0.7))
    assert decision.latency == 2.0
    assert decision.energy == 10 * 2 + 2 * 8
    assert decision.accuracy == 0.8
    assert decision.probability == 1.0
    assert decision.exit is None


def test_lateness_counts_as_q_fail() -> None:
    """With 1 s for a model of 1 s there is an even chance."""
    profile = Profile([[1.0]], [[10.0]], [0.8], [10.0], 2.0)
    decision = choice(Goal.min_energy(1.0, 0.1, q_fail=0.2), profile)
    assert decision.probability == 0.5
    assert decision.accuracy == pytest.approx(0.5 * 0.8 + 0.5 * 0.2, rel=1e-15)
    late = choice(Goal.min_energy(0.5, 0.1), profile)
    z = (0.5 - 1.0) / 0.1**0.5
    assert late.probability == pytest.approx(reference.normal_cdf(z), rel=1e-12)
    assert late.energy == 10.0  # no idle time after the deadline


@pytest.mark.parametrize("maximise", [False, True])
def test_a_probability_of_the_deadline_is_asked_for(maximise: bool) -> None:
    """1 s has an even chance of 1 s, 0.5 s has Phi(1 / sqrt(0.1)) = 0.9992."""
    for probability, expected in ((0.4, (0, 10.0)), (0.9, (0, 20.0)), (0.9992, (0, 20.0))):
        if maximise:
            goal = Goal.max_accuracy(1.0, 11.0, probability=probability)
        else:
            goal = Goal.min_energy(1.0, 0.2, probability=probability)
        decision = choice(goal)
        assert decision.probability >= probability
        assert decision.feasible
        if not maximise:
            assert decision == expected
    assert not choice(Goal.min_energy(1.0, 0.2, probability=0.9993)).feasible


TIES: list[tuple[dict[str, Any], Goal, tuple[int, float, int | None]]] = [
    # the same in everything: the lower cap, then the lower model
    (
        {"latency": [[1, 1], [1, 1]], "power": [[8, 8], [8, 8]], "accuracy": [0.5, 0.5]},
        Goal.max_accuracy(10, 99),
        (0, 10.0, None),
    ),
    # the same energy: the lower cap, though it has the higher model
    (
        {"latency": [[2, 1], [1, 2]], "power": [[8, 8], [8, 8]], "accuracy": [0.5, 0.5]},
        Goal.min_energy(10, 0.5),
        (1, 10.0, None),
    ),
    # the same accuracy: the lower energy, though it has the higher cap
    (
        {"latency": [[2, 1], [2, 2]], "power": [[8, 8], [8, 8]], "accuracy": [0.5, 0.5]},
        Goal.max_accuracy(10, 99),
        (0, 20.0, None),
    ),
    # exits equally accurate: the one that costs less
    (
        {
            "latency": [[2, 2]],
            "power": [[8, 8]],
            "accuracy": [0.5],
            "exits": {0: [(0.25, 0.25), (0.5, 0.5), (0.75, 0.5), (1, 0.5)]},
        },
        Goal.max_accuracy(2.0, 99),
        (0, 10.0, 1),
    ),
]


@pytest.mark.parametrize(("table", "goal", "expected"), TIES)
def test_ties(table: dict[str, Any], goal: Goal, expected: tuple[int, float, int | None]) -> None:
    profile = Profile(**table, power_caps=[10.0, 20.0], idle_power=0.0)
    decision = choice(goal, profile)
    assert (decision.model, decision.power_cap, decision.exit) == expected


def test_an_anytime_model_is_expected_to_deliver_what_it_has_by_then() -> None:
    profile = Profile([[1.0]], [[10.0]], [0.8], [10.0], 2.0, exits={0: [(0.5, 0.6), (1.0, 0.8)]})
    last = choice(Goal.max_accuracy(1.0, 99), profile)
    first = reference.normal_cdf((1.0 - 0.5) / (0.1**0.5 * 0.5))
    assert last.exit == 1
    assert last.probability == 0.5
    assert last.accuracy == pytest.approx(0.8 * 0.5 + 0.6 * (first - 0.5), rel=1e-12)
    early = choice(Goal.min_energy(1.0, 0.5), profile)
    assert early.exit == 0
    assert early.latency == 0.5
    assert early.energy == 10 * 0.5 + 2 * 0.5
    assert early.probability == pytest.approx(first, rel=1e-12)
    assert early.accuracy == pytest.approx(0.6 * first, rel=1e-12)


# ------------------------------------------------------------------------ what nothing can meet

# With 1 s: what each configuration is expected to be, q_fail = 0.
#   (0, 10): Pr 0.5      q 0.3      10 J
#   (0, 20): Pr 0.9992   q 0.5995   11 J    the most accurate
#   (1, 10): Pr 0.0008   q 0.0006   20 J
#   (1, 20): Pr 0.5      q 0.4      20 J
CHEAPEST, BEST = (0, 10.0), (0, 20.0)


@pytest.mark.parametrize("priority", list(permutations(("latency", "accuracy", "energy"))))
def test_an_accuracy_out_of_reach(priority: Any) -> None:
    """The most accurate, unless energy is the more important of the two."""
    decision = choice(Goal.min_energy(1.0, 0.7, priority=priority))
    rather_energy = priority.index("energy") < priority.index("accuracy")
    assert decision == (CHEAPEST if rather_energy else BEST)
    assert not decision.feasible


@pytest.mark.parametrize("priority", list(permutations(("latency", "accuracy", "energy"))))
def test_an_energy_out_of_reach(priority: Any) -> None:
    decision = choice(Goal.max_accuracy(1.0, 9.0, priority=priority))
    rather_energy = priority.index("energy") < priority.index("accuracy")
    assert decision == (CHEAPEST if rather_energy else BEST)
    assert not decision.feasible


@pytest.mark.parametrize(
    ("priority", "expected"),
    [
        # accuracy 0.35 and Pr 0.9999 cannot both be had; (0, 20) and (1, 20) have the first
        (("latency", "accuracy", "energy"), BEST),  # neither is left: the most accurate
        (("latency", "energy", "accuracy"), CHEAPEST),  # neither is left: the cheapest
        (("accuracy", "latency", "energy"), BEST),  # time given up: the cheapest with 0.35
        (("accuracy", "energy", "latency"), BEST),
        (("energy", "latency", "accuracy"), CHEAPEST),
        (("energy", "accuracy", "latency"), BEST),
    ],
)
def test_bounds_are_given_up_in_order(priority: Any, expected: tuple[int, float]) -> None:
    decision = choice(Goal.min_energy(1.0, 0.35, probability=0.9999, priority=priority))
    assert decision == expected
    assert not decision.feasible


def test_a_bound_that_can_be_kept_is_kept() -> None:
    """Pr 0.9 is met by (0, 20) only; 0.62 by nothing: time is kept, and decides alone."""
    slow = Profile([[1.0, 0.5], [1.0, 1.0]], [[10, 20], [10, 20]], [0.6, 1.0], [10, 20], 2.0)
    goal = Goal.min_energy(1.0, 0.62, probability=0.9)
    assert choice(goal, slow) == (0, 20.0)
    # energy before time: 10 J can be kept when time is given up
    dear = Goal.max_accuracy(1.0, 10.5, probability=0.9)
    assert choice(dear, slow) == (0, 20.0)
    assert choice(replace(dear, priority=("energy", "latency", "accuracy")), slow) == (1, 10.0)


# --------------------------------------------------------------------------------- deadlines, goals


def deadline_of_next(scheduler: Scheduler) -> float:
    """The deadline that the pending input has; it is noted when the input is done."""
    again = pickle.loads(pickle.dumps(scheduler))
    again.step(0.1, None)
    return float(again.history["deadline"][-1])


def test_a_deadline_for_the_next_input_only() -> None:
    scheduler = Scheduler(PROFILE, Goal.min_energy(10, 0.5))
    assert scheduler.step(1.0, None, deadline=0.9) == (0, 20.0)
    assert deadline_of_next(scheduler) == 0.9
    assert scheduler.step(0.5, None) == (0, 10.0)
    assert deadline_of_next(scheduler) == 10


def test_deciding_again() -> None:
    scheduler = Scheduler(PROFILE, Goal.min_energy(10, 0.5))
    assert scheduler.decide(deadline=0.9) == (0, 20.0)
    assert scheduler.decide() == (0, 20.0)  # still of the same input
    assert scheduler.decide(10) == (0, 10.0)
    assert len(scheduler.history) == 0


def test_overhead_is_taken_off_every_deadline() -> None:
    goal = Goal.min_energy(10, 0.7)
    with_overhead = Scheduler(PROFILE, goal, overhead=3.0)
    without = Scheduler(PROFILE, replace(goal, deadline=7))
    assert with_overhead.decision.energy == without.decision.energy == 10 * 2 + 2 * 5
    with_overhead.overhead = 4.0
    assert with_overhead.decision.energy == 10 * 2 + 2 * 5  # from the next choice on
    assert with_overhead.decide().energy == 10 * 2 + 2 * 4
    with_overhead.overhead = 99.0  # no time is left, all are as improbable: the most accurate
    assert with_overhead.decide() == (1, 10.0)
    assert with_overhead.decision.probability == pytest.approx(reference.normal_cdf(-(10**0.5)))
    assert with_overhead.decision.energy == 10 * 2  # up to its end
    assert not with_overhead.decision.feasible
    assert with_overhead.overhead == 99.0


def test_inputs_that_share_a_deadline() -> None:
    """12 s for three; what one leaves over is the others'."""
    scheduler = Scheduler(PROFILE, Goal.min_energy(10, 0.5), overhead=0.25)
    scheduler.share(12.0, inputs=3)
    given = []
    for latency in (1.75, 3.75, 2.0):
        given.append(deadline_of_next(scheduler))
        scheduler.step(latency, None)
    assert given == [4.0, (12 - 2) / 2, (12 - 2 - 4) / 1]
    assert deadline_of_next(scheduler) == 10  # the sentence is over


def test_a_shared_deadline_that_is_used_up() -> None:
    scheduler = Scheduler(PROFILE, Goal.min_energy(10, 0.5))
    scheduler.share(1.0, inputs=2)
    decision = scheduler.step(5.0, None)
    assert deadline_of_next(scheduler) == -4.0
    assert not decision.feasible
    assert decision.probability < 1e-3
    scheduler.step(1.0, None)
    assert deadline_of_next(scheduler) == 10


def test_a_goal_can_change_at_any_time() -> None:
    scheduler = Scheduler(PROFILE, Goal.min_energy(10, 0.5))
    scheduler.step(1.2, None)
    slowdown = scheduler.slowdown
    scheduler.goal = Goal.max_accuracy(10, 1e6)
    assert scheduler.goal == Goal.max_accuracy(10, 1e6)
    assert scheduler.decision == (1, 10.0)
    assert scheduler.slowdown == slowdown
    scheduler.step(2.0, None)
    scheduler.goal = Goal.min_energy(10, 0.5)
    assert scheduler.decision == (0, 10.0)
    assert len(scheduler.history) == 2


# --------------------------------------------------------------------------------- goals on average


def run_quietly(scheduler: Scheduler, inputs: int) -> list[tuple[int, float]]:
    """Every input takes what the profile says; returns what ran."""
    ran = []
    for _ in range(inputs):
        model, cap = scheduler.decision
        ran.append((model, cap))
        j = list(PROFILE.power_caps).index(cap)
        scheduler.step(PROFILE.latency[model, j], PROFILE.latency[model, j] * cap)
    return ran


def test_each_input_for_itself() -> None:
    for window in (None, 1):
        scheduler = Scheduler(PROFILE, Goal.min_energy(10, 0.7, window=window))
        assert set(run_quietly(scheduler, 6)) == {(1, 10.0)}


def test_an_accuracy_over_a_window_mixes() -> None:
    """0.7 over 2 inputs: 0.8 leaves 0.6 to be asked for, and 0.6 leaves 0.8."""
    scheduler = Scheduler(PROFILE, Goal.min_energy(10, 0.7, window=2))
    ran = run_quietly(scheduler, 6)
    assert ran == [(1, 10.0), (0, 10.0)] * 3
    assert scheduler.history["feasible"].all()


@pytest.mark.parametrize("window", [2, 3, 5, 10])
def test_rounding_is_not_owed(window: int) -> None:
    """In hundredths what is owed is a whole number, and the choice is the one it asks for."""
    random = Random(window)
    for _ in range(40):
        hundredths = sorted(random.sample(range(50, 96), 3))
        asked = random.randint(hundredths[0], hundredths[-1])
        accuracy = [q / 100 for q in hundredths]
        profile = Profile([[0.01], [0.02], [0.03]], [[10.0]] * 3, accuracy, [10.0], 1.0)
        scheduler = Scheduler(profile, Goal.min_energy(1.0, asked / 100, window=window))
        credited: list[int] = []
        for _ in range(40):
            needed = asked + sum(asked - q for q in credited[-(window - 1) :])
            enough = [i for i, q in enumerate(hundredths) if q >= needed]
            decision = scheduler.decision
            assert (decision.model, decision.feasible) == (min(enough, default=2), bool(enough))
            credited.append(hundredths[decision.model])
            scheduler.step(profile.latency[decision.model, 0], None)


def test_a_miss_is_owed_and_made_good() -> None:
    """A late output counts as q_fail: 0.7 short, so that the next must give more than all."""
    scheduler = Scheduler(PROFILE, Goal.min_energy(10, 0.6, window=3))
    assert scheduler.decision == (0, 10.0)
    scheduler.step(11.0, None)
    for _ in range(2):
        assert not scheduler.decision.feasible  # 0.6 + 0.6 cannot be had
        scheduler.step(scheduler.decision.latency, None)
    assert scheduler.history["met"].tolist() == [False, True, True]
    for _ in range(6):  # the miss has left the window of three, and with it what was owed
        scheduler.step(1.0, None)
    assert scheduler.decision.feasible


def test_an_energy_over_a_window_saves_up() -> None:
    """32 J over 2 inputs: 28 J leave 36 to be spent, which leave 28."""
    scheduler = Scheduler(PROFILE, Goal.max_accuracy(10, 32.0, window=2))
    assert run_quietly(scheduler, 6) == [(0, 10.0), (1, 10.0)] * 3


def test_what_a_window_gathered_is_kept_while_the_goal_is_of_its_kind() -> None:
    goal = Goal.min_energy(10, 0.7, window=2)
    scheduler = Scheduler(PROFILE, goal)
    scheduler.step(2.0, None)
    assert scheduler.decision == (0, 10.0)
    scheduler.goal = replace(goal, deadline=11)
    assert scheduler.decision == (0, 10.0)
    scheduler.goal = replace(goal, window=3)  # begins anew
    assert scheduler.decision == (1, 10.0)
