"""The settings to try a scheme in: deadlines, and goals over their whole reachable range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.schemes.informed import informed
from alert.goal import Goal, Objective

DEADLINES = (0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0)
"""Deadlines, as multiples of the mean latency of the largest model."""

LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Places of the bound between the least and the most that is reachable under the deadline."""

# Joules per input that never bind.
_ANY = 1e18


@dataclass(frozen=True)
class Setting:
    """A goal, with the place in the grid that it comes from."""

    deadline_factor: float
    level: float
    goal: Goal


def largest_latency(trace: OutputTrace) -> float:
    """Return the mean latency of the largest model under the highest cap, in seconds."""
    return float(trace.latency[:, :, -1].mean(axis=0).max())


def settings(trace: OutputTrace, objective: Objective, factor: float) -> Iterator[Setting]:
    """List the settings under one deadline, for goals that hold on average over the run.

    The bound goes from the result of the cheapest policy to the result of the most accurate one.
    Both policies know the phase but no outcome ("informed").
    """
    deadline = factor * largest_latency(trace)
    cheapest = informed(trace, Goal.min_energy(deadline, 0.0))
    best = informed(trace, Goal.max_accuracy(deadline, _ANY))
    for level in LEVELS:
        if objective == "min_energy":
            bound = np.interp(level, (0, 1), (cheapest.mean_accuracy, best.mean_accuracy))
            goal = Goal.min_energy(deadline, float(bound))
        else:
            bound = np.interp(level, (0, 1), (cheapest.mean_energy, best.mean_energy))
            goal = Goal.max_accuracy(deadline, float(bound))
        yield Setting(factor, level, goal)
