"""OpenTelemetry: what a runner does, as metrics. It needs the package opentelemetry-api.

Exported to Prometheus, they have the names and labels of `alert.integrations.prometheus`.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator, Sequence

from opentelemetry.metrics import CallbackOptions, Counter, Meter, Observation

from alert.integrations.watching import BUCKETS, GAUGES, gauges, listen
from alert.running.outcome import Outcome
from alert.running.runner import Runner


class _Instruments:
    """The instruments of all runners in one meter."""

    def __init__(self, meter: Meter, buckets: Sequence[float]) -> None:
        self.latency = meter.create_histogram(
            "alert.latency",
            "s",
            "Latency of the models.",
            explicit_bucket_boundaries_advisory=buckets,
        )

        def counter(name: str, unit: str, text: str) -> Counter:
            return meter.create_counter(f"alert.{name}", unit, text)

        self.energy = counter("energy", "J", "Joules of inputs, by their source.")
        self.late = counter("late", "{input}", "Outputs after their deadline.")
        self.infeasible = counter("infeasible", "{input}", "Inputs for which a bound was given up.")
        self.gauges: dict[str, dict[str, Callable[[], float | None]]] = {}  # by stream
        for name, text in GAUGES.items():
            meter.create_observable_gauge(f"alert.{name}", [self._observer(name)], description=text)

    def _observer(self, name: str) -> Callable[[CallbackOptions], Iterator[Observation]]:
        """Return a function that reads a gauge of every runner, where it is known."""

        def observe(_: CallbackOptions) -> Iterator[Observation]:
            for stream, read in list(self.gauges.items()):
                value = read[name]()
                if value is not None and math.isfinite(value):  # the SDK refuses no cap: infinity
                    yield Observation(value, {"stream": stream})

        return observe


_instruments: weakref.WeakKeyDictionary[Meter, _Instruments] = weakref.WeakKeyDictionary()


def export(
    runner: Runner, meter: Meter, stream: str = "default", *, buckets: Sequence[float] = BUCKETS
) -> None:
    """Count every input of a runner from now on.

    The runner still calls the function that it was given as `on_input`.

    Parameters
    ----------
    runner : Runner
    meter : opentelemetry.metrics.Meter
        Your program sets up the SDK, and so decides where the metrics go. Without one, nothing is
        exported.
    stream : str, default "default"
        Tells this runner from others: the value of the attribute ``stream``.
    buckets : sequence of float, optional
        Upper ends of the buckets of latencies, in seconds. The first runner of a meter sets them.

    Examples
    --------
    >>> from opentelemetry.metrics import get_meter  # doctest: +SKIP
    >>> from alert.integrations import opentelemetry
    >>> opentelemetry.export(runner, get_meter("my.service"), "camera 1")  # doctest: +SKIP
    """
    instruments = _instruments.get(meter)
    if instruments is None:
        instruments = _instruments[meter] = _Instruments(meter, buckets)
    instruments.gauges[stream] = gauges(runner)
    listen(runner, _counter(instruments, stream))


def _counter(instruments: _Instruments, stream: str) -> Callable[[Outcome], None]:
    """Return a function that counts one input."""
    here = {"stream": stream}
    instruments.late.add(0, here)  # a rate needs a first point
    instruments.infeasible.add(0, here)

    def count(outcome: Outcome) -> None:
        instruments.latency.record(outcome.latency, {**here, "model": outcome.model})
        if outcome.energy is not None:
            instruments.energy.add(outcome.energy, {**here, "source": outcome.energy_source})
        if outcome.lateness > 0.0:
            instruments.late.add(1, here)
        if not outcome.decision.feasible:
            instruments.infeasible.add(1, here)

    return count
