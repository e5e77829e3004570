"""Prometheus: what a runner does, as metrics. It needs the package prometheus-client.

The metrics carry the label ``stream``, so that several runners of a process stay apart.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Sequence

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from alert.integrations.watching import BUCKETS, GAUGES, gauges, listen
from alert.running.outcome import Outcome
from alert.running.runner import Runner


class _Metrics:
    """The metrics of all runners in one registry."""

    def __init__(self, registry: CollectorRegistry, buckets: Sequence[float]) -> None:
        self.latency = Histogram(
            "alert_latency_seconds",
            "Latency of the models.",
            ["stream", "model"],
            registry=registry,
            buckets=buckets,
        )

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"alert_{name}", text, ["stream", *labels], registry=registry)

        self.energy = counter("energy_joules", "Joules of inputs, by their source.", "source")
        self.late = counter("late", "Outputs after their deadline.")
        self.infeasible = counter("infeasible", "Inputs for which a bound was given up.")
        self.gauges = {
            name: Gauge(f"alert_{name}", text, ["stream"], registry=registry)
            for name, text in GAUGES.items()
        }


_metrics: weakref.WeakKeyDictionary[CollectorRegistry, _Metrics] = weakref.WeakKeyDictionary()


def export(
    runner: Runner,
    stream: str = "default",
    *,
    registry: CollectorRegistry = REGISTRY,
    buckets: Sequence[float] = BUCKETS,
) -> None:
    """Count every input of a runner from now on.

    The runner still calls the function that it was given as `on_input`.

    Parameters
    ----------
    runner : Runner
    stream : str, default "default"
        Tells this runner from others: the value of the label ``stream``.
    registry : prometheus_client.CollectorRegistry, optional
        By default the one that ``prometheus_client.start_http_server`` serves.
    buckets : sequence of float, optional
        Upper ends of the buckets of latencies, in seconds. The first runner of a registry sets
        them.

    Examples
    --------
    >>> from prometheus_client import start_http_server  # doctest: +SKIP
    >>> from alert.integrations import prometheus
    >>> prometheus.export(runner, "camera 1")  # doctest: +SKIP
    >>> start_http_server(8000)  # doctest: +SKIP
    """
    metrics = _metrics.get(registry)
    if metrics is None:
        metrics = _metrics[registry] = _Metrics(registry, buckets)
    for name, read in gauges(runner).items():
        metrics.gauges[name].labels(stream).set_function(_or_nan(read))
    listen(runner, _counter(metrics, runner, stream))


def _or_nan(read: Callable[[], float | None]) -> Callable[[], float]:
    """Have NaN stand for what is unknown."""

    def value() -> float:
        known = read()
        return math.nan if known is None else known

    return value


def _counter(metrics: _Metrics, runner: Runner, stream: str) -> Callable[[Outcome], None]:
    """Return a function that counts one input. Looking labels up takes longer than counting."""
    latency = {
        name: metrics.latency.labels(stream, name) for name in runner.scheduler.profile.models
    }
    energy = {
        source: metrics.energy.labels(stream, source)
        for source in ("measured", "blended", "profile")
    }
    late, infeasible = metrics.late.labels(stream), metrics.infeasible.labels(stream)

    def count(outcome: Outcome) -> None:
        latency[outcome.model].observe(outcome.latency)
        if outcome.energy is not None:
            energy[outcome.energy_source].inc(outcome.energy)
        if outcome.lateness > 0.0:
            late.inc()
        if not outcome.decision.feasible:
            infeasible.inc()

    return count
