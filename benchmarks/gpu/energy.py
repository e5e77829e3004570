"""Compares the joules that alert reads with power x time, and times the counter's steps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise

import gpu_power
import models
import torch
from rows import Row, middle

SECONDS = 4.0  # busy, and idle
SETTLE = 1.0  # before that: the power settles
STEPS = 2.0  # in which the steps of the counter are seen
PERIOD = 0.01  # between two samples of the power


def measure() -> list[Row]:
    """Draw joules, idle and busy, and count them in two ways."""
    network, x = models.family()["large"], models.example()

    def work() -> None:
        with torch.inference_mode():
            network(x)
        torch.cuda.synchronize()

    with gpu_power.Watched() as device:
        idle = _both(device, lambda: time.sleep(PERIOD))
        busy = _both(device, work)
        steps = _steps(device, work)
        rows = [Row("power cap in force, as found", device.cap, "W")]
        for name, (counted, integrated, seconds) in {"idle": idle, "busy": busy}.items():
            rows += [
                Row(f"{name}: joules by the counter / seconds", counted / seconds, "W"),
                Row(f"{name}: mean of the power stated", integrated / seconds, "W"),
                Row(f"{name}: counter / power x time", counted / integrated),
            ]
        rows += [
            Row("step of the counter, busy: median", 1e3 * middle(steps), "ms"),
            Row("step of the counter as the device states it", 1e3 * device.tick, "ms"),
            Row("reading the counter", 1e6 * middle(_cost(device)), "us"),
        ]
    return rows


def _both(device: gpu_power.Watched, do: Callable[[], object]) -> tuple[float, float, float]:
    """Return joules by the counter, joules by sampling the power, and seconds."""
    samples: list[tuple[float, float]] = []
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(PERIOD):
            samples.append((time.perf_counter(), gpu_power.power_now()))

    sampler = threading.Thread(target=sample)
    _until(time.perf_counter() + SETTLE, do)
    sampler.start()
    start, before = time.perf_counter(), device.energy()
    _until(start + SECONDS, do)
    seconds, after = time.perf_counter() - start, device.energy()
    ended.set()
    sampler.join()
    if before is None or after is None:
        raise RuntimeError("the counter could not be read")
    mean = sum(watts for _, watts in samples) / len(samples)
    return after - before, mean * seconds, seconds


def _until(end: float, do: Callable[[], object]) -> None:
    while time.perf_counter() < end:
        do()


def _steps(device: gpu_power.Watched, work: Callable[[], object]) -> list[float]:
    """Return the seconds between two steps of the counter while the GPU works."""
    ended = threading.Event()

    def keep_busy() -> None:
        while not ended.is_set():
            work()

    worker = threading.Thread(target=keep_busy)
    worker.start()
    changes, last, end = [], device.energy(), time.perf_counter() + STEPS
    while (now := time.perf_counter()) < end:
        reading = device.energy()
        if reading != last:
            changes.append(now)
            last = reading
    ended.set()
    worker.join()
    return [b - a for a, b in pairwise(changes)]


def _cost(device: gpu_power.Watched) -> list[float]:
    costs = []
    for _ in range(200):
        start = time.perf_counter()
        device.energy()
        costs.append(time.perf_counter() - start)
    return costs
