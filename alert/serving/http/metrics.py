"""The report of a server for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alert.serving.server import Server

_RESULTS = ("in_time", "late", "refused", "failed", "cancelled")


class ServerCollector(Collector):
    """Collects the report of a server.

    Register it where your application has its own registry:
    ``prometheus_client.REGISTRY.register(ServerCollector(server))``.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of every tenant, and those of the machine."""
        report = self._server.report()
        requests = CounterMetricFamily(
            "alert_requests", "Requests by their result.", labels=("tenant", "result")
        )
        joules = CounterMetricFamily(
            "alert_tenant_joules", "Joules drawn for the outputs.", labels=("tenant",)
        )
        waited = CounterMetricFamily(
            "alert_wait_seconds", "Seconds that requests waited.", labels=("tenant",)
        )
        accuracy = GaugeMetricFamily(
            "alert_accuracy", "Mean accuracy delivered, lateness counted.", labels=("tenant",)
        )
        for tenant in report.tenants:
            in_time = tenant.answered - tenant.late
            counts = (in_time, tenant.late, tenant.refused, tenant.failed, tenant.cancelled)
            for result, count in zip(_RESULTS, counts, strict=True):
                requests.add_metric((tenant.name, result), count)
            joules.add_metric((tenant.name,), tenant.answered and tenant.energy * tenant.answered)
            waited.add_metric((tenant.name,), tenant.answered and tenant.wait * tenant.answered)
            accuracy.add_metric((tenant.name,), tenant.accuracy)
        yield from (requests, joules, waited, accuracy)
        yield GaugeMetricFamily("alert_waiting", "Requests that wait.", report.waiting)
        yield GaugeMetricFamily(
            "alert_price_watts", "Price of a second of the machine.", report.price
        )
        if report.energy is not None:
            text = "Joules drawn by the machine."
            yield CounterMetricFamily("alert_joules", text, report.energy)


def exposition(server: Server) -> tuple[bytes, str]:
    """Return the metrics as Prometheus reads them, and their content type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServerCollector(server))
    return generate_latest(registry), CONTENT_TYPE_LATEST
