"""The schemes together: what must hold for all of them, and those that are schedulers."""

from __future__ import annotations

import numpy as np
import pytest
import synthetic
from brute_force import (
    GOALS,
    LATENCY,
    configurations,
)

import alert
from alert.evaluation import SCHEMES, OutputTrace, Replay, run

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
@pytest.mark.parametrize("recorded", [False, True])
def test_nothing_that_keeps_the_goal_beats_clairvoyant(
    words: int, level: float, factor: float, recorded: bool
) -> None:
    trace = synthetic.trace(240, 11, words=words)
    outputs = OutputTrace.of(synthetic.with_accuracy(trace) if recorded else trace)
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


def test_accuracies_that_are_recorded_count_in_place_of_the_profiles() -> None:
    trace = synthetic.trace(100, 12, words=5)
    plain = OutputTrace.of(trace)
    same = OutputTrace.of(synthetic.with_accuracy(trace, plain.accuracy))
    other = OutputTrace.of(synthetic.with_accuracy(trace, plain.accuracy / 2.0))
    goal = alert.Goal.min_energy(LATENCY, 0.0, q_fail=0.0)  # the same choices, whatever is reached
    for scheme in ("static", "default", "paper", "no-coord", "oracle", "clairvoyant"):
        expected, found, halved = (run(scheme, each, goal) for each in (plain, same, other))
        np.testing.assert_array_equal(found.accuracy, expected.accuracy)
        np.testing.assert_array_equal(found.energy, expected.energy)
        np.testing.assert_allclose(halved.accuracy, expected.accuracy / 2.0)


def test_cut_and_part_keep_the_accuracies_of_what_is_kept() -> None:
    outputs = OutputTrace.of(synthetic.with_accuracy(synthetic.trace(90)))
    np.testing.assert_array_equal(
        outputs.cut([0, 2], [1]).accuracy, outputs.accuracy[:, [0, 2, 3, 4]]
    )
    np.testing.assert_array_equal(outputs.part("holdout").accuracy, outputs.accuracy[60:])


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


@pytest.mark.parametrize("scheme", [*SCHEMES, "calibrated"])
def test_every_scheme_runs_with_a_profile_that_knows_no_power(scheme: str) -> None:
    trace = synthetic.trace(60, 18)
    p = trace.profile
    unknown = alert.Profile(
        p.latency, None, p.accuracy, p.power_caps, 0.0, p.models, {2: p.exits[2]}
    )
    result = trace.replay(unknown, alert.Goal.min_energy(LATENCY, 0.6), scheme)
    assert (result.energy > 0.0).all()  # as it was drawn


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


def test_inputs_run_to_the_exit_chosen_so_shares_of_exits_count_for_nothing() -> None:
    trace = synthetic.trace(60, 19)
    p = trace.profile
    told = alert.Profile(
        p.latency,
        p.power,
        p.accuracy,
        p.power_caps,
        p.idle_power,
        p.models,
        dict(p.exits.items()),
        exit_shares={i: [1.0] + [0.0] * (len(pairs) - 1) for i, pairs in p.exits.items()},
    )
    goal = alert.Goal.min_energy(LATENCY, 0.6)
    first, second = (trace.replay(profile, goal).inputs for profile in (p, told))
    np.testing.assert_array_equal(first, second)


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
