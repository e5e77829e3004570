"""What a decision costs, as a ratio to a trivial C call that parses two floats.

Run ``python benchmarks/bench_step.py``. Every round times ``math.hypot(a, b)``, ``step()`` from
Python and ``alert_scheduler_step()`` from C by each method, and the decision of the paper's method
in NumPy and in pure Python, one after the other; the table shows the median over the rounds of each
time divided by hypot's time of the same round. All loops have the same form, and drop the result;
"kept" is a loop that still has the last result when it asks for the next. What is measured back is
the profiled latency of what was chosen, slowed down by a factor of 0.8 to 1.2. NumPy and pure
Python are checked to choose what ``step()`` chooses. With one configuration there is nothing to
choose: that row is what learning and the call cost.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tables
from rich.console import Console
from rich.table import Table
from scipy.special import ndtr
from tqdm.auto import tqdm

import alert
from alert._core import METHODS

SIZES = ((1, 1), (5, 11), (10, 10), (10, 40), (5, 400), (40, 2), (40, 50), (100, 100), (250, 400))
STEPS = 2000
ROUNDS = 15

COLUMNS = {
    **{name: f"step(), {name}" for name in METHODS},
    "kept": "kept, calibrated",
    **{f"{name}_in_c": f"C alone, {name}" for name in METHODS},
    "numpy": "NumPy + SciPy",
    "python": "pure Python",
}

Step = Callable[[float, float], object]


class NumpyScheduler:
    """The same filter and choice over whole arrays."""

    def __init__(self, profile: alert.Profile, goal: alert.Goal) -> None:
        self.p, self.goal, self.c = profile, goal, alert.constants("paper")
        self.filter = Filter(self.c)
        self.choice = (0, 0)
        self.step(None, 0.0)

    def step(self, latency: float | None, energy: float) -> tuple[int, int]:
        """Learn from one latency and choose by scanning everything."""
        p, deadline = self.p, self.goal.deadline
        if latency is not None:
            self.filter.update(latency / p.latency[self.choice])
        run = self.filter.mean * p.latency
        spread = math.sqrt(self.filter.variance) * p.latency
        accuracy = p.accuracy[:, None] * ndtr((deadline - run) / spread)
        joules = p.power * run + p.idle_power * np.maximum(deadline - run, 0.0)
        enough = accuracy >= self.goal.bound
        best = np.argmin(np.where(enough, joules, np.inf)) if enough.any() else accuracy.argmax()
        model, cap = divmod(int(best), p.latency.shape[1])
        self.choice = (model, cap)
        return self.choice


class PythonScheduler:
    """The same filter and choice in a loop over all configurations."""

    def __init__(self, profile: alert.Profile, goal: alert.Goal) -> None:
        self.goal, self.c, self.idle = goal, alert.constants("paper"), profile.idle_power
        self.filter = Filter(self.c)
        self.latency, self.power = profile.latency.tolist(), profile.power.tolist()
        self.accuracy = profile.accuracy.tolist()
        self.choice = (0, 0)
        self.step(None, 0.0)

    def step(self, latency: float | None, energy: float) -> tuple[int, int]:
        """Learn from one latency and choose by scanning everything."""
        if latency is not None:
            model, cap = self.choice
            self.filter.update(latency / self.latency[model][cap])
        mean, spread = self.filter.mean, math.sqrt(2.0 * self.filter.variance)
        deadline, bound, erfc = self.goal.deadline, self.goal.bound, math.erfc
        cheapest, most_accurate = (math.inf, 0, 0), (-1.0, 0, 0)
        for i, row in enumerate(self.latency):
            q, powers = self.accuracy[i], self.power[i]
            for j, t in enumerate(row):
                run = mean * t
                accuracy = 0.5 * q * erfc((run - deadline) / (spread * t))
                if accuracy >= bound:
                    joules = powers[j] * run + self.idle * max(deadline - run, 0.0)
                    cheapest = min(cheapest, (joules, i, j))
                most_accurate = max(most_accurate, (accuracy, i, j))
        _, *chosen = cheapest if cheapest[0] < math.inf else most_accurate
        self.choice = (chosen[0], chosen[1])
        return self.choice


class Filter:
    """The slowdown filter of `method="paper"`."""

    def __init__(self, c: dict[str, float]) -> None:
        self.c = c
        self.mean, self.variance, self.gain = c["mu0"], c["s2_0"], c["k0"]
        self.noise, self.innovation = c["q0"], 0.0

    def update(self, ratio: float) -> None:
        """Follow one measured / profiled latency."""
        c = self.c
        moved = self.gain * self.innovation
        self.noise = max(c["q0"], c["alpha"] * self.noise + (1 - c["alpha"]) * moved * moved)
        self.variance = (1 - self.gain) * self.variance + self.noise
        self.gain = self.variance / (self.variance + c["r"])
        self.innovation = ratio - self.mean
        self.mean += self.gain * self.innovation


def check_agreement(profile: alert.Profile, goal: alert.Goal, latencies: list[float]) -> None:
    """Assert that all three choose alike, so that their times mean the same."""
    core = alert.Scheduler(profile, goal, method="paper")
    others = (NumpyScheduler(profile, goal), PythonScheduler(profile, goal))
    for latency in latencies[:50]:
        model, power_cap = core.step(latency, 0.5)
        chosen = (model, int(np.searchsorted(profile.power_caps, power_cap)))
        for other in others:
            if other.step(latency, 0.5) != chosen:
                raise AssertionError(f"{type(other).__name__} chose {other.choice}, not {chosen}")


def measured_back(
    profile: alert.Profile, goal: alert.Goal, method: str, factors: list[float]
) -> list[float]:
    """Latencies of what the method chooses, on a machine that is slowed down by `factors`."""
    scheduler = alert.Scheduler(profile, goal, method=method)
    latencies = []
    for factor in factors:
        model, power_cap = scheduler.decision
        cap = int(np.searchsorted(profile.power_caps, power_cap))
        latencies.append(float(profile.latency[model, cap]) * factor)
        scheduler.step(latencies[-1], 0.5)
    return latencies


def time_loop(step: Step, latencies: list[float]) -> float:
    """Seconds one call takes in a plain loop."""
    begin = time.perf_counter()
    for latency in latencies:
        step(latency, 0.5)
    return (time.perf_counter() - begin) / len(latencies)


def time_kept(step: Step, latencies: list[float]) -> float:
    """Seconds one call takes while the last result is still there."""
    begin = time.perf_counter()
    kept: object = None
    for latency in latencies:
        kept = step(latency, 0.5)
    del kept
    return (time.perf_counter() - begin) / len(latencies)


def time_core(program: Path, data: Path, method: int) -> float:
    """Seconds a step takes from C."""
    command = [str(program), str(data), str(method), "20000", "1"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return 1e-9 * float(out)


def measure(models: int, caps: int, directory: Path, program: Path) -> dict[str, float]:
    """Median ratios to hypot for one size, and hypot's own nanoseconds."""
    profile, goal = tables.profile(models, caps), tables.goal()
    data = directory / f"{models}x{caps}.bin"
    tables.write_for_c(profile, data)
    factors = np.random.default_rng(1).uniform(0.8, 1.2, STEPS).tolist()
    inputs = {name: measured_back(profile, goal, name, factors) for name in METHODS}
    check_agreement(profile, goal, inputs["paper"])
    few = inputs["paper"][: max(5, 20_000 // (models * caps))]
    ratios: dict[str, list[float]] = {name: [] for name in COLUMNS}
    floors = []
    for _ in tqdm(range(ROUNDS), desc=f"{models} x {caps}", leave=False):
        floor = time_loop(math.hypot, inputs["paper"])
        floors.append(floor)
        times = {
            "numpy": time_loop(NumpyScheduler(profile, goal).step, few),
            "python": time_loop(PythonScheduler(profile, goal).step, few),
        }
        for method, name in enumerate(METHODS):
            step = alert.Scheduler(profile, goal, method=name).step
            times[name] = time_loop(step, inputs[name])
            times[f"{name}_in_c"] = time_core(program, data, method)
        step = alert.Scheduler(profile, goal).step
        times["kept"] = time_kept(step, inputs["calibrated"])
        for name, seconds in times.items():
            ratios[name].append(seconds / floor)
    result = {name: statistics.median(values) for name, values in ratios.items()}
    return {**result, "hypot_ns": 1e9 * statistics.median(floors)}


def main() -> None:
    """Measure all sizes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        program = tables.build_step_core(directory)
        results = {size: measure(*size, directory, program) for size in SIZES}
    if arguments.json:
        print(json.dumps({f"{m}x{c}": result for (m, c), result in results.items()}, indent=1))
        return
    table = Table(title="one decision, as a multiple of math.hypot(a, b)")
    for heading in ("models x caps", *COLUMNS.values(), "hypot"):
        table.add_column(heading, justify="right")
    for (models, caps), r in results.items():
        cells = [f"{r[name]:.3g}" for name in COLUMNS]
        table.add_row(f"{models} x {caps}", *cells, f"{r['hypot_ns']:.0f} ns")
    Console().print(table)


if __name__ == "__main__":
    main()
