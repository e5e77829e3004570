"""Clairvoyant and Informed: how low the cost of a goal that holds on average can be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alert.evaluation.costs import Costs, costs
from alert.evaluation.mixture import Mixture, Programme
from alert.evaluation.recording import Recording
from alert.evaluation.result import MISSES_ALLOWED, Replay
from alert.goal import Goal
from alert.profile import Floats


def clairvoyant(recording: Recording, goal: Goal) -> Replay:
    """Know the whole trace: the optimum when the goal holds on average over it."""
    table = costs(recording, goal.q_fail, goal.deadline)
    return _replay("clairvoyant", goal, _optimum(table, goal))


def informed(recording: Recording, goal: Goal) -> Replay:
    """Know the phase and how every configuration's latency is distributed in it, not the outcome.

    The optimum among policies that choose by the phase alone.
    """
    table = costs(recording, goal.q_fail, goal.deadline)
    _, phase, inputs = np.unique(recording.phase, return_inverse=True, return_counts=True)

    def means(a: NDArray[Any]) -> Floats:
        return np.stack([a[phase == k].mean(axis=0) for k in range(len(inputs))])

    expected = Costs(
        means(table.latency), means(table.energy), means(table.accuracy), means(table.met)
    )
    best = _optimum(expected, goal, inputs)
    return _replay(
        "informed", goal, Mixture(best.cost[phase], best.gain[phase], best.missed[phase])
    )


def _optimum(table: Costs, goal: Goal, inputs: NDArray[np.intp] | None = None) -> Mixture:
    """Solve for rows that stand for `inputs` inputs each, by default one; results are per input."""
    saving = goal.objective == "min_energy"
    weight = np.ones(len(table.energy)) if inputs is None else inputs.astype(np.float64)
    each = weight[:, None]
    best = Programme(
        cost=each * (table.energy if saving else -table.accuracy),
        gain=each * (table.accuracy if saving else -table.energy),
        missed=each * (1.0 - table.met),
        need=weight.sum() * (goal.bound if saving else -goal.bound),
        allowed=MISSES_ALLOWED * weight.sum(),
    ).solve()
    return Mixture(best.cost / weight, best.gain / weight, best.missed / weight)


def _replay(scheme: str, goal: Goal, best: Mixture) -> Replay:
    saving = goal.objective == "min_energy"
    energy, accuracy = (best.cost, best.gain) if saving else (-best.gain, -best.cost)
    return Replay(scheme, goal, energy, accuracy, best.missed)
