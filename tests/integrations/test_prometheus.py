"""Metrics of a runner, scraped over HTTP."""

from __future__ import annotations

import gc
import math
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from needs import require
from simulation import CHEAP, Bench

import alert

require("prometheus_client")

from prometheus_client import CollectorRegistry, start_http_server  # noqa: E402
from prometheus_client.parser import text_string_to_metric_families  # noqa: E402

from alert.integrations import prometheus  # noqa: E402
from alert.integrations.watching import gauges  # noqa: E402
from alert.running.live import look  # noqa: E402

ACCURATE = alert.Goal.min_energy(deadline=0.2, accuracy=0.7)


def scrape(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    """Fetch the metrics as Prometheus does; samples by name and labels."""
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics") as page:
            text = page.read().decode()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    return {
        (sample.name, *(v for k, v in sorted(sample.labels.items()) if k != "stream")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("stream") == "default"
    }


def test_a_scrape_shows_what_the_runner_did() -> None:
    registry, bench = CollectorRegistry(), Bench(ACCURATE)
    prometheus.export(bench.runner, registry=registry)
    for contention in (1.0, 1.0, 1.5, 4.0):
        bench.machine.contention = contention
        bench.runner("x")
    shown, history = scrape(registry), bench.runner.history
    late = int((history["lateness"] > 0).sum())
    assert late > 0
    assert shown["alert_latency_seconds_count", "large"] == 4
    assert shown["alert_latency_seconds_sum", "large"] == pytest.approx(history["latency"].sum())
    below = int((history["latency"] <= 0.2).sum())
    assert shown["alert_latency_seconds_bucket", "0.2", "large"] == below
    assert shown["alert_latency_seconds_count", "small"] == 0
    assert shown["alert_energy_joules_total", "measured"] == pytest.approx(history["energy"].sum())
    assert shown[("alert_late_total",)] == late
    assert shown[("alert_infeasible_total",)] == (~history["feasible"]).sum()
    assert shown[("alert_power_cap",)] == history["power_cap"][-1]
    assert shown[("alert_slowdown",)] == pytest.approx(bench.runner.scheduler.slowdown[0])
    assert shown[("alert_goal_kept",)] == float(bool(bench.runner.report().verdict.kept))


def test_the_cap_is_that_of_the_last_input_of_any_thread() -> None:
    bench = Bench()
    bench.runner("x")
    mine = bench.runner.history["power_cap"][-1]
    with ThreadPoolExecutor(1) as pool:
        pool.submit(bench.runner, "x", deadline=0.001).result()
    last = bench.runner.history["power_cap"][-1]
    assert last != mine
    assert gauges(bench.runner)["power_cap"]() == last
    [stream] = look(bench.runner, "camera").streams
    assert stream.power_cap == last


def test_what_is_not_known_is_no_number() -> None:
    registry, bench = CollectorRegistry(), Bench()
    bench.package.readable = False
    prometheus.export(bench.runner, registry=registry)
    assert math.isnan(scrape(registry)[("alert_goal_kept",)])  # before the first input
    bench.runner("x")
    assert scrape(registry)["alert_energy_joules_total", "profile"] == 0


def test_runners_of_a_process_stay_apart() -> None:
    registry, first, second = CollectorRegistry(), Bench(), Bench(ACCURATE)
    prometheus.export(first.runner, "first", registry=registry)
    prometheus.export(second.runner, registry=registry)
    first.runner("x")
    second.runner("x")
    second.runner("x")
    assert scrape(registry)["alert_latency_seconds_count", "large"] == 2
    found = registry.get_sample_value(
        "alert_latency_seconds_count", {"stream": "first", "model": "small"}
    )
    assert found == 1


def test_what_is_no_runner_is_refused() -> None:
    scheduler: Any = Bench(ACCURATE).runner.scheduler
    with pytest.raises(TypeError, match="runner: expected a Runner, got TurnScheduler"):
        prometheus.export(scheduler, registry=CollectorRegistry())


def test_the_function_of_the_user_is_still_called() -> None:
    heard: list[alert.Outcome] = []
    bench = Bench(on_input=heard.append)
    registry = CollectorRegistry()
    prometheus.export(bench.runner, registry=registry)
    bench.runner("x")
    assert heard == [bench.runner.last]
    assert scrape(registry)["alert_latency_seconds_count", "small"] == 1


def test_metrics_do_not_keep_a_runner_alive() -> None:
    registry, bench = CollectorRegistry(), Bench(CHEAP)
    prometheus.export(bench.runner, registry=registry)
    bench.runner("x")
    del bench
    gc.collect()
    assert math.isnan(scrape(registry)[("alert_slowdown",)])
