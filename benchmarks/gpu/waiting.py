"""What waiting for the GPU costs the CPU, and how late the end is seen."""

# mypy: allow-untyped-calls

from __future__ import annotations

import time
from collections.abc import Callable

import models
import torch
from rows import Row, high, middle

from alert.running.completion import Completion

RUNS = 60
SIZE = 2048  # of the matrices that are multiplied
MILLISECONDS = (0.3, 1.0, 5.0, 20.0)  # of work on the GPU
SLEPT = 0.9  # of the expected time, less the margin
MARGIN = 1e-4  # seconds
NAPS = (2e-5, 5e-5)  # seconds between two looks

Wait = Callable[[float], None]
"""Takes the seconds until the work is expected to be done, and returns when it is."""


def measure() -> list[Row]:
    """Compare ways of waiting on works of several lengths, in turn."""
    a = torch.randn(SIZE, SIZE, device=models.DEVICE, dtype=torch.bfloat16)
    once = _seconds_of(lambda: a @ a)
    rows = []
    for milliseconds in MILLISECONDS:
        times = max(round(1e-3 * milliseconds / once), 1)

        def work(times: int = times) -> None:
            for _ in range(times):
                a @ a

        expected = _seconds_of(work)
        found: dict[str, list[tuple[float, float, float]]] = {}
        for _ in range(RUNS):
            for name, wait in _waits().items():
                found.setdefault(name, []).append(_run(work, expected, wait))
        for name, runs in found.items():
            cpu, wall, late = (list(column) for column in zip(*runs, strict=True))
            at = f"{milliseconds:g} ms, {name}"
            rows += [
                Row(f"{at}: CPU / wall time while waiting", sum(cpu) / sum(wall)),
                Row(f"{at}: seen late, median", 1e6 * middle(late), "us"),
                Row(f"{at}: seen late, 95th percentile", 1e6 * high(late), "us"),
            ]
    return rows


def _seconds_of(work: Callable[[], object]) -> float:
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    times = []
    for _ in range(10):
        begin.record()
        work()
        end.record()
        end.synchronize()
        times.append(1e-3 * begin.elapsed_time(end))
    return middle(times)


def _run(work: Callable[[], None], expected: float, wait: Wait) -> tuple[float, float, float]:
    """Return CPU and wall seconds of one wait, and how long after the GPU it ended."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start = time.perf_counter()
    begin.record()
    work()
    end.record()
    cpu, launched = time.process_time(), time.perf_counter()
    wait(expected - (launched - start))
    done = time.perf_counter()
    cpu = time.process_time() - cpu
    torch.cuda.synchronize()
    return cpu, done - launched, done - start - 1e-3 * begin.elapsed_time(end)


def _waits() -> dict[str, Wait]:
    spinning, blocking = torch.cuda.Event(), torch.cuda.Event(blocking=True)
    completion = Completion("a callable", print)

    def spin(expected: float) -> None:
        spinning.record()
        spinning.synchronize()

    def block(expected: float) -> None:
        blocking.record()
        blocking.synchronize()

    def sleep_then_spin(expected: float) -> None:
        spinning.record()
        if SLEPT * expected > 2 * MARGIN:
            time.sleep(SLEPT * expected - MARGIN)
        spinning.synchronize()

    def naps_of(seconds: float) -> Wait:
        def nap(expected: float) -> None:
            spinning.record()
            while not spinning.query():
                time.sleep(seconds)

        return nap

    naps = {f"naps of {1e6 * seconds:g} us": naps_of(seconds) for seconds in NAPS}
    return {
        "spin": spin,
        "block": block,
        "sleep, then spin": sleep_then_spin,
        **naps,
        "alert": lambda expected: completion(),
    }
