"""Prometheus: what a runner does, as metrics. It needs the package prometheus-client.

The metrics carry the label ``stream``, so that several runners of a process stay apart.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Sequence

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from alert.running.outcome import Outcome
from alert.running.runner import Runner
from alert.running.verdict import Verdict

BUCKETS = tuple(m * 10.0**e for e in range(-4, 2) for m in (1.0, 2.0, 5.0))
"""Upper ends of the buckets of latencies, by default: 0.1 ms to 50 s."""


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

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"alert_{name}", text, ["stream"], registry=registry)

        self.energy = counter("energy_joules", "Joules of inputs, by their source.", "source")
        self.late = counter("late", "Outputs after their deadline.")
        self.infeasible = counter("infeasible", "Inputs for which a bound was given up.")
        self.power_cap = gauge("power_cap", "Cap of the last input, in its unit; +Inf for none.")
        self.slowdown = gauge("slowdown", "Estimated latency, relative to the profile.")
        self.kept = gauge("goal_kept", "1 where the goal is kept, else 0; NaN without a bound.")


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
    _show_state(metrics, runner, stream)
    count, before = _counter(metrics, runner, stream), runner.on_input

    def both(outcome: Outcome) -> None:
        count(outcome)
        if before is not None:
            before(outcome)

    runner.on_input = count if before is None else both


def _show_state(metrics: _Metrics, runner: Runner, stream: str) -> None:
    """Have a scrape read the slowdown and the verdict; a runner that is gone has none."""
    known = weakref.ref(runner)

    def slowdown() -> float:
        there = known()
        return math.nan if there is None else there.scheduler.slowdown[0]

    def kept() -> float:
        there = known()
        verdict = None if there is None else Verdict.of(there.scheduler).kept
        return math.nan if verdict is None else float(verdict)

    metrics.slowdown.labels(stream).set_function(slowdown)
    metrics.kept.labels(stream).set_function(kept)


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
    power_cap = metrics.power_cap.labels(stream)

    def count(outcome: Outcome) -> None:
        latency[outcome.model].observe(outcome.latency)
        if outcome.energy is not None:
            energy[outcome.energy_source].inc(outcome.energy)
        if outcome.lateness > 0.0:
            late.inc()
        if not outcome.decision.feasible:
            infeasible.inc()
        power_cap.set(math.inf if outcome.power_cap is None else outcome.power_cap)

    return count
