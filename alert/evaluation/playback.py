"""Replays of a trace with choices that no scheduler made."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from alert import _core
from alert._arguments import Floats
from alert.evaluation.costs import Costs, costs, rest
from alert.evaluation.output_trace import OutputTrace
from alert.goal import Goal

Choose = Callable[[NDArray[np.intp], Floats, Costs], NDArray[np.intp]]
"""Takes inputs, their deadlines and their costs; returns one column of the costs for each input."""


def play(trace: OutputTrace, goal: Goal, choose: Choose) -> NDArray[np.void]:
    """Run every input on the configuration that `choose` names, and return the outcomes.

    Inputs that share a deadline each get what is left of it, divided by the inputs left.
    """
    outcomes = np.zeros(len(trace), _core.OUTCOME)
    sharing = trace.sharing
    left = None if sharing is None else goal.deadline * sharing[trace.starts]
    for k, inputs in enumerate(trace.rounds()):
        if sharing is None or left is None:
            deadline = np.full(len(inputs), goal.deadline)
        else:
            going = sharing[trace.starts] > k
            deadline = np.maximum(left[going] / sharing[inputs], 0.0)
        table = costs(trace, goal.q_fail, deadline, inputs)
        column = choose(inputs, deadline, table)
        out = _outcomes(trace, table, column, deadline)
        if sharing is not None and left is not None:
            left[going] -= out["latency"]
            idle = trace.idle_power * rest(deadline, out["latency"])
            out["energy"] -= np.where(sharing[inputs] > 1, idle, 0.0)
        outcomes[inputs] = out
    return outcomes


def _outcomes(
    trace: OutputTrace, table: Costs, column: NDArray[np.intp], deadline: Floats
) -> NDArray[np.void]:
    cap, output = np.divmod(column, len(trace.model))
    at = np.arange(len(column)), column
    out = np.zeros(len(column), _core.OUTCOME)
    out["model"], out["cap"] = trace.model[output], cap
    out["exit"] = out["stopped"] = trace.exit[output]
    out["deadline"], out["latency"], out["energy"] = deadline, table.latency[at], table.energy[at]
    out["accuracy"], out["met"] = table.accuracy[at], table.met[at]
    out["probability"], out["feasible"] = np.nan, True
    out["done"] = out["latency"] <= deadline
    return out
