"""Inputs with a goal of their own, and inputs that ran otherwise than they were told."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bad_input import BAD_SECONDS

import alert
from alert import Goal

METHODS = ("paper", "calibrated")
PROFILE = alert.Profile(
    latency=[[0.020, 0.010], [0.060, 0.030], [0.080, 0.040]],
    power=[[10.0, 20.0]] * 3,
    accuracy=[0.70, 0.80, 0.90],
    power_caps=[10.0, 20.0],
    idle_power=5.0,
    models=["small", "large", "anytime"],
    exits={"anytime": [(0.5, 0.75), (1.0, 0.90)]},
)
GOAL = Goal.min_energy(deadline=0.1, accuracy=0.78)
URGENT = Goal.max_accuracy(deadline=0.012)
FAST = Goal.min_latency(accuracy=0.8)


def scheduler(goal: Goal = GOAL, method: str = "calibrated", **options: Any) -> alert.Scheduler:
    return alert.Scheduler(PROFILE, goal, method=method, **options)


def feed(s: alert.Scheduler, goals: list[Goal | None], factor: float = 1.0) -> None:
    """Step through inputs, each of which brings the goal of the next one."""
    for goal in goals:
        s.step(s.decision.latency / s.slowdown[0] * factor, None, goal=goal)


# ----------------------------------------------------------------------- a goal for a single input


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "own", [URGENT, FAST, Goal.min_energy(0.05, 0.6), Goal.max_accuracy(0.1, 0.6)]
)
def test_the_choice_is_that_of_a_scheduler_with_this_goal_for_each_input(
    method: str, own: Goal
) -> None:
    mixed, alone = scheduler(method=method), scheduler(replace(own, window=1), method=method)
    for latency in (0.02, 0.07, 0.03, 0.05):
        for s in (mixed, alone):
            s.decide(0.1)  # the promise is the same
            s.step(latency, None, model="small", power_cap=10.0)
        assert mixed.decide(goal=own) == alone.decision
        for name in ("exit", "latency", "energy", "accuracy", "probability", "feasible"):
            assert getattr(mixed.decision, name) == getattr(alone.decision, name)
        mixed.decide(goal=GOAL)


def test_it_ends_with_the_input() -> None:
    s = scheduler()
    standing = s.decision
    assert s.decide(goal=URGENT) == (0, 20.0)
    assert s.decide() == (0, 20.0)  # chosen again, under the same goal
    assert s.goal == GOAL
    s.step(s.decision.latency, None)
    assert s.history["deadline"][-1] == URGENT.deadline
    assert s.decision == standing
    s.step(s.decision.latency, None)
    assert s.history["deadline"][-1] == GOAL.deadline


def test_the_standing_goal_ends_it() -> None:
    s = scheduler()
    before = s._save()[0]
    s.decide(goal=URGENT)
    s.decide(goal=GOAL)
    assert s._save()[0] == before


def test_deadlines() -> None:
    """One that is given comes before that of the goal; a shared one comes back."""
    s = scheduler()
    s.share(0.3, 3)
    for goal, deadline, expected in (
        (FAST, None, math.inf),
        (FAST, 0.05, 0.05),
        (URGENT, None, 0.012),
        (GOAL, None, 0.1),
        (None, None, 0.1),
    ):
        s.decide(deadline, goal=goal)
        again = pickle.loads(pickle.dumps(s))
        again.step(0.01, None)
        assert again.history["deadline"][-1] == pytest.approx(expected)


@pytest.mark.parametrize("window", [None, 10])
@pytest.mark.parametrize("goal", [GOAL, Goal.max_accuracy(0.1, 0.78)])
def test_the_standing_goal_counts_its_own_inputs_only(goal: Goal, window: int | None) -> None:
    """Every second input is worse, and cheaper; nobody makes up for it."""
    mixed, alone = (scheduler(replace(goal, window=window)) for _ in range(2))
    own = Goal.min_energy(0.1, 0.0)
    feed(mixed, [own, None] * 400)
    feed(alone, [None] * 400)
    standing = mixed.history[::2]
    assert set(mixed.history["accuracy"][1::2]) == {0.70}
    for name in ("accuracy", "expected_energy"):
        assert standing[name].mean() == pytest.approx(alone.history[name].mean(), rel=0.005)


def test_but_the_slowdown_is_learnt() -> None:
    s = scheduler()
    feed(s, [URGENT] * 10, factor=2.0)
    assert s.slowdown[0] > 1.8


def test_q_fail_is_its_own() -> None:
    s = scheduler()
    s.decide(goal=Goal.max_accuracy(0.012, q_fail=0.25))
    s.step(1.0, None)
    assert (s.history["accuracy"][-1], s.history["met"][-1]) == (0.25, False)


def test_another_standing_goal_takes_its_place() -> None:
    s = scheduler()
    s.decide(goal=URGENT)
    s.goal = FAST
    assert s.decision == scheduler(FAST).decision
    s.decide(goal=URGENT)
    assert s.share(0.2, 2) == scheduler(FAST).share(0.2, 2)


@pytest.mark.parametrize("own", [URGENT, FAST])
def test_a_copy_has_it_too(own: Goal) -> None:
    s = scheduler()
    feed(s, [None, own, own, None, own])
    again = pickle.loads(pickle.dumps(s))
    assert again._save()[0] == s._save()[0]
    assert again.decide() == s.decide()
    feed(s, [own, None] * 5)
    feed(again, [own, None] * 5)
    assert again._save()[0] == s._save()[0]


@pytest.mark.parametrize("bad", [3, "fast", Goal, (0, 0.1)])
def test_what_is_no_goal(bad: Any) -> None:
    s, kind = scheduler(), type(bad).__name__
    before = s._save()[0]
    with pytest.raises(TypeError, match=f"goal: expected a Goal or None, got {kind}"):
        s.step(0.02, None, goal=bad)
    with pytest.raises(TypeError, match=f"goal: expected a Goal or None, got {kind}"):
        s.decide(goal=bad)
    for deadline in BAD_SECONDS:
        with pytest.raises(ValueError, match="deadline: expected a finite number of seconds"):
            s.decide(deadline, goal=URGENT)
    assert s._save()[0] == before


# ----------------------------------------------------------------------- something else ran


@pytest.mark.parametrize("method", METHODS)
def test_an_input_is_judged_by_what_ran(method: str) -> None:
    s = scheduler(method=method, constants=None)
    assert s.decision != (2, 20.0)
    s.step(0.08, None, model="anytime", power_cap=25.0)
    last = s.history[-1]
    assert (last["model"], last["exit"], last["power_cap"]) == (2, 1, 20.0)
    assert last["slowdown"] == pytest.approx(0.08 / 0.04)
    assert last["accuracy"] == 0.90
    assert last["expected_latency"] == pytest.approx(0.04 * last["slowdown_mean"])


@pytest.mark.parametrize("method", METHODS)
def test_a_choice_that_is_confirmed_changes_nothing(method: str) -> None:
    told, said = scheduler(method=method), scheduler(method=method)
    for factor in (1.0, 1.5, 0.8, 3.0):
        model, power_cap = told.decision
        latency, exit = told.decision.latency * factor, told.decision.exit
        told.step(latency, None)
        said.step(latency, None, model=model, exit=exit, power_cap=power_cap)
        assert said._save()[0] == told._save()[0]


def test_names_and_indices_are_the_same() -> None:
    by_name, by_index = scheduler(), scheduler()
    for i, name in enumerate(PROFILE.models):
        by_name.step(0.05, None, model=name)
        by_index.step(0.05, None, model=np.int64(i))  # type: ignore[arg-type]
        assert by_name._save()[0] == by_index._save()[0]
        assert by_name.history["model"][-1] == i


def test_an_exit_of_the_model_that_ran() -> None:
    s = scheduler()
    s.decide(goal=URGENT)
    assert s.decision.model == 0
    s.step(0.011, None, model="anytime", exit=0)
    last = s.history[-1]
    assert (last["model"], last["exit"], last["accuracy"]) == (2, 0, 0.75)
    s.decide(0.03)
    s.step(0.02, None, model="anytime", power_cap=20.0, exit=1)  # beyond what was chosen, perhaps
    assert s.history["accuracy"][-1] == 0.90


def test_the_price_learns_from_what_was_expected_of_what_ran() -> None:
    """A user who always takes the large model is ahead of the goal: nothing is owed."""
    forced, free = scheduler(), scheduler()
    for _ in range(50):
        forced.step(0.06, None, model="large", power_cap=10.0)
        feed(free, [None])
    assert forced.decision == (0, 10.0)
    assert set(free.history["model"]) == {0, 1} or len(set(free.history["model"])) > 1


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ({"model": 3}, ValueError, "model: expected the index of a model of the profile, got 3"),
        ({"model": -1}, ValueError, "model: expected a name, an index or None, got -1"),
        ({"model": 1.0}, TypeError, "model: expected a name, an index or None, got float"),
        ({"model": "big"}, ValueError, r"model: expected one of \('small', .*\), got 'big'"),
        (
            {"model": 0, "exit": 0},
            ValueError,
            "exit: expected an exit of the model that ran, got 0",
        ),
        (
            {"model": 2, "exit": 2},
            ValueError,
            "exit: expected an exit of the model that ran, got 2",
        ),
        ({"model": 2, "exit": "a"}, TypeError, "exit: expected an index or None, got str"),
        (
            {"model": 2, "power_cap": 0.0},
            ValueError,
            "power_cap: expected a number >= 1e-12, .* got 0",
        ),
    ],
)
def test_what_cannot_have_run(said: dict[str, Any], kind: type[Exception], message: str) -> None:
    s = scheduler()
    before = s._save()[0]
    with pytest.raises(kind, match=message):
        s.step(0.02, None, **said)
    assert s._save()[0] == before
