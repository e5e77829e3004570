"""What a Runner adds to an input: everything around the model, and the parts it is made of.

The last two rows are what a person asks of it between inputs.

Run ``python benchmarks/bench_runner.py``. The model does nothing, the power device is the emulated
package, and the cap never changes, so that all the time is the runner's. Every part is timed beside
``math.hypot(a, b)`` in the same round; the table shows medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable

import numpy as np
import tables
import torch
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry
from rich.console import Console
from rich.table import Table
from tqdm.auto import tqdm

import alert
from alert.integrations import opentelemetry, prometheus
from alert.running.models import inference_mode

INPUTS = 2000
ROUNDS = 15


def nothing(x: object) -> object:
    """Stand in for a model."""
    return x


def seconds_per_call(call: Callable[[], object]) -> float:
    """Return the processor time of one call in a plain loop: other work does not count."""
    begin = time.process_time()
    for _ in range(INPUTS):
        call()
    return (time.process_time() - begin) / INPUTS


def exporters(runner: alert.Runner) -> dict[str, Callable[[alert.Outcome], object] | None]:
    """Return what the integrations have a runner call."""
    meter = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False).get_meter("benchmark")
    prometheus.export(runner, registry=CollectorRegistry())
    found = {"runner(x), Prometheus": runner.on_input}
    runner.on_input = None
    opentelemetry.export(runner, meter)
    found["runner(x), OpenTelemetry"] = runner.on_input
    runner.on_input = None
    return found


def measure() -> dict[str, dict[str, float]]:
    """Median microseconds, and ratio to hypot, of the runner and of its parts."""
    goal = alert.Goal.min_energy(deadline=10.0, accuracy=0.5)
    device = alert.power.open("emulated")
    low, high = device.cap_range
    quiet = tables.profile(5, 11)
    caps = np.linspace(low, high, 11)
    profile = alert.Profile(quiet.latency, quiet.power, quiet.accuracy, caps, idle_power=5.0)
    with device, alert.Runner([nothing] * 5, profile, goal, device) as runner:
        scheduler = alert.Scheduler(profile, goal)
        x = torch.zeros(1)

        def enter_and_leave() -> None:
            with inference_mode():
                pass

        def read_twice() -> None:
            device.energy()
            device.energy()

        def begin_and_pace() -> None:
            device.begin()
            device.pace()

        def read_clock() -> None:
            for _ in range(4):
                time.perf_counter()

        hears = {
            "runner(x)": None,
            "runner(x), on_input=": nothing,
            **exporters(runner),
        }

        parts: dict[str, Callable[[], object]] = {
            "math.hypot(a, b)": lambda: math.hypot(0.02, 0.5),
            **dict.fromkeys(hears, lambda: runner(x)),
            "  inference_mode()": enter_and_leave,
            "  energy, read twice": read_twice,
            "  begin() and pace()": begin_and_pace,
            "  clock, read 4 times": read_clock,
            "  step()": lambda: scheduler.step(1e-6, 1e-5),
            "runner.last": lambda: runner.last,
            "runner.history, 1024 inputs": lambda: runner.history,
        }
        rounds: dict[str, list[float]] = {name: [] for name in parts}
        for _ in tqdm(range(ROUNDS), leave=False):
            for name, call in parts.items():
                runner.on_input = hears.get(name)
                rounds[name].append(seconds_per_call(call))
    floor = rounds["math.hypot(a, b)"]
    return {
        name: {
            "us": 1e6 * statistics.median(times),
            "ratio": statistics.median(t / f for t, f in zip(times, floor, strict=True)),
        }
        for name, times in rounds.items()
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    results = measure()
    if arguments.json:
        print(json.dumps(results, indent=1))
        return
    table = Table(title="what a Runner adds to an input")
    table.add_column("")
    table.add_column("µs", justify="right")
    table.add_column("x hypot", justify="right")
    for name, row in results.items():
        table.add_row(name, f"{row['us']:.2f}", f"{row['ratio']:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
