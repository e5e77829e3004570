"""Clairvoyant: knows the whole trace."""

from __future__ import annotations

import numpy as np

from alert.evaluation.costs import Costs, costs
from alert.evaluation.linear_programme import Groups
from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.result import Replay
from alert.evaluation.schemes.optimum import optimum, replay_of
from alert.goal import Goal


def clairvoyant(trace: OutputTrace, goal: Goal) -> Replay:
    """Find the optimum for a goal that holds on average, knowing the whole trace.

    Where inputs share a deadline, the result is a bound and may lie below the true optimum. The
    inputs of a group then need to keep the deadline only together.
    """
    if trace.sharing is None:
        table, groups = costs(trace, goal.q_fail, goal.deadline), None
    else:
        table, groups = _shared(trace, goal)
    return replay_of("clairvoyant", goal, optimum(table, goal, groups))


def _shared(trace: OutputTrace, goal: Goal) -> tuple[Costs, Groups | None]:
    """List the costs of every output in time, and in a last column of none.

    Let r be the idle power and T the deadline of each input. The idle time of a group costs
    r (sum of T - sum of latency), or more when the deadline is missed.
    """
    assert trace.sharing is not None
    n, _, caps = trace.latency.shape
    latency = trace.latency.swapaxes(1, 2).reshape(n, -1)
    active = trace.energy.swapaxes(1, 2).reshape(n, -1)
    energy = active + trace.idle_power * (goal.deadline - latency)
    none = np.zeros((n, 1))
    table = Costs(
        latency=np.hstack([latency, none]),
        energy=np.hstack([energy, energy.min(axis=1, keepdims=True)]),
        accuracy=np.hstack([np.tile(trace.accuracy, (1, caps)), none + goal.q_fail]),
        met=np.hstack([np.ones_like(latency), none]),
    )
    starts = trace.starts
    budget = goal.deadline * trace.sharing[starts].astype(np.float64)
    return table, Groups(table.latency, starts, budget)
