"""Metrics of a runner, collected by the reader of OpenTelemetry's own SDK."""

from __future__ import annotations

import gc
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from needs import require
from simulation import Bench

import alert

require("opentelemetry.sdk")

from opentelemetry.metrics import Meter, NoOpMeterProvider  # noqa: E402
from opentelemetry.sdk.metrics import MeterProvider  # noqa: E402
from opentelemetry.sdk.metrics.export import (  # noqa: E402
    HistogramDataPoint,
    InMemoryMetricReader,
    NumberDataPoint,
)

from alert.integrations import opentelemetry  # noqa: E402

ACCURATE = alert.Goal.min_energy(deadline=0.2, accuracy=0.7)
Points = dict[tuple[object, ...], NumberDataPoint | HistogramDataPoint]


class Collector:
    """A meter, and what was counted with it."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)
        self.meter: Meter = self.provider.get_meter("tests")

    def points(self) -> Points:
        """Collect points by the names of their metrics and the values of their attributes."""
        data = self.reader.get_metrics_data()
        metrics = data.resource_metrics[0].scope_metrics[0].metrics if data else []
        return {
            (metric.name, *(point.attributes or {}).values()): point
            for metric in metrics
            for point in metric.data.data_points
            if isinstance(point, NumberDataPoint | HistogramDataPoint)
        }

    def values(self) -> dict[tuple[object, ...], float]:
        return {k: p.value for k, p in self.points().items() if isinstance(p, NumberDataPoint)}


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.provider.shutdown()


def test_a_reader_sees_what_the_runner_did(collector: Collector) -> None:
    bench = Bench(ACCURATE)
    opentelemetry.export(bench.runner, collector.meter)
    for contention in (1.0, 1.0, 1.5, 20.0, 30.0):
        bench.machine.contention = contention
        bench.runner("x")
    points, values, history = collector.points(), collector.values(), bench.runner.history
    late, infeasible = int((history["lateness"] > 0).sum()), int((~history["feasible"]).sum())
    assert late > infeasible > 0
    latency = points["alert.latency", "default", "large"]
    assert isinstance(latency, HistogramDataPoint)
    assert latency.count == (history["model"] == 1).sum()
    assert latency.sum == pytest.approx(history["latency"][history["model"] == 1].sum())
    below = latency.explicit_bounds.index(0.2)
    assert (
        sum(latency.bucket_counts[: below + 1])
        == (history["latency"][history["model"] == 1] <= 0.2).sum()
    )
    joules = values["alert.energy", "default", "measured"]
    assert joules == pytest.approx(history["energy"].sum())
    assert values["alert.late", "default"] == late
    assert values["alert.infeasible", "default"] == infeasible
    assert values["alert.power_cap", "default"] == history["power_cap"][-1]
    assert values["alert.slowdown", "default"] == bench.runner.scheduler.slowdown[0]
    assert values["alert.goal_kept", "default"] == float(bool(bench.runner.report().verdict.kept))
    page = Path(__file__).parents[2] / "docs" / "howto" / "opentelemetry.md"
    told = re.findall(r"^\| `(alert\.\w+)` \|", page.read_text("utf-8"), re.MULTILINE)
    assert sorted(told) == sorted({str(name) for name, *_ in points})


def test_what_is_not_known_is_left_out(collector: Collector) -> None:
    bench = Bench()
    bench.package.readable = False
    opentelemetry.export(bench.runner, collector.meter)
    names = {name for name, *_ in collector.values()}
    assert names == {"alert.late", "alert.infeasible", "alert.slowdown"}  # before the first input
    bench.runner("x")
    names = {name for name, *_ in collector.values()}
    assert "alert.goal_kept" in names
    assert "alert.energy" not in names


def test_no_cap_is_left_out(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    profile = alert.Profile([[0.02]], [[10.0]], [0.8], [None], 5.0)
    with alert.Runner([lambda x: x], profile, ACCURATE, power="none") as runner:
        opentelemetry.export(runner, collector.meter)
        runner("x")
        assert ("alert.power_cap", "default") not in collector.values()
    assert caplog.records == []  # the SDK complains of infinity


def test_runners_of_a_meter_stay_apart_and_say_so_once(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = Bench(), Bench(ACCURATE)
    with caplog.at_level(logging.WARNING):
        opentelemetry.export(first.runner, collector.meter, "first")
        opentelemetry.export(second.runner, collector.meter, "second")
    assert caplog.records == []  # the SDK complains of instruments that are made twice
    first.runner("x")
    second.runner("x")
    second.runner("x")
    counts = {
        k: p.count for k, p in collector.points().items() if isinstance(p, HistogramDataPoint)
    }
    assert counts == {
        ("alert.latency", "first", "small"): 1,
        ("alert.latency", "second", "large"): 2,
    }
    assert {stream for _, stream, *_ in collector.values()} == {"first", "second"}


def test_the_function_of_the_user_is_still_called(collector: Collector) -> None:
    heard: list[alert.Outcome] = []
    bench = Bench(on_input=heard.append)
    opentelemetry.export(bench.runner, collector.meter)
    bench.runner("x")
    assert heard == [bench.runner.last]
    assert ("alert.latency", "default", "small") in collector.points()


def test_metrics_do_not_keep_a_runner_alive(collector: Collector) -> None:
    bench = Bench()
    opentelemetry.export(bench.runner, collector.meter)
    bench.runner("x")
    del bench
    gc.collect()
    assert ("alert.slowdown", "default") not in collector.values()
    assert ("alert.latency", "default", "small") in collector.points()


def test_a_program_without_the_sdk_runs_as_before() -> None:
    bench = Bench()
    opentelemetry.export(bench.runner, NoOpMeterProvider().get_meter("tests"))
    assert bench.runner("x") == ("small", "x")
