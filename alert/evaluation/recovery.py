"""Recovery: how soon deadlines are met again after contention has begun."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.result import Replay

LAGS = 30
"""Inputs that are counted after a step."""

LAG = np.dtype([("inputs", np.int64), ("missed", np.int64)])


def empty() -> NDArray[np.void]:
    """Return counts that are all zero."""
    return np.zeros(LAGS, LAG)


def count(lags: NDArray[np.void], trace: OutputTrace, run: Replay, oracle: Replay) -> None:
    """Count the misses 0, 1, 2, ... inputs after each step from quiet to contention.

    Inputs that no configuration could have finished in time are left out.
    """
    busy = ~trace.quiet
    steps = np.flatnonzero(busy[1:] & ~busy[:-1]) + 1
    for step in steps:
        ends = np.flatnonzero(~busy[step:])
        length = min(int(ends[0]) if len(ends) else len(busy) - step, LAGS)
        possible = oracle.missed[step : step + length] == 0.0
        lags["inputs"][:length] += possible
        lags["missed"][:length] += possible & (run.missed[step : step + length] > 0.0)


def inputs_until(lags: NDArray[np.void], rate: float = 0.05) -> int | None:
    """Count the inputs after a step until the miss rate over five inputs is below `rate`.

    Returns None when that does not happen.
    """
    share = lags["missed"] / np.maximum(lags["inputs"], 1)
    for lag in range(LAGS - 4):
        window = lags[lag : lag + 5]
        if share[lag] < rate and window["missed"].sum() < rate * window["inputs"].sum():
            return lag
    return None
