"""The optimum for a goal that holds on average, for Clairvoyant and Informed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alert.evaluation.costs import Costs
from alert.evaluation.linear_programme import Groups, Mixture, Programme
from alert.evaluation.result import Replay
from alert.goal import Goal
from alert.running.hindsight import MISSES_ALLOWED


def optimum(
    table: Costs,
    goal: Goal,
    groups: Groups | None = None,
    inputs: NDArray[np.intp] | None = None,
) -> Mixture:
    """Find the best mixture per input. Each row stands for `inputs` inputs, by default for one.

    Raises
    ------
    ValueError
        The goal is the lowest latency, whose bounds hold for each input.
    """
    if goal.objective == "min_latency":
        raise ValueError("scheme: expected one for the lowest latency, got one for averages")
    saving = goal.objective == "min_energy"
    weight = np.ones(len(table.energy)) if inputs is None else inputs.astype(np.float64)
    each = weight[:, None]
    best = Programme(
        cost=each * (table.energy if saving else -table.accuracy),
        gain=each * (table.accuracy if saving else -table.energy),
        missed=each * (1.0 - table.met),
        need=weight.sum() * (goal.bound if saving else -goal.bound),
        allowed=MISSES_ALLOWED * weight.sum(),
        groups=groups,
    ).solve()
    return Mixture(best.cost / weight, best.gain / weight, best.missed / weight)


def replay_of(scheme: str, goal: Goal, best: Mixture) -> Replay:
    """Turn cost and gain of an optimum into energy and accuracy."""
    saving = goal.objective == "min_energy"
    energy, accuracy = (best.cost, best.gain) if saving else (-best.gain, -best.cost)
    return Replay(scheme, goal, energy, accuracy, best.missed)
