"""Informed: knows the phase and its distribution of latencies, but no outcome."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alert.evaluation.costs import Costs, costs
from alert.evaluation.linear_programme import Mixture
from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.result import Replay
from alert.evaluation.schemes.optimum import optimum, replay_of
from alert.evaluation.shared_deadlines import policies
from alert.goal import Goal


def informed(trace: OutputTrace, goal: Goal) -> Replay:
    """Find the optimum among policies that know the phase and its latencies, but no outcome.

    Where inputs share a deadline, it is the best mixture of the policies in
    `alert.evaluation.shared_deadlines`.
    """
    if trace.sharing is None:
        _, row, inputs = np.unique(trace.phase, return_inverse=True, return_counts=True)
        table = _expected(trace, goal, row)
    else:
        runs = policies(trace, goal.deadline, goal.q_fail)
        means = np.array([(r.mean_energy, r.mean_accuracy, 1.0 - r.miss_rate) for r in runs])
        energy, accuracy, met = means.T[:, None, :]
        table = Costs(np.zeros_like(energy), energy, accuracy, met)
        row, inputs = np.zeros(len(trace), np.intp), np.array([len(trace)])
    best = optimum(table, goal, inputs=inputs)
    return replay_of("informed", goal, Mixture(best.cost[row], best.gain[row], best.missed[row]))


def _expected(trace: OutputTrace, goal: Goal, phase: NDArray[np.intp]) -> Costs:
    """Average the costs over each phase; arrays of shape (phases, C)."""
    table = costs(trace, goal.q_fail, goal.deadline)
    arrays = (table.latency, table.energy, table.accuracy, table.met)
    phases = range(int(phase.max()) + 1)
    return Costs(*(np.stack([a[phase == k].mean(axis=0) for k in phases]) for a in arrays))
