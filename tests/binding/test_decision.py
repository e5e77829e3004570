"""What a scheduler hands out: a pair that says more by name, and that does not change any more."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from two_models import PROFILE

import alert

GOAL = alert.Goal.min_energy(deadline=0.1, accuracy=0.75)
FIELDS = ("model", "power_cap", "exit", "latency", "energy", "accuracy", "probability", "feasible")


def fields(decision: alert.Decision) -> list[object]:
    return [getattr(decision, name) for name in FIELDS]


def latencies(first: float) -> list[float]:
    """Return seconds that make the choice change."""
    return [first * (1.0 + (i * 7 % 11) / 4.0) for i in range(60)]


def test_a_decision_is_a_pair_with_more_to_say() -> None:
    accurate = alert.Goal.min_energy(deadline=10, accuracy=0.75, window=1)
    decision = alert.Scheduler(PROFILE, accurate, method="paper").decision
    model, power_cap = decision
    assert (model, power_cap) == (decision.model, decision.power_cap) == (1, 10.0)
    assert isinstance(decision, tuple)
    assert len(decision) == 2
    assert decision == (1, 10.0)
    assert hash(decision) == hash((1, 10.0))
    assert repr(decision) == "alert.Decision(model=1, power_cap=10.0)"
    assert alert.Decision.__match_args__ == ("model", "power_cap")
    match decision:
        case alert.Decision(number, watts):
            assert (number, watts) == (1, 10.0)
    with pytest.raises(AttributeError):
        decision.model = 0  # type: ignore[misc]


def test_a_notebook_shows_a_decision_as_a_table() -> None:
    profile = alert.Profile(
        [[0.02]], [[17.6842]], [0.8], [17.6842], 5, exits={0: [(0.5, 0.6), (1, 0.8)]}
    )
    html = alert.Scheduler(profile, GOAL).decision._repr_html_()  # type: ignore[attr-defined]
    for row in (
        "<td>model</td><td>0</td>",
        "<td>exit</td><td>1</td>",
        "<td>power cap</td><td>17.7</td>",
        "<td>expected latency</td><td>20.2 ms</td>",
        "<td>feasible</td><td>yes</td>",
    ):
        assert row in html
    bare = alert.Profile([[0.02]], None, [0.8], [None], 0)
    html = alert.Scheduler(bare, GOAL).decision._repr_html_()  # type: ignore[attr-defined]
    assert "<td>power cap</td><td>none</td>" in html
    assert "<td>expected energy</td><td>unknown</td>" in html


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))]
)
def test_a_decision_copies_and_pickles_whole(again: Any) -> None:
    decision = alert.Scheduler(PROFILE, GOAL).decision
    other = again(decision)
    for name in ("model", "power_cap", "exit", "latency", "energy", "accuracy", "probability"):
        assert getattr(other, name) == getattr(decision, name)
    assert other.feasible is decision.feasible is True


def test_a_decision_that_is_kept_stays_as_it_was() -> None:
    scheduler = alert.Scheduler(PROFILE, GOAL)
    kept, then = [], []
    for latency in latencies(0.02):
        kept.append(scheduler.step(latency, 0.4))
        then.append(fields(kept[-1]))
    assert [fields(decision) for decision in kept] == then
    assert len({id(decision) for decision in kept}) == len(kept)
    assert len({decision.energy for decision in kept}) > 10


def test_numbers_taken_out_of_a_decision_stay_as_they_were() -> None:
    scheduler = alert.Scheduler(PROFILE, GOAL)
    taken, then = [], []
    for latency in latencies(0.02):
        taken.append(fields(scheduler.step(latency, 0.4)))
        then.append(repr(taken[-1]))
    assert [repr(numbers) for numbers in taken] == then
    assert len(set(then)) > 10


def test_a_decision_does_not_remember_the_hash_of_one_that_was_dropped() -> None:
    scheduler = alert.Scheduler(PROFILE, GOAL)
    hashes = set()
    for latency in latencies(0.02):
        hashes.add(hash(scheduler.step(latency, 0.4)))
        kept = scheduler.step(0.08, 0.4)
        assert hash(kept) == hash(tuple(kept))
    assert len(hashes) > 1


def test_decisions_of_several_schedulers_do_not_mix() -> None:
    alone = [alert.Scheduler(PROFILE, GOAL) for _ in range(2)]
    expected = [
        [fields(scheduler.step(latency, 0.4)) for latency in latencies(first)]
        for scheduler, first in zip(alone, (0.02, 0.05), strict=True)
    ]
    quick, slow = (alert.Scheduler(PROFILE, GOAL) for _ in range(2))
    for i, (a, b) in enumerate(zip(latencies(0.02), latencies(0.05), strict=True)):
        first, second = quick.step(a, 0.4), slow.step(b, 0.4)
        assert fields(first) == expected[0][i]
        assert fields(second) == expected[1][i]
        del first, second
