"""The Runner on three CUDA models: a stream of inputs, a third of it beside another process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gpu_power
import models
import numpy as np
import torch
from rows import Row
from torch import nn

import alert

INPUTS = 300
DEADLINE = 1.5  # times the latency of the largest model
SECONDS = 3.0  # at most, to measure one model
ANY_ENERGY = 1e9  # joules of an input: no bound


def measure() -> list[Row]:
    """Run a stream under two goals, and with the largest model alone."""
    networks, x = models.family(), models.example()
    with gpu_power.Watched() as device, contention() as contend:
        profile = alert.Profile.measure(
            networks, x, accuracy=models.ACCURACY, power=device, max_seconds=SECONDS, progress=False
        )
        deadline = DEADLINE * float(profile.latency.max())
        rows = [Row(f"{n}: latency, profiled", 1e3 * s, "ms") for n, s in _latency(profile)]
        rows += [Row(f"{n}: power, profiled", w, "W") for n, w in _power(profile)]
        rows += [
            Row("idle power, profiled", profile.idle_power, "W"),
            Row("deadline and period", 1e3 * deadline, "ms"),
        ]
        best = alert.Goal.max_accuracy(deadline, ANY_ENERGY)
        cheap = alert.Goal.min_energy(deadline, models.ACCURACY["medium"])
        large = list(networks)[-1]
        runs: dict[str, tuple[dict[str, nn.Module], alert.Profile, alert.Goal]] = {
            "best model in time": (networks, profile, best),
            "least energy, accuracy 0.76": (networks, profile, cheap),
            "always large": ({large: networks[large]}, profile.subset([large]), best),
        }
        for name, (offered, part, goal) in runs.items():
            rows += _stream(name, alert.Runner(offered, part, goal, device), deadline, x, contend)
    return rows


def _latency(profile: alert.Profile) -> Iterator[tuple[str, float]]:
    return zip(profile.models, profile.latency[:, -1].tolist(), strict=True)


def _power(profile: alert.Profile) -> Iterator[tuple[str, float]]:
    return zip(profile.models, profile.power[:, -1].tolist(), strict=True)


def _stream(
    name: str, runner: alert.Runner, period: float, x: torch.Tensor, contend: Any
) -> list[Row]:
    """Run inputs that come at a steady pace; the middle third has company."""
    with runner:
        runner.warmup(x)
        due = time.perf_counter()
        for t in range(INPUTS):
            contend(INPUTS // 3 <= t < 2 * INPUTS // 3)
            due = max(due + period, time.perf_counter())  # an input that waits is not the model's
            time.sleep(max(due - time.perf_counter(), 0.0))
            runner(x)
        contend(False)
        history, report = runner.history, runner.report()
    late = ~history["met"]
    rows = [
        Row(f"{name}: joules per input", (report.energy or 0.0) / INPUTS, "J"),
        Row(f"{name}: overhead of the runner", 1e6 * report.overhead, "us"),
    ]
    for phase, inputs in zip(("alone", "contended", "alone again"), _thirds(), strict=True):
        told = f"{name}, {phase}"
        rows += [
            Row(f"{told}: late", 100 * float(late[inputs].mean()), "%"),
            Row(f"{told}: accuracy", float(history["accuracy"][inputs].mean())),
            Row(
                f"{told}: latency, median", 1e3 * float(np.median(history["latency"][inputs])), "ms"
            ),
        ]
    return rows


def _thirds() -> list[slice]:
    third = INPUTS // 3
    return [slice(0, third), slice(third, 2 * third), slice(2 * third, None)]


@contextmanager
def contention() -> Iterator[Any]:
    """Start another process on the GPU, and yield what lets it run or stops it."""
    program = [sys.executable, str(Path(__file__).with_name("contender.py"))]
    other = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
    running = False

    def switch(on: bool) -> None:
        nonlocal running
        if on != running:
            other.send_signal(signal.SIGCONT if on else signal.SIGSTOP)
            running = on

    try:
        assert other.stdout is not None
        if other.stdout.readline().strip() != "ready":
            raise RuntimeError(f"the contender did not start: exit status {other.wait()}")
        yield switch
    finally:
        other.kill()
        other.wait()
