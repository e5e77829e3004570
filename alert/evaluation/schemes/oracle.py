"""Oracle: knows the outcome of every configuration, for the current input only."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from alert.evaluation.costs import Costs
from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.playback import play
from alert.evaluation.result import Replay
from alert.goal import Goal, Objective, Quantity

_DECIDES: dict[Objective, Quantity] = {
    "min_energy": "energy",
    "max_accuracy": "accuracy",
    "min_latency": "latency",
}


def oracle(trace: OutputTrace, goal: Goal) -> Replay:
    """Meet the goal input by input, at the best objective."""
    inputs = play(trace, goal, lambda _inputs, _deadline, costs: choose(costs, goal))
    return Replay.of("oracle", goal, inputs)


def choose(costs: Costs, goal: Goal) -> NDArray[np.intp]:
    """Choose as the scheduler does (csrc/core/choose/), from known outcomes; one column per input.

    Bounds are given up in the same order, from the least important.
    """
    there = {
        "latency": bool(goal.probability),
        "accuracy": goal.accuracy is not None,
        "energy": goal.energy is not None,
    }
    met = {
        "latency": costs.met,
        "accuracy": costs.accuracy >= (goal.accuracy or 0.0),
        "energy": costs.energy <= (math.inf if goal.energy is None else goal.energy),
    }
    bounds = [quantity for quantity in goal.priority if there[quantity]]
    decides = _DECIDES[goal.objective]
    chosen = np.full(len(costs.energy), -1, np.intp)
    while True:
        allowed = np.logical_and.reduce([met[bound] for bound in bounds], axis=0)
        allowed = np.broadcast_to(allowed, costs.met.shape)
        open_ = (chosen < 0) & allowed.any(axis=1)
        chosen[open_] = _best(costs, allowed, decides)[open_]
        if not bounds:
            return chosen
        if (given_up := bounds.pop()) != "latency":
            decides = min(decides, given_up, key=goal.priority.index)


def _best(costs: Costs, allowed: NDArray[np.bool_], decides: Quantity) -> NDArray[np.intp]:
    """Find the best of what decides, and of these the lowest energy."""
    measure = {"latency": costs.latency, "accuracy": -costs.accuracy, "energy": costs.energy}
    rank = np.where(allowed, measure[decides], np.inf)
    best = allowed & (rank == rank.min(axis=1, keepdims=True))
    column: NDArray[np.intp] = np.where(best, costs.energy, np.inf).argmin(axis=1)
    return column
