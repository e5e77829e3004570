"""The linear programme against SciPy's, on random programmes and for goals that hold on average."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import synthetic
from brute_force import (
    GOALS,
    LATENCY,
    TIGHT,
    Outcome,
    table,
)
from numpy.typing import NDArray
from scipy.optimize import linprog

import alert
from alert.evaluation import OutputTrace, Replay, run
from alert.evaluation.linear_programme import Groups, Programme
from alert.running.hindsight import MISSES_ALLOWED


def by_linprog(
    cost: NDArray[np.float64],
    gain: NDArray[np.float64],
    missed: NDArray[np.float64],
    need: float,
    allowed: float,
    time: NDArray[np.float64] | None = None,
    group: NDArray[np.int64] | None = None,
    budget: NDArray[np.float64] | None = None,
) -> float | None:
    """Solve the programme with HiGHS; None where it is infeasible."""
    n, c = cost.shape
    rows, bounds = [-gain.ravel(), missed.ravel()], [-need, allowed]
    if time is not None and group is not None and budget is not None:
        for g, most in enumerate(budget):
            rows.append((time * (group == g)[:, None]).ravel())
            bounds.append(float(most))
    one = np.kron(np.eye(n), np.ones(c))
    found = linprog(cost.ravel(), np.array(rows), bounds, one, np.ones(n), method="highs")
    return float(found["fun"]) if found.success else None


def random_programme(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    n, c = int(rng.integers(1, 25)), int(rng.integers(1, 9))
    gain = rng.choice([0.0, 0.3, 0.5, 0.8], (n, c)) if seed % 2 else rng.random((n, c))
    low, high = gain.min(axis=1).sum(), gain.max(axis=1).sum()
    return {
        "cost": rng.random((n, c)) + 0.5 * gain,
        "gain": gain,
        "missed": (rng.random((n, c)) < 0.4).astype(float),
        "need": float(rng.uniform(low, high * 1.05)),
        "allowed": 0.1 * n if seed % 3 else float(n),
    }


@pytest.mark.parametrize("seed", range(60))
def test_mixture_is_the_optimum_of_the_programme(seed: int) -> None:
    given = random_programme(seed)
    expected = by_linprog(**given)
    found = Programme(**given).solve()
    kept = (
        found.gain.sum() >= given["need"] - 1e-9 and found.missed.sum() <= given["allowed"] + 1e-9
    )
    assert kept == (expected is not None)
    if expected is not None:
        assert found.cost.sum() == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("seed", range(30))
def test_groups_keep_their_budgets_at_the_optimum(seed: int) -> None:
    given = random_programme(seed)
    rng = np.random.default_rng(1000 + seed)
    n, _ = given["cost"].shape
    given["cost"] = np.hstack([given["cost"], rng.random((n, 1))])
    given["gain"] = np.hstack([given["gain"], np.zeros((n, 1))])
    given["missed"] = np.hstack([given["missed"], np.ones((n, 1))])
    given["need"] *= 0.7
    group = np.sort(rng.integers(0, 4, n))
    _, starts, group = np.unique(group, return_index=True, return_inverse=True)
    time = np.hstack([rng.random(given["cost"][:, :-1].shape), np.zeros((n, 1))])
    budget = np.array([0.4 * (group == g).sum() for g in range(len(starts))])
    expected = by_linprog(**given, time=time, group=group, budget=budget)
    found = Programme(**given, groups=Groups(time, starts, budget)).solve()
    if expected is None:
        assert found.gain.sum() < given["need"] or found.missed.sum() > given["allowed"]
    else:
        assert found.cost.sum() == pytest.approx(expected, rel=1e-7)
        assert found.gain.sum() >= given["need"] - 1e-9


@pytest.mark.parametrize("goal", [GOALS[i] for i in (0, 1, 4, 5)], ids=repr)
def test_clairvoyant(goal: alert.Goal) -> None:
    trace = synthetic.trace(40, 9)
    options = [table(trace, i, goal.deadline, goal) for i in range(len(trace))]
    assert_optimal(trace.replay(trace.profile, goal, "clairvoyant"), goal, options)


@pytest.mark.parametrize("goal", [*(GOALS[i] for i in (0, 1, 4, 5)), TIGHT], ids=repr)
def test_clairvoyant_where_words_share_a_deadline(goal: alert.Goal) -> None:
    """Every word is in time, for as long as its sentence has time, or late in the cheapest way."""
    trace = synthetic.trace(32, 9, words=4)
    idle, due = trace.profile.idle_power, goal.deadline
    rows = []
    for i in range(len(trace)):
        options = table(trace, i, 1e9, goal)
        for o in options:
            o["energy"] = o["active"] + idle * (due - o["latency"])
        cheapest = min(o["energy"] for o in options)
        none = Outcome(energy=cheapest, accuracy=goal.q_fail, met=False, latency=0.0)
        rows.append([*options, none])
    n = len(rows)
    budget = np.full(n // 4, 4 * due)
    time = np.array([[o["latency"] for o in row] for row in rows])
    found = trace.replay(trace.profile, goal, "clairvoyant")
    assert_optimal(found, goal, rows, time=time, group=np.arange(n) // 4, budget=budget)


def test_informed_where_words_share_a_deadline() -> None:
    """With sentences of one word it comes close to the programme, which is not made for words."""
    trace = synthetic.trace(300, 13)
    outputs = OutputTrace.of(trace)
    alone = replace(outputs, sharing=np.ones(len(trace), np.uintp))
    for goal in (GOALS[1], GOALS[5]):
        best, found = (run("informed", r, goal) for r in (outputs, alone))
        assert not best.violated
        assert not found.violated
        if goal.objective == "min_energy":
            assert 1 - 1e-9 <= found.mean_energy / best.mean_energy < 1.01
        else:
            assert 1 - 1e-9 <= found.error / best.error < 1.01


@pytest.mark.parametrize("goal", [GOALS[i] for i in (0, 1, 4, 5)], ids=repr)
def test_informed(goal: alert.Goal) -> None:
    """The same programme, in which every input has the mean outcome of its phase."""
    trace = synthetic.trace(60, 8)
    options = [table(trace, i, goal.deadline, goal) for i in range(len(trace))]
    names = ("energy", "accuracy", "met")
    expected = []
    for phase in trace.phase:
        rows = [options[k] for k in np.flatnonzero(trace.phase == phase)]
        expected.append(
            [
                Outcome({n: np.mean([o[n] for o in column]) for n in names})
                for column in zip(*rows, strict=True)
            ]
        )
    assert len(set(trace.phase)) == 2
    assert_optimal(trace.replay(trace.profile, goal, "informed"), goal, expected)


def assert_optimal(
    found: Replay, goal: alert.Goal, options: list[list[Outcome]], **groups: Any
) -> None:
    energy, accuracy, met = (
        np.array([[float(o[name]) for o in row] for row in options])
        for name in ("energy", "accuracy", "met")
    )
    n = len(options)
    saving = goal.objective == "min_energy"
    cost, gain = (energy, accuracy) if saving else (-accuracy, -energy)
    need = n * (goal.bound if saving else -goal.bound)
    expected = by_linprog(cost, gain, 1.0 - met, need, MISSES_ALLOWED * n, **groups)
    assert found.violated == (expected is None)
    if expected is not None:
        value = found.mean_energy if saving else -found.mean_accuracy
        assert value == pytest.approx(expected / n, rel=1e-7)


def test_a_binding_bound_on_misses_is_among_the_cases() -> None:
    trace = synthetic.trace(200, 9)
    goal = alert.Goal.min_energy(0.5 * LATENCY, 0.3)
    found = trace.replay(trace.profile, goal, "clairvoyant")
    assert not found.violated
    assert found.miss_rate == pytest.approx(MISSES_ALLOWED)
    options = [table(trace, i, goal.deadline, goal) for i in range(len(trace))]
    assert_optimal(found, goal, options)
