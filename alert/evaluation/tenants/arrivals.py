"""Requests that arrive at random: who comes when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alert._arguments import Floats
from alert.goal import Goal
from alert.serving.bounds import Bounds

# Bursts: the rate is so many times the mean, for a second on average; then there are two seconds
# of calm.
_HOT, _CALM = 2.2, 0.4
_HOT_SECONDS, _CALM_SECONDS = 1.0, 2.0


@dataclass(frozen=True)
class Kind:
    """A tenant of the simulation: its share of the requests, and its goal."""

    name: str
    share: float
    goal: Goal


KINDS = (
    Kind("camera", 0.4, Bounds(max_latency=0.1).goal()),
    Kind("archive", 0.4, Bounds(max_latency=0.4, min_accuracy=0.765).goal()),
    Kind("battery", 0.2, Bounds(max_latency=0.25, max_energy=0.8).goal()),
)
"""A camera that wants the best in time, an archive that wants accuracy, a tenant on a battery."""


@dataclass(frozen=True)
class Arrivals:
    """Requests in the order in which they come.

    Attributes
    ----------
    time : ndarray, shape (n,)
        Seconds.
    tenant : ndarray of int, shape (n,)
        Index into `KINDS`.
    """

    time: Floats
    tenant: NDArray[np.int64]

    def with_flood(self, rate: float) -> Arrivals:
        """Add requests of the first tenant alone, `rate` a second during the middle third."""
        n = len(self.time)
        low, high = self.time[n // 3], self.time[2 * n // 3]
        extra = np.linspace(low, high, int(rate * (high - low)), endpoint=False)
        time = np.concatenate((self.time, extra))
        tenant = np.concatenate((self.tenant, np.zeros(len(extra), np.int64)))
        order = np.argsort(time, kind="stable")
        return Arrivals(time[order], tenant[order])


def draw(rate: float, bursty: bool, n: int, seed: int, kinds: Sequence[Kind] = KINDS) -> Arrivals:
    """Draw n arrivals of a Poisson process, or of one whose rate jumps."""
    random = np.random.default_rng(seed)
    time, left, hot = 0.0, 2.0, False
    found: list[float] = []
    while len(found) < n:
        burst = (_HOT if hot else _CALM) if bursty else 1.0
        gap = random.exponential(1.0 / (rate * burst))
        if bursty and gap > left:
            time += left
            hot = not hot
            left = random.exponential(_HOT_SECONDS if hot else _CALM_SECONDS)
            continue
        left -= gap
        time += gap
        found.append(time)
    tenant = random.choice(len(kinds), n, p=[kind.share for kind in kinds])
    return Arrivals(np.array(found), tenant)
