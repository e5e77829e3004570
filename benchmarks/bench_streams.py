"""What a serving process with thousands of streams pays for each of them.

Run ``python benchmarks/bench_streams.py``: time of a step in `step_many` against a loop of `step`,
the gain of a second thread beside that of a second process (what the machine has to give: virtual
cores may share one), and the memory a scheduler takes beside the profile it shares.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import threading
import time
from multiprocessing.context import ForkProcess
from pathlib import Path

import numpy as np
import tables
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import alert

STREAMS = 4000
CALLS = 200
ROUNDS = 9


def resident_bytes() -> int:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def make_streams(profile: alert.Profile, goals: list[alert.Goal]) -> list[alert.Scheduler]:
    """Schedulers without a trace, which share one profile."""
    return [alert.Scheduler(profile, goal, history=0) for goal in goals]


def memory_per_stream(profile: alert.Profile) -> dict[str, float]:
    """Bytes that a scheduler adds, and a goal of its own, from the growth of the process."""
    shared = [tables.goal()] * (20 * STREAMS)
    before = resident_bytes()
    streams = make_streams(profile, shared)
    middle = resident_bytes()
    goals = [tables.goal() for _ in streams]
    after = resident_bytes()
    return {
        "bytes_per_scheduler": (middle - before) / len(streams),
        "bytes_per_goal": (after - middle) / len(goals),
    }


def run_loop(streams: list[alert.Scheduler], latencies: list[float]) -> None:
    """Step every stream by a call of its own."""
    for stream, latency in zip(streams, latencies, strict=True):
        stream.step(latency, 0.5)


def run_many(streams: list[alert.Scheduler], latencies: NDArray[np.float64]) -> None:
    """Step all streams in one call, CALLS times."""
    energies = np.full(len(streams), 0.5)
    for _ in range(CALLS):
        alert.step_many(streams, latencies, energies)


def run_twice(
    worker: type[threading.Thread] | type[ForkProcess],
    streams: list[alert.Scheduler],
    latencies: NDArray[np.float64],
) -> None:
    """Do the same on two threads or processes, half the streams each."""
    middle = len(streams) // 2
    halves = [(streams[:middle], latencies[:middle]), (streams[middle:], latencies[middle:])]
    workers = [worker(target=run_many, args=half) for half in halves]
    for each in workers:
        each.start()
    for each in workers:
        each.join()


def seconds(function: object, *arguments: object) -> float:
    """Time one call."""
    begin = time.perf_counter()
    function(*arguments)  # type: ignore[operator]
    return time.perf_counter() - begin


def measure() -> dict[str, float]:
    """Medians over the rounds; ratios are taken within a round."""
    profile = tables.profile(5, 11)
    memory = memory_per_stream(profile)
    streams = make_streams(profile, [tables.goal()] * STREAMS)
    latencies = np.random.default_rng(0).uniform(0.01, 0.03, STREAMS)
    as_list = latencies.tolist()
    gains, times = [], []
    speedups: dict[str, list[float]] = {"thread": [], "process": []}
    for _ in range(ROUNDS):
        loop = seconds(run_loop, streams, as_list)
        many = seconds(run_many, streams, latencies) / CALLS
        gains.append(loop / many)
        for name, worker in (("thread", threading.Thread), ("process", ForkProcess)):
            both = seconds(run_twice, worker, streams, latencies) / CALLS
            speedups[name].append(many / both)
        times.append(1e9 * many / STREAMS)
    return {
        "step_many_ns": statistics.median(times),
        "loop_over_many": statistics.median(gains),
        "two_thread_speedup": statistics.median(speedups["thread"]),
        "two_process_speedup": statistics.median(speedups["process"]),
    } | memory


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    result = measure()
    if arguments.json:
        print(json.dumps(result, indent=1))
        return
    table = Table(title=f"{STREAMS} streams, 5 models x 11 caps, one shared profile")
    table.add_column("measure")
    table.add_column("value", justify="right")
    table.add_row("a step in step_many()", f"{result['step_many_ns']:.0f} ns")
    table.add_row("loop of step() / step_many()", f"{result['loop_over_many']:.2f}")
    table.add_row("one thread / two threads", f"{result['two_thread_speedup']:.2f}")
    table.add_row("one process / two processes", f"{result['two_process_speedup']:.2f}")
    table.add_row("memory per scheduler", f"{result['bytes_per_scheduler']:.0f} bytes")
    table.add_row("a goal of its own", f"{result['bytes_per_goal']:.0f} bytes")
    Console().print(table)


if __name__ == "__main__":
    main()
