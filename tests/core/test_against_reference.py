"""The C core makes the choices of its plain Python twin, which looks at every configuration.

Each decision is compared: model, cap, exit, feasible, and the four expectations to nine digits; so
are the filters, and at the end of a stream what was credited to every input.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
import reference
from random_cases import (
    Twins,
    close,
    less_known,
    random_goal,
    random_table,
    smooth_table,
    tied_table,
    wild_table,
)


@pytest.mark.parametrize("kind", [smooth_table, wild_table, tied_table])
def test_first_choices_over_thousands_of_profiles(
    kind: Callable[[Random], reference.Table],
) -> None:
    random = Random(1)
    infeasible = 0
    for _ in range(1500):
        table = less_known(random, kind(random))
        twins = Twins(table, random_goal(random, table))
        infeasible += not twins.here.decision.feasible
        assert twins.by_rounding == 0
    assert 100 < infeasible < 1400  # of both sorts


def test_random_streams() -> None:
    """Inputs, deadlines, goals, overheads in any order, over some hundred profiles."""
    decisions = by_rounding = 0
    for seed in range(400):
        random = Random(seed)
        table = random_table(random)
        twins = Twins(table, random_goal(random, table))
        for _ in range(40):
            twins.random_action(random)
        compare_traces(twins)
        decisions += twins.decisions
        by_rounding += twins.by_rounding
    assert decisions > 15_000
    assert by_rounding <= decisions / 100


def test_a_long_stream() -> None:
    random = Random(7)
    table = smooth_table(random)
    twins = Twins(table, random_goal(random, table), history=10_000)
    for _ in range(5000):
        twins.random_action(random)
    compare_traces(twins)
    assert twins.by_rounding <= 50


def test_a_window_over_a_long_stream() -> None:
    """Where accuracies and bound are multiples of 1/64, sums of them are exact."""
    random = Random(3)
    table = reference.Table(
        [[0.04, 0.02], [0.08, 0.04], [0.16, 0.08]],
        [[10.0, 20.0]] * 3,
        [0.5, 0.625, 0.75],
        [10.0, 20.0],
        4.0,
    )
    for window in (1, 2, 3, 10):
        goal = reference.Goal("min_energy", 0.4, 0.65625, window=window)
        twins = Twins(table, goal, history=400)
        for _ in range(400):
            twins.step(twins.twin.decision.expected.latency * random.uniform(0.8, 1.2), None)
        compare_traces(twins)
        credited = twins.here.history["accuracy"]
        means = np.convolve(credited, np.ones(window) / window, "valid")
        if window == 1:
            assert set(credited) == {0.75}
        else:
            assert set(credited) > {0.75}  # it mixes
            assert means.min() >= 0.65625
        assert twins.by_rounding == 0


def compare_traces(twins: Twins) -> None:
    history = twins.here.history
    finished = twins.twin.finished[-len(history) :]
    assert len(history) == len(finished)
    for record, wanted in zip(history, finished, strict=True):
        model, cap, _ = wanted.configuration
        exit = -1 if wanted.exit is None else wanted.exit
        assert (record["model"], record["cap"], record["exit"]) == (model, cap, exit)
        watts = twins.table.power_caps[cap]
        assert record["power_cap"] == (math.inf if watts is None else watts)
        assert record["deadline"] == pytest.approx(wanted.deadline, rel=1e-9, abs=1e-9)
        assert close(record["slowdown"], wanted.slowdown)
        assert close(record["slowdown_mean"], wanted.mean)
        assert close(record["slowdown_std"], wanted.std)
        assert (record["accuracy"], record["met"]) == (wanted.accuracy, wanted.met)
