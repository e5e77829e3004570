"""The outcome of every configuration for an input under a deadline: the oracles know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alert._arguments import Floats
from alert.evaluation.output_trace import OutputTrace


@dataclass(frozen=True, eq=False)
class Costs:
    """Holds the outcomes of C configurations for n inputs, each array of shape (n, C).

    Column c is output ``c % R`` under cap ``c // R``; of equal columns the first is taken. An
    anytime model runs up to that exit and no further.

    Attributes
    ----------
    latency : ndarray
        Seconds.
    energy : ndarray
        Joules, idle time up to the deadline included.
    accuracy : ndarray
        Of the last output that is out by the deadline, else q_fail.
    met : ndarray
        True where an output is out by the deadline.
    """

    latency: Floats
    energy: Floats
    accuracy: Floats
    met: NDArray[Any]


def rest(deadline: Floats, latency: Floats) -> Floats:
    """Return the seconds from an output to its deadline; without a deadline there are none."""
    return np.where(deadline < np.inf, np.maximum(deadline - latency, 0.0), 0.0)


def costs(
    trace: OutputTrace,
    q_fail: float,
    deadline: float | Floats,
    inputs: NDArray[np.intp] | slice = slice(None),
) -> Costs:
    """Compute the costs of `inputs` under `deadline` seconds (one for all, or one each)."""
    latency = trace.latency[inputs].swapaxes(1, 2)
    due = np.reshape(deadline, (-1, 1, 1))
    idle = trace.idle_power * rest(due, latency)
    energy = trace.energy[inputs].swapaxes(1, 2) + idle
    met = latency <= due
    accuracy = np.where(met, trace.accuracy[inputs][:, None, :], q_fail)
    for row in np.flatnonzero(trace.exit > 0):  # where an exit is late, the one before counts
        late = ~met[:, :, row]
        accuracy[:, :, row] = np.where(late, accuracy[:, :, row - 1], accuracy[:, :, row])
        met[:, :, row] |= met[:, :, row - 1]
    flat = (len(latency), -1)
    return Costs(
        latency.reshape(flat), energy.reshape(flat), accuracy.reshape(flat), met.reshape(flat)
    )
