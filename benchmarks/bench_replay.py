"""How fast a scheduler runs over a recorded trace.

Run ``python benchmarks/bench_replay.py``: inputs a second on one core for ``method="paper"`` at
5 models x 11 caps, in C and as a loop of `step` in Python, and the gain of a second thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from collections.abc import Callable

import numpy as np
import tables
from rich.console import Console
from rich.table import Table

import alert
from alert.evaluation import OutputTrace

INPUTS = 4096
ROUNDS = 15
REPEATS = 20
GOALS = {
    "min_energy": tables.goal(),
    "max_accuracy": alert.Goal.max_accuracy(deadline=tables.DEADLINE, energy=1.2),
}


def output_trace(profile: alert.Profile) -> OutputTrace:
    """Slowdowns that wander, and jump twice, so that choices change."""
    random = np.random.default_rng(0)
    level = np.repeat([0.0, 0.6, 0.2, 0.9], INPUTS // 4)
    slowdown = np.exp(level + random.normal(0.0, 0.1, INPUTS))
    latency = profile.latency * slowdown[:, None, None]
    return OutputTrace.of(alert.Trace(profile, latency, latency * profile.power))


def replay(goal: alert.Goal, trace: OutputTrace) -> None:
    """Run it in C."""
    scheduler = alert.Scheduler(trace.profile, goal, method="paper", history=0)
    scheduler._replay(trace.latency, trace.energy, trace.idle_power)


def replay_often(goal: alert.Goal, trace: OutputTrace) -> None:
    """Long enough for a thread to be worth starting."""
    for _ in range(REPEATS):
        replay(goal, trace)


def step_through(goal: alert.Goal, latency: list[object], energy: list[object]) -> None:
    """Run it in Python, from nested lists, which are read faster than arrays."""
    profile = tables.profile(5, 11)
    caps = {cap: j for j, cap in enumerate(profile.power_caps.tolist())}
    scheduler = alert.Scheduler(profile, goal, method="paper", history=0)
    decision = scheduler.decision
    for seconds, joules in zip(latency, energy, strict=True):
        model, power_cap = decision
        cap = caps[power_cap]
        decision = scheduler.step(seconds[model][cap], joules[model][cap])  # type: ignore[index]


def seconds(function: Callable[[], object]) -> float:
    """Time one call."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def on_two_threads(function: Callable[[], object]) -> None:
    """Call it twice at once."""
    threads = [threading.Thread(target=function) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measure(goal: alert.Goal) -> dict[str, float]:
    """Medians over the rounds; ratios are taken within a round."""
    trace = output_trace(tables.profile(5, 11))
    lists = trace.latency.tolist(), trace.energy.tolist()
    speeds, gains, speedups = [], [], []
    for _ in range(ROUNDS):
        loop = seconds(lambda: step_through(goal, *lists))
        once = seconds(lambda: replay(goal, trace))
        many = seconds(lambda: replay_often(goal, trace))
        both = seconds(lambda: on_two_threads(lambda: replay_often(goal, trace)))
        speeds.append(INPUTS / once / 1e6)
        gains.append(loop / once)
        speedups.append(2 * many / both)
    names = ("million_inputs_per_second", "loop_over_replay", "two_thread_speedup")
    medians = (statistics.median(values) for values in (speeds, gains, speedups))
    return dict(zip(names, medians, strict=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    results = {name: measure(goal) for name, goal in GOALS.items()}
    if arguments.json:
        print(json.dumps(results, indent=1))
        return
    table = Table(title=f"replay of {INPUTS} inputs, paper, 5 models x 11 caps")
    for title in ("goal", "million inputs / s", "loop of step() / replay", "two threads"):
        table.add_column(title, justify="left" if title == "goal" else "right")
    for name, result in results.items():
        table.add_row(
            name,
            f"{result['million_inputs_per_second']:.1f}",
            f"{result['loop_over_replay']:.1f}",
            f"{result['two_thread_speedup']:.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
