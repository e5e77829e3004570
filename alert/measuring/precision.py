"""How precise a measurement must be, and how precise it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from alert._arguments import above_zero, at_least, integer

# Normal quantile of the interval in `relative_precision`: it holds the true median 95 times in 100.
_Z = 1.96


@dataclass(frozen=True)
class Precision:
    """When the measurement of one configuration may end; see `alert.Profile.measure`.

    Attributes
    ----------
    share : float
        The `relative_precision` to reach.
    warmup : int
        Runs before those that count.
    max_repeats : int
    max_seconds : float
        Limits after which the measurement ends in any case.
    """

    share: float
    warmup: int
    max_repeats: int
    max_seconds: float

    def __post_init__(self) -> None:
        above_zero("precision", self.share)
        integer("warmup", self.warmup, 0)
        integer("max_repeats", self.max_repeats, 1)
        at_least("max_seconds", self.max_seconds, 0.0)

    def is_reached(self, ascending: Sequence[float], seconds: float, tick: float) -> bool:
        """Tell whether both latency and energy are precise, or a limit is reached.

        Parameters
        ----------
        ascending : sequence of float
            Latencies of the runs so far, sorted.
        seconds : float
            Time that all runs took.
        tick : float
            Seconds between two steps of the energy counter.
        """
        if len(ascending) >= self.max_repeats or seconds >= self.max_seconds:
            return True
        return tick <= self.share * seconds and relative_precision(ascending) <= self.share


def relative_precision(ascending: Sequence[float]) -> float:
    """Return half the 95 % confidence interval of the median, as a share of the median.

    The ends of the interval are two of the values themselves. It holds for any distribution: the
    number of n values below the true median is binomial (n, 1/2). Infinite for fewer than 6 values.
    """
    n = len(ascending)
    rank = math.floor((n + 1 - _Z * math.sqrt(n)) / 2)
    if rank < 1:
        return math.inf
    return (ascending[n - rank] - ascending[rank - 1]) / 2 / median(ascending)
