"""Running models with an eye on the clock and the energy counter."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from alert.measuring.models import MeasuredModel
from alert.measuring.precision import Precision, relative_precision
from alert.power.device import Device
from alert.running.models import Call, check_output, outputs


@dataclass
class Stopwatch:
    """Runs models on a power device as the runner does, and measures them."""

    device: Device
    clock: Callable[[], float]

    def run(self, model: MeasuredModel, call: Call) -> list[float]:
        """Run a model once; return the seconds until each of its outputs."""
        pace = self.device.pace
        model.load()
        model.done()
        self.device.begin()
        start = self.clock()
        times = []
        try:
            returned = call(model.model)
            for output in outputs(model.name, returned) if model.anytime else (returned,):
                check_output(model.name, output)
                model.done.of(output)
                pace()
                times.append(self.clock() - start)
        except BaseException:
            pace()  # accounts for the work so far
            raise
        if len(times) != len(model.accuracy):
            raise ValueError(
                f"accuracy[{model.name!r}]: expected one for each of {len(times)} exits, "
                f"got {len(model.accuracy)}"
            )
        return times

    def run_for(self, seconds: float, model: MeasuredModel, call: Call) -> None:
        """Keep the machine busy with a model."""
        until = self.clock() + seconds
        while self.clock() < until:
            self.run(model, call)

    def measure(
        self, model: MeasuredModel, call: Call, precision: Precision
    ) -> tuple[float, float, float]:
        """Run a model until it is measured precisely.

        Returns
        -------
        latency : float
            Median, in seconds.
        power : float
            Mean, in watts; NaN where the energy cannot be read.
        precision : float
            `relative_precision` of the latency.
        """
        for _ in range(precision.warmup):
            self.run(model, call)
        ascending: list[float] = []
        begun, before = self.clock(), self.device.energy()
        while True:
            times = self.run(model, call)
            insort(ascending, times[-1])
            model.fractions.append([t / times[-1] for t in times])
            seconds = self.clock() - begun
            if precision.is_reached(ascending, seconds, self.device.tick):
                break
        power = _watts(before, self.device.energy(), seconds)
        return median(ascending), power, relative_precision(ascending)

    def latency(self, model: MeasuredModel, call: Call, precision: Precision) -> float:
        """Return the median latency of another example than the one that a profile is of."""
        runs = len(model.fractions)
        seconds, _, _ = self.measure(model, call, precision)
        del model.fractions[runs:]
        return seconds

    def idle_power(self, seconds: float, sleep: Callable[[float], object]) -> float | None:
        """Return the watts drawn while nothing runs; None where they cannot be read."""
        begun, before = self.clock(), self.device.energy()
        if before is None:
            return None
        sleep(seconds)
        power = _watts(before, self.device.energy(), self.clock() - begun)
        return None if math.isnan(power) else max(power, 0.0)


def _watts(before: float | None, after: float | None, seconds: float) -> float:
    if before is None or after is None or seconds <= 0.0:
        return math.nan
    return (after - before) / seconds
