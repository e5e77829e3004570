"""The report says whether the goal was kept; here it is worked out once more, from the history."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from simulation import Bench, Package

import alert
from alert import Goal
from alert.running.verdict import Verdict

T = 0.08
GOALS = [
    Goal.min_energy(T, 0.7),
    Goal.min_energy(T, 0.79),
    Goal.min_energy(T, 0.7, window=1),
    Goal.min_energy(T, 0.7, window=5, q_fail=0.1),
    Goal.min_energy(T, 0.6, probability=0.9),
    Goal.max_accuracy(T),
    Goal.max_accuracy(T, probability=0.95),
    Goal.max_accuracy(T, 0.9),
    Goal.max_accuracy(T, 0.7, window=1),
    Goal.max_accuracy(T, 0.9, window=10),
    Goal.max_accuracy(T, power=11.0),
    Goal.max_accuracy(T, budget=90.0, inputs=100),
    Goal.min_latency(accuracy=0.7),
    Goal.min_latency(accuracy=0.7, energy=1.0, deadline=T),
    Goal.min_latency(),
]


def run(goal: Goal, inputs: int, seed: int = 0) -> Bench:
    """Run inputs on a machine that is busy at times."""
    bench = Bench(goal, method="calibrated")
    random = Random(seed)
    for _ in range(inputs):
        bench.machine.contention = random.choice([1.0, 1.0, 1.05, 1.9])
        bench.runner("x")
    return bench


def joules(bench: Bench) -> np.ndarray:
    """Of each input, idle time up to its deadline included."""
    history = bench.runner.history
    deadline = history["deadline"]
    rest = np.where(deadline < math.inf, deadline - history["latency"], 0.0).clip(0.0)
    return np.asarray(history["energy"] + Package.IDLE * rest)


def is_kept(bench: Bench, goal: Goal) -> bool | None:
    """Judge a run by the words of the documentation."""
    history, energy = bench.runner.history, joules(bench)
    n, accuracy = len(history), history["accuracy"]
    found = []
    if goal.probability:
        found.append(history["met"].mean() >= goal.probability)
    if goal.objective == "min_latency":
        if goal.accuracy is not None:
            found.append((accuracy >= goal.accuracy).all())
        if goal.energy is not None:
            found.append((energy <= goal.energy).all())
    elif goal.accuracy is not None:
        runs = [accuracy[max(k - (goal.window or n), 0) : k] for k in range(1, n + 1)]
        last = runs[-1:] if goal.window is None else runs
        found.append(all(part.mean() >= goal.accuracy - 1e-9 for part in last))
    elif goal.bound < math.inf:
        seconds = np.maximum(history["deadline"], history["latency"])
        allowed = goal.bound if goal.power is None else goal.power * seconds
        over = energy - allowed
        runs = [over[max(k - (goal.window or n), 0) : k] for k in range(1, n + 1)]
        last = runs[-1:] if goal.window is None else runs
        found.append(all(part.sum() <= 1e-9 for part in last))
    return all(found) if found else None


@pytest.mark.parametrize("inputs", [1, 20, 50, 100])
@pytest.mark.parametrize("goal", GOALS, ids=repr)
def test_the_verdict(goal: Goal, inputs: int) -> None:
    for seed in range(4):
        bench = run(goal, inputs, seed)
        history, verdict = bench.runner.history, bench.runner.report().verdict
        assert verdict.goal == goal
        assert verdict.inputs == inputs
        assert verdict.in_time == history["met"].sum()
        assert verdict.accuracy == pytest.approx(history["accuracy"].mean())
        assert verdict.latency == pytest.approx(history["latency"].mean())
        assert verdict.energy == pytest.approx(joules(bench).mean())
        assert verdict.kept == is_kept(bench, goal)


def test_both_verdicts_come_up() -> None:
    verdicts = {
        run(goal, 20, seed).runner.report().verdict.kept for goal in GOALS for seed in (0, 1)
    }
    assert verdicts == {True, False, None}


@pytest.mark.parametrize(
    ("goal", "text"),
    [
        (Goal.min_energy(0.2, 0.6), "yes: accuracy 0.6000 of 0.6000 asked"),
        (Goal.min_energy(0.2, 0.9), "no: accuracy 0.8000 of 0.9000 asked"),
        (
            Goal.min_energy(0.2, 0.6, window=1),
            "yes: accuracy 0.6000 of 0.6000 asked, kept by 4 of 4 inputs",
        ),
        (Goal.max_accuracy(0.2), "no bound"),
        (Goal.max_accuracy(0.2, probability=0.9), "yes: 1.000 in time of 0.9 asked"),
        (Goal.max_accuracy(0.2, 1e-3), "no: 1.79 J of 0.001 J per input allowed"),
        (Goal.max_accuracy(0.2, power=50.0), "yes: 8.95 W of 50 W allowed"),
        (
            Goal.max_accuracy(0.2, budget=1e3, inputs=100),
            "yes: 7.16 J of 40 J allowed so far",
        ),
        (
            Goal.min_latency(accuracy=0.7),
            "yes: accuracy 0.8000 of 0.7000 asked, kept by 4 of 4 inputs",
        ),
    ],
    ids=repr,
)
def test_what_it_says(goal: Goal, text: str) -> None:
    bench = Bench(goal)
    for _ in range(4):
        bench.runner("x")
    report = bench.runner.report()
    assert report.verdict.text == text
    assert f"  goal        {goal!r}\n  kept        {text}\n" in repr(report)
    assert text in repr(report.verdict)


def test_before_the_first_input() -> None:
    verdict = Bench().runner.report().verdict
    assert (verdict.inputs, verdict.kept, verdict.text) == (0, None, "no inputs")
    assert math.isnan(verdict.accuracy)
    assert verdict.energy is None


def test_another_goal_is_judged_from_its_first_input_on() -> None:
    bench = run(GOALS[0], 10)
    bench.runner.scheduler.goal = GOALS[7]
    assert bench.runner.report().verdict.inputs == 0
    bench.runner("x")
    bench.runner.scheduler.goal = GOALS[7]  # the same again
    verdict = bench.runner.report().verdict
    assert (verdict.inputs, verdict.goal) == (1, GOALS[7])


def test_inputs_with_a_goal_of_their_own_do_not_count() -> None:
    bench = run(GOALS[0], 3)
    for _ in range(5):
        bench.runner("x", goal=Goal.min_latency())
    report = bench.runner.report()
    assert (report.inputs, report.verdict.inputs, report.own_goals) == (8, 3, 5)
    assert "own goals   5, not counted in the verdict" in repr(report)


def test_without_a_power_there_is_no_energy() -> None:
    profile = alert.Profile([[0.01], [0.02]], None, [0.6, 0.8], [None], 0.0)
    scheduler = alert.Scheduler(profile, Goal.min_energy(0.1, 0.7))
    scheduler.step(0.01, None)
    assert Verdict.of(scheduler).energy is None
