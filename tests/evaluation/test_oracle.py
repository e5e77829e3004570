"""The oracles that choose input by input or once, against brute force."""

from __future__ import annotations

import numpy as np
import pytest
import synthetic
from brute_force import (
    GOALS,
    assert_played,
    best_for,
    configurations,
    play,
)

import alert
from alert.running.hindsight import MISSES_ALLOWED


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
