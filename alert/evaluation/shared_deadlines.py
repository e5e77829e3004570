"""Policies that know a phase's distribution of latencies, for inputs that share a deadline.

How much of its sentence's deadline a word leaves is not known beforehand, so no single table can be
optimised. Instead a policy looks at the time that is left when the word's turn comes. It weighs the
expected energy and the expected accuracy of every configuration. The weight of accuracy goes from
nothing to everything.
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from alert._arguments import Floats
from alert.evaluation.costs import Costs, costs
from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.playback import play
from alert.evaluation.result import Replay
from alert.goal import Goal

# Expectations are computed for these deadlines, in multiples of the goal's. A deadline in between
# counts as the next lower one.
_DEADLINES = np.concatenate(([0.0], np.geomspace(0.05, 1.0, 60), np.geomspace(1.04, 10.0, 60)))

# Weights of accuracy, in multiples of (largest difference in cost / largest difference in gain).
_WEIGHTS = np.concatenate(([0.0], np.geomspace(1e-3, 1e3, 40), [1e9]))


@lru_cache(maxsize=4)
def policies(trace: OutputTrace, deadline: float, q_fail: float) -> list[Replay]:
    """Run the policies, from the cheapest to the most accurate."""
    goal = Goal.min_energy(deadline, 0.0, q_fail=q_fail)
    energy, accuracy = _expected(trace, deadline, q_fail)
    scale = np.ptp(energy) / max(np.ptp(accuracy), np.finfo(float).tiny)
    scores = (energy - weight * scale * accuracy for weight in _WEIGHTS)
    choices = (partial(_choose, trace, score, deadline) for score in scores)
    return [Replay.of("informed", goal, play(trace, goal, choose)) for choose in choices]


def _expected(trace: OutputTrace, deadline: float, q_fail: float) -> tuple[Floats, Floats]:
    """Compute mean energy and accuracy, shape (phases, deadlines, C)."""
    phases = np.unique(trace.phase)
    energy, accuracy = [], []
    for phase in phases:
        inputs = np.flatnonzero(trace.phase == phase)
        tables = [costs(trace, q_fail, d * deadline, inputs) for d in _DEADLINES]
        energy.append([table.energy.mean(axis=0) for table in tables])
        accuracy.append([table.accuracy.mean(axis=0) for table in tables])
    return np.array(energy), np.array(accuracy)


def _choose(
    trace: OutputTrace,
    score: Floats,
    deadline: float,
    inputs: NDArray[np.intp],
    left: Floats,
    _: Costs,
) -> NDArray[np.intp]:
    phase = np.searchsorted(np.unique(trace.phase), trace.phase[inputs])
    place = np.searchsorted(_DEADLINES * deadline, left, side="right") - 1
    column: NDArray[np.intp] = score[phase, place].argmin(axis=1)
    return column
