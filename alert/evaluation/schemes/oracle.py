"""Oracle: knows the outcome of every configuration, for the current input only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alert.evaluation.costs import Costs
from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.playback import play
from alert.evaluation.result import Replay
from alert.goal import Goal, Quantity


def oracle(trace: OutputTrace, goal: Goal) -> Replay:
    """Meet the goal input by input, at the best objective."""
    inputs = play(trace, goal, lambda _inputs, _deadline, costs: choose(costs, goal))
    return Replay.of("oracle", goal, inputs)


def choose(costs: Costs, goal: Goal) -> NDArray[np.intp]:
    """Choose as the scheduler does (csrc/core/choose/), from known outcomes; one column per input.

    Bounds are given up in the same order, from the least important.
    """
    rank = goal.priority.index
    bounded: Quantity = "accuracy" if goal.objective == "min_energy" else "energy"
    saving_first = rank("energy") < rank("accuracy")
    latency_first = rank("latency") < rank(bounded)
    bound_met = (
        costs.accuracy >= goal.bound
        if goal.objective == "min_energy"
        else costs.energy <= goal.bound
    )
    in_time = costs.met if goal.probability else np.ones_like(costs.met)
    anything = np.ones_like(costs.met)
    saving = goal.objective == "min_energy"
    attempts = [(bound_met & in_time, saving)]
    if goal.probability:
        attempts.append((in_time, saving_first) if latency_first else (bound_met, saving))
    attempts.append((anything, saving_first))
    chosen = np.full(len(costs.energy), -1, np.intp)
    for allowed, least_energy in attempts:
        open_ = (chosen < 0) & allowed.any(axis=1)
        chosen[open_] = _best(costs, allowed, least_energy)[open_]
    return chosen


def _best(costs: Costs, allowed: NDArray[np.bool_], least_energy: bool) -> NDArray[np.intp]:
    """Find the lowest energy, or the highest accuracy and then the lowest energy."""
    if not least_energy:
        accuracy = np.where(allowed, costs.accuracy, -np.inf)
        allowed = allowed & (accuracy == accuracy.max(axis=1, keepdims=True))
    column: NDArray[np.intp] = np.where(allowed, costs.energy, np.inf).argmin(axis=1)
    return column
