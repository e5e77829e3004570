"""Clairvoyant and Informed: how low the cost of a goal that holds on average can be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alert.evaluation.costs import Costs, costs
from alert.evaluation.recording import Recording
from alert.evaluation.result import MISSES_ALLOWED, Replay
from alert.evaluation.schemes.linear_programme import Groups, Mixture, Programme
from alert.evaluation.shared_deadlines import ladder
from alert.goal import Goal


def clairvoyant(recording: Recording, goal: Goal) -> Replay:
    """Know the whole trace: the optimum when the goal holds on average over it.

    Where inputs share a deadline it is a bound that may lie below what can be reached: the inputs
    of a group in time need only keep it together, in whatever shares.
    """
    if recording.sharing is None:
        table, groups = costs(recording, goal.q_fail, goal.deadline), None
    else:
        table, groups = _shared(recording, goal)
    return _replay("clairvoyant", goal, _optimum(table, goal, groups))


def informed(recording: Recording, goal: Goal) -> Replay:
    """Know the phase and how every configuration's latency is distributed in it, not the outcome.

    The optimum among policies that choose by the phase alone. Where inputs share a deadline, the
    best mix of policies that weigh what is expected under what is left of it (see `ladder`).
    """
    if recording.sharing is None:
        _, row, inputs = np.unique(recording.phase, return_inverse=True, return_counts=True)
        table = _expected(recording, goal, row)
    else:
        runs = ladder(recording, goal.deadline, goal.q_fail)
        means = np.array([(r.mean_energy, r.mean_accuracy, 1.0 - r.miss_rate) for r in runs])
        energy, accuracy, met = means.T[:, None, :]
        table = Costs(np.zeros_like(energy), energy, accuracy, met)
        row, inputs = np.zeros(len(recording), np.intp), np.array([len(recording)])
    best = _optimum(table, goal, inputs=inputs)
    return _replay("informed", goal, Mixture(best.cost[row], best.gain[row], best.missed[row]))


def _expected(recording: Recording, goal: Goal, phase: NDArray[np.intp]) -> Costs:
    """Average the costs over each phase; arrays of shape (phases, C)."""
    table = costs(recording, goal.q_fail, goal.deadline)
    arrays = (table.latency, table.energy, table.accuracy, table.met)
    phases = range(int(phase.max()) + 1)
    return Costs(*(np.stack([a[phase == k].mean(axis=0) for k in phases]) for a in arrays))


def _shared(recording: Recording, goal: Goal) -> tuple[Costs, Groups | None]:
    """Every output in time, and in a last column none.

    With r watts of idle power and a deadline T for each input, a group's idle time costs
    r (sum of T - sum of latency), or more where the deadline is missed.
    """
    assert recording.sharing is not None
    n, _, caps = recording.latency.shape
    latency = recording.latency.swapaxes(1, 2).reshape(n, -1)
    active = recording.energy.swapaxes(1, 2).reshape(n, -1)
    energy = active + recording.idle_power * (goal.deadline - latency)
    none = np.zeros((n, 1))
    table = Costs(
        latency=np.hstack([latency, none]),
        energy=np.hstack([energy, energy.min(axis=1, keepdims=True)]),
        accuracy=np.hstack([np.tile(recording.accuracy, (n, caps)), none + goal.q_fail]),
        met=np.hstack([np.ones_like(latency), none]),
    )
    starts = recording.starts
    budget = goal.deadline * recording.sharing[starts].astype(np.float64)
    return table, Groups(table.latency, starts, budget)


def _optimum(
    table: Costs,
    goal: Goal,
    groups: Groups | None = None,
    inputs: NDArray[np.intp] | None = None,
) -> Mixture:
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
        groups=groups,
    ).solve()
    return Mixture(best.cost / weight, best.gain / weight, best.missed / weight)


def _replay(scheme: str, goal: Goal, best: Mixture) -> Replay:
    saving = goal.objective == "min_energy"
    energy, accuracy = (best.cost, best.gain) if saving else (-best.gain, -best.cost)
    return Replay(scheme, goal, energy, accuracy, best.missed)
