"""Every scheme against brute force in Python, on small random traces."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import synthetic
from numpy.typing import NDArray
from scipy.optimize import linprog

import alert
from alert.evaluation import SCHEMES, OutputTrace, Replay, run
from alert.evaluation.linear_programme import Groups, Programme
from alert.evaluation.result import MISSES_ALLOWED

LATENCY = 0.02
GOALS = (
    alert.Goal.min_energy(LATENCY, 0.66),
    alert.Goal.min_energy(0.6 * LATENCY, 0.6, q_fail=0.1),
    alert.Goal.min_energy(0.4 * LATENCY, 0.5, probability=0.9),
    alert.Goal.min_energy(LATENCY, 0.7, priority=("latency", "energy", "accuracy")),
    alert.Goal.max_accuracy(LATENCY, 0.25),
    alert.Goal.max_accuracy(0.6 * LATENCY, 0.12, probability=0.5, q_fail=0.05),
    alert.Goal.max_accuracy(LATENCY, 0.11, priority=("energy", "latency", "accuracy")),
    alert.Goal.max_accuracy(0.3 * LATENCY, 0.06),
    alert.Goal.max_accuracy(
        0.5 * LATENCY, 0.08, probability=0.9, priority=("energy", "accuracy", "latency")
    ),
)

TIGHT = alert.Goal.min_energy(0.23 * LATENCY, 0.4)
"""Some words of every sentence come late."""


class Outcome(dict[str, Any]):
    """One configuration of one input."""


def configurations(trace: alert.Trace) -> list[tuple[int, int, int]]:
    """List (cap, model, exit), in the order in which ties are broken."""
    p = trace.profile
    return [
        (cap, model, k)
        for cap in range(len(p.power_caps))
        for model in range(len(p.models))
        for k in (range(len(p.exits[model])) if model in p.exits else (-1,))
    ]


def outcome(
    trace: alert.Trace, i: int, due: float, q_fail: float, configuration: tuple[int, int, int]
) -> Outcome:
    """Work out what this configuration makes of input i."""
    cap, model, k = configuration
    whole, joules = trace.latency[i, model, cap], trace.energy[i, model, cap]
    latency, energy = whole, joules
    accuracy, met = q_fail, False
    if k < 0:
        if whole <= due:
            accuracy, met = trace.profile.accuracy[model], True
    else:
        latency = trace.exits[model][i, cap, k]
        energy = joules * (latency / whole)
        for e in range(k + 1):
            if trace.exits[model][i, cap, e] <= due:
                accuracy, met = trace.profile.exits[model][e][1], True
    full = energy + trace.profile.idle_power * max(due - latency, 0.0)
    return Outcome(
        latency=latency, active=energy, energy=full, accuracy=accuracy, met=met, place=configuration
    )


def table(trace: alert.Trace, i: int, due: float, goal: alert.Goal) -> list[Outcome]:
    return [outcome(trace, i, due, goal.q_fail, c) for c in configurations(trace)]


def best_for(options: list[Outcome], goal: alert.Goal) -> Outcome:
    """Follow the rules of choice in words: give up what matters least until something is left."""
    saving = goal.objective == "min_energy"
    bound_name = "accuracy" if saving else "energy"

    def keeps(o: Outcome, what: str) -> bool:
        if what == "latency":
            return o["met"] or not goal.probability
        if what != bound_name:
            return True
        return bool(o["accuracy"] >= goal.bound if saving else o["energy"] <= goal.bound)

    def cheap(o: Outcome) -> tuple[float, float]:
        return (o["energy"], 0.0)

    def accurate(o: Outcome) -> tuple[float, float]:
        return (-o["accuracy"], o["energy"])

    bounds = [b for b in goal.priority if b in ("latency", bound_name)]
    for kept in (bounds, bounds[:1], []):
        left = [o for o in options if all(keeps(o, b) for b in kept)]
        if left:
            break
    if bound_name in kept:
        return min(left, key=cheap if saving else accurate)
    first = goal.priority.index("energy") < goal.priority.index("accuracy")
    return min(left, key=cheap if first else accurate)


def groups(trace: alert.Trace) -> Iterator[list[int]]:
    for _, members in itertools.groupby(range(len(trace)), key=lambda i: trace.group[i]):
        yield list(members)


def play(trace: alert.Trace, goal: alert.Goal, choose: Any) -> list[Outcome]:
    """Play word by word; of a sentence only the last word is followed by idle time."""
    done = []
    for members in groups(trace):
        left = goal.deadline * len(members)
        for k, i in enumerate(members):
            due = max(left / (len(members) - k), 0.0)
            chosen = choose(table(trace, i, due, goal))
            left -= chosen["latency"]
            if k < len(members) - 1:
                chosen["energy"] = chosen["active"]
            done.append(chosen)
    return done


def assert_played(found: Replay, expected: list[Outcome]) -> None:
    assert found.inputs is not None
    places = [(o["place"]) for o in expected]
    np.testing.assert_array_equal(
        np.stack([found.inputs[name] for name in ("cap", "model", "exit")], axis=1), places
    )
    for name in ("energy", "accuracy", "latency", "met"):
        np.testing.assert_allclose(found.inputs[name], [o[name] for o in expected], rtol=1e-12)


@pytest.mark.parametrize("words", [1, 4])
@pytest.mark.parametrize("goal", GOALS, ids=repr)
def test_oracle(goal: alert.Goal, words: int) -> None:
    trace = synthetic.trace(80, 7, words=words)
    found = trace.replay(trace.profile, goal, "oracle")
    assert_played(found, play(trace, goal, lambda options: best_for(options, goal)))


@pytest.mark.parametrize("words", [1, 4])
@pytest.mark.parametrize("goal", [GOALS[i] for i in (0, 1, 4, 6)], ids=repr)
def test_static(goal: alert.Goal, words: int) -> None:
    trace = synthetic.trace(60, 8, words=words)
    saving = goal.objective == "min_energy"
    runs = []
    for c in configurations(trace):
        run_ = play(trace, goal, lambda options, c=c: next(o for o in options if o["place"] == c))
        energy, accuracy, met = (
            float(np.mean([o[name] for o in run_])) for name in ("energy", "accuracy", "met")
        )
        short = accuracy < goal.bound if saving else energy > goal.bound
        violated = short or 1.0 - met > MISSES_ALLOWED
        rank = (energy, -accuracy) if saving and not violated else (-accuracy, energy)
        runs.append(((violated, *rank), run_))
    assert_played(trace.replay(trace.profile, goal, "static"), min(runs, key=lambda r: r[0])[1])


# ------------------------------------------------------------------------------------- programmes


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


# ------------------------------------------------------------------------------- what must hold


@pytest.mark.parametrize(
    ("goal", "energy", "accuracy", "misses", "violated"),
    [
        (alert.Goal.min_energy(1.0, 0.7), 9.0, 0.7, 10, False),
        (alert.Goal.min_energy(1.0, 0.7), 9.0, 0.6999, 10, True),
        (alert.Goal.min_energy(1.0, 0.7), 9.0, 0.8, 11, True),
        (alert.Goal.max_accuracy(1.0, 9.0), 9.0, 0.0, 10, False),
        (alert.Goal.max_accuracy(1.0, 9.0), 9.001, 0.9, 0, True),
        (alert.Goal.max_accuracy(1.0, 9.0), 8.0, 0.9, 11, True),
    ],
)
def test_violated(
    goal: alert.Goal, energy: float, accuracy: float, misses: int, violated: bool
) -> None:
    """On average over 100 inputs."""
    missed = np.arange(100) < misses
    spread = np.linspace(-0.1, 0.1, 100)
    replay = Replay("any", goal, energy + spread, accuracy + spread, missed.astype(float))
    assert replay.violated is violated
    assert ("violated" in repr(replay)) is violated


@pytest.mark.parametrize("words", [1, 6])
@pytest.mark.parametrize("level", [0.58, 0.64, 0.68])
@pytest.mark.parametrize("factor", [0.5, 1.0, 1.5])
def test_nothing_that_keeps_the_goal_beats_clairvoyant(
    words: int, level: float, factor: float
) -> None:
    outputs = OutputTrace.of(synthetic.trace(240, 11, words=words))
    goals = (
        alert.Goal.min_energy(factor * LATENCY, level),
        alert.Goal.max_accuracy(factor * LATENCY, 0.5 * level * factor),
    )
    for goal in goals:
        bound = run("clairvoyant", outputs, goal)
        for scheme in SCHEMES:
            found = run(scheme, outputs, goal)
            if found.violated:
                continue
            assert not bound.violated
            if goal.objective == "min_energy":
                assert bound.mean_energy <= found.mean_energy * (1 + 1e-9)
            else:
                assert bound.mean_accuracy >= found.mean_accuracy - 1e-9


def test_schemes_do_not_roll_dice() -> None:
    outputs = OutputTrace.of(synthetic.trace(100, 12, words=5))
    for scheme in SCHEMES:
        one, other = (run(scheme, outputs, GOALS[0]) for _ in range(2))
        np.testing.assert_array_equal(one.energy, other.energy)
        np.testing.assert_array_equal(one.accuracy, other.accuracy)


# ------------------------------------------------------------------------- schedulers, cut down


def models_and_caps(replay: Replay) -> tuple[set[int], set[int]]:
    assert replay.inputs is not None
    return set(replay.inputs["model"].tolist()), set(replay.inputs["cap"].tolist())


@pytest.mark.parametrize("words", [1, 4])
@pytest.mark.parametrize("goal", [GOALS[0], GOALS[4]], ids=repr)
def test_schedulers_over_a_part_of_the_profile(goal: alert.Goal, words: int) -> None:
    trace = synthetic.trace(150, 13, words=words)
    allowed = {
        "app-only": ({2}, {2}),
        "sys-only": ({0}, {0, 1, 2}),
        "no-coord": ({2}, {0, 1, 2}),
        "paper-traditional": ({0, 1}, {0, 1, 2}),
        "paper-anytime": ({2}, {0, 1, 2}),
    }
    for scheme, (models, caps) in allowed.items():
        used_models, used_caps = models_and_caps(trace.replay(trace.profile, goal, scheme))
        assert used_models <= models
        assert used_caps <= caps


def test_a_part_runs_as_if_the_rest_were_not_there() -> None:
    trace = synthetic.trace(150, 14)
    p, goal = trace.profile, alert.Goal.min_energy(LATENCY, 0.6)
    part = alert.Profile(p.latency[:2], p.power[:2], p.accuracy[:2], p.power_caps, p.idle_power)
    alone = alert.Trace(part, trace.latency[:, :2], trace.energy[:, :2])
    expected = alone.replay(part, goal, "paper").inputs
    found = trace.replay(p, goal, "paper-traditional").inputs
    assert expected is not None
    np.testing.assert_array_equal(found, expected)


def test_mean_only_is_the_paper_without_the_spread() -> None:
    """The choices, scanned in Python: a configuration is in time where its mean is."""
    trace = synthetic.trace(150, 15)
    p, goal = trace.profile, alert.Goal.min_energy(LATENCY, 0.6)
    found = trace.replay(p, goal, "paper-mean-only").inputs
    assert found is not None
    mean = 1.0
    q = 0.1  # the filter's own recursion, with all noise scaled by the same factor
    s2, gain = 0.1, 0.5
    for i, row in enumerate(found):
        expected = min(
            (
                power * mean * t + p.idle_power * max(LATENCY - mean * t, 0.0)
                for cap, model, k in configurations(trace)
                for fraction, reached in [p.exits[model][k] if k >= 0 else (1.0, p.accuracy[model])]
                for t in [p.latency[model, cap] * fraction]
                for power in [p.power[model, cap]]
                if mean * t <= LATENCY and reached >= goal.bound
            ),
            default=None,
        )
        model, cap, k = int(row["model"]), int(row["cap"]), int(row["exit"])
        ran = p.latency[model, cap] * (p.exits[model][k][0] if k >= 0 else 1.0)
        if expected is not None:
            took = mean * ran
            cost = p.power[model, cap] * took + p.idle_power * max(LATENCY - took, 0.0)
            assert cost == pytest.approx(expected, rel=1e-6), i
        stopped = int(row["stopped"])
        profiled = p.latency[model, cap] * (p.exits[model][stopped][0] if stopped >= 0 else 1.0)
        s2 = (1 - gain) * s2 + q
        gain = s2 / (s2 + 0.001)
        mean += gain * (row["latency"] / profiled - mean)


def test_schemes_that_need_models_say_so() -> None:
    trace = synthetic.trace(20, 16)
    p = trace.profile
    part = alert.Profile(p.latency[:2], p.power[:2], p.accuracy[:2], p.power_caps, p.idle_power)
    alone = alert.Trace(part, trace.latency[:, :2], trace.energy[:, :2])
    with pytest.raises(ValueError, match="scheme: paper-anytime needs models"):
        alone.replay(part, GOALS[0], "paper-anytime")
    with pytest.raises(ValueError, match=r"scheme: expected one of oracle, .*got 'best'"):
        alone.replay(part, GOALS[0], "best")
    with pytest.raises(ValueError, match="profile: expected the models and power caps"):
        trace.replay(part, GOALS[0])
    whole = alert.Profile(p.latency, p.power, p.accuracy, p.power_caps, p.idle_power, p.models)
    with pytest.raises(ValueError, match="profile: expected the exits"):
        trace.replay(whole, GOALS[0])


def test_another_profile_is_what_schemes_are_told_but_not_what_happens() -> None:
    trace = synthetic.trace(60, 17)
    p = trace.profile
    told = alert.Profile(
        2.0 * p.latency, p.power, p.accuracy, p.power_caps, 0.0, p.models, dict(p.exits.items())
    )
    goal = alert.Goal.min_energy(LATENCY, 0.6)
    assert trace.replay(told, goal, "oracle").mean_energy == pytest.approx(
        trace.replay(p, goal, "oracle").mean_energy
    )
    first = [trace.replay(profile, goal, "paper").inputs for profile in (p, told)]
    assert first[0] is not None
    assert first[1] is not None
    assert first[1][0]["cap"] > first[0][0]["cap"]


@pytest.mark.parametrize("method", alert._core.METHODS)
def test_any_method_is_a_scheme(method: str) -> None:
    trace = synthetic.trace(50, 18)
    goal = alert.Goal.min_energy(LATENCY, 0.6)
    found = trace.replay(trace.profile, goal, method)
    r = OutputTrace.of(trace)
    scheduler = alert.Scheduler(trace.profile, goal, method=method)
    np.testing.assert_array_equal(
        found.inputs, scheduler._replay(r.latency, r.energy, r.idle_power)
    )
