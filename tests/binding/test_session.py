"""init and step: one scheduler per process."""

from __future__ import annotations

import pytest

import alert
from alert import session

PROFILE = alert.Profile([[0.04, 0.02]], [[10, 30]], [0.8], [10, 20], 1)
GOAL = alert.Goal.min_energy(0.1, 0.6)


@pytest.fixture(autouse=True)
def _a_session_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_scheduler", None)


def test_step_before_init() -> None:
    with pytest.raises(RuntimeError, match=r"call alert\.init\(profile, goal\) before alert\.step"):
        alert.step(0.1, 1.0)


def test_is_one_scheduler() -> None:
    made = alert.init(PROFILE, GOAL, overhead=0.001, history=5)
    by_hand = alert.Scheduler(PROFILE, GOAL, overhead=0.001, history=5)
    assert made.decision == by_hand.decision
    assert alert.step(0.05, 1.0) == by_hand.step(0.05, 1.0)
    got = alert.step(0.07, None, deadline=0.2, idle_power=2.0)
    assert got == by_hand.step(0.07, None, deadline=0.2, idle_power=2.0)
    assert made._save()[0] == by_hand._save()[0]


def test_passes_an_exit_on() -> None:
    anytime = alert.Profile([[0.04]], [[10]], [0.8], [10], 1, exits={0: [(0.5, 0.5), (1, 0.8)]})
    alert.init(anytime, alert.Goal.max_accuracy(1, 9))
    alert.step(0.02, None, exit=0)
    assert session._scheduler is not None
    assert session._scheduler.history["exit"].tolist() == [0]
    assert session._scheduler.history["slowdown"].tolist() == [1.0]


def test_another_init_takes_its_place() -> None:
    first = alert.init(PROFILE, GOAL)
    alert.step(0.05, None)
    second = alert.init(PROFILE, GOAL)
    alert.step(0.05, None)
    assert len(first.history) == len(second.history) == 1


def test_a_bad_init_leaves_the_one_before() -> None:
    alert.init(PROFILE, GOAL)
    with pytest.raises(ValueError, match="overhead"):
        alert.init(PROFILE, GOAL, overhead=-1)
    alert.step(0.05, None)
