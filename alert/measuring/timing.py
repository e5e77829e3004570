"""Timing models on a power device: runs, medians, and how precise they are."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from alert.power.device import Device
from alert.running.models import Model, Wait, outputs

# Normal quantile of the interval `relative_precision` speaks of: it holds the true median 95 times
# in 100.
_Z = 1.96


@dataclass
class Subject:
    """One model while it is measured."""

    name: str
    model: Model
    accuracy: list[float]  # of its exits; of a traditional model the only one
    anytime: bool
    wait: Wait | None
    fractions: list[list[float]] = field(default_factory=list)  # for each run, one for each exit

    def exits(self) -> list[tuple[float, float]]:
        """List the exits as a profile has them. Fractions do not depend on the cap."""
        medians = [median(runs) for runs in zip(*self.fractions, strict=True)]
        return list(zip(medians, self.accuracy, strict=True))


@dataclass(frozen=True)
class Effort:
    """How much is measured; see `measure_profile`."""

    precision: float
    warmup: int
    max_repeats: int
    max_seconds: float

    def __post_init__(self) -> None:
        if not 0.0 < self.precision < math.inf:
            raise ValueError(f"precision: expected a finite number > 0, got {self.precision!r}")
        for name, least in (("warmup", 0), ("max_repeats", 1), ("max_seconds", 0)):
            value = getattr(self, name)
            if not least <= value < math.inf:
                raise ValueError(f"{name}: expected a finite number >= {least}, got {value!r}")

    def is_enough(self, ascending: Sequence[float], seconds: float, tick: float) -> bool:
        """Tell whether latency, and the energy counted in steps of `tick` seconds, are precise."""
        if len(ascending) >= self.max_repeats or seconds >= self.max_seconds:
            return True
        return tick <= self.precision * seconds and relative_precision(ascending) <= self.precision


@dataclass
class Bench:
    """Runs models as the runner does, and looks at clock and energy."""

    device: Device
    example: Any
    effort: Effort
    clock: Callable[[], float]

    def run(self, subject: Subject) -> list[float]:
        """Run a model once; return the seconds after which each of its outputs was there."""
        wait, pace = subject.wait, self.device.pace
        if wait is not None:
            wait()
        self.device.begin()
        start = self.clock()
        times = []
        try:
            returned = subject.model(self.example)
            for _ in outputs(subject.name, returned) if subject.anytime else (returned,):
                if wait is not None:
                    wait()
                pace()
                times.append(self.clock() - start)
        except BaseException:
            pace()  # books the work done so far
            raise
        if len(times) != len(subject.accuracy):
            raise ValueError(
                f"accuracy[{subject.name!r}]: expected one for each of {len(times)} exits, "
                f"got {len(subject.accuracy)}"
            )
        return times

    def run_for(self, seconds: float, subject: Subject) -> None:
        """Keep the machine busy."""
        until = self.clock() + seconds
        while self.clock() < until:
            self.run(subject)

    def measure(self, subject: Subject) -> tuple[float, float, float]:
        """Return median latency (s), mean power (W; NaN where it is unreadable) and precision."""
        for _ in range(self.effort.warmup):
            self.run(subject)
        ascending: list[float] = []
        begun, before = self.clock(), self.device.energy()
        while True:
            times = self.run(subject)
            insort(ascending, times[-1])
            subject.fractions.append([t / times[-1] for t in times])
            seconds = self.clock() - begun
            if self.effort.is_enough(ascending, seconds, self.device.tick):
                break
        power = _watts(before, self.device.energy(), seconds)
        return median(ascending), power, relative_precision(ascending)

    def idle_power(self, seconds: float, sleep: Callable[[float], object]) -> float | None:
        """Return the watts drawn while nothing runs; None where they cannot be read."""
        begun, before = self.clock(), self.device.energy()
        sleep(seconds)
        power = _watts(before, self.device.energy(), self.clock() - begun)
        return None if math.isnan(power) else power


def relative_precision(ascending: Sequence[float]) -> float:
    """Half the 95 % confidence interval of the median, as a share of the median.

    The interval lies between two of the values themselves and supposes nothing about how they are
    distributed: how many of n lie below the true median is binomial (n, 1/2). Infinite for fewer
    than 6 values.
    """
    n = len(ascending)
    rank = math.floor((n + 1 - _Z * math.sqrt(n)) / 2)
    if rank < 1:
        return math.inf
    return (ascending[n - rank] - ascending[rank - 1]) / 2 / median(ascending)


def _watts(before: float | None, after: float | None, seconds: float) -> float:
    if before is None or after is None or seconds <= 0.0:
        return math.nan
    return (after - before) / seconds
