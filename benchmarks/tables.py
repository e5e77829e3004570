"""Profiles of any size for the benchmarks, and the C program that steps through them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

import alert

ROOT = Path(__file__).resolve().parent.parent
DEADLINE = 0.1
ACCURACY = 0.7


def profile(models: int, caps: int, seed: int = 0) -> alert.Profile:
    """Models of 5 to 50 ms under caps of 10 to 50 W, by the law of the emulated package.

    Larger models are more accurate and slower; a higher cap is faster and draws more.
    """
    random = np.random.default_rng(seed)
    power_caps = np.linspace(10.0, 50.0, caps)
    frequency = ((power_caps - 8.0) / 42.0) ** (1 / 2.4)
    size = (np.arange(models) + random.uniform(size=models)) / models
    latency = (0.005 + 0.045 * size)[:, None] * (0.75 / frequency + 0.25)
    power = power_caps * random.uniform(0.8, 1.0, size=(models, 1))
    accuracy = 0.5 + 0.3 * (np.arange(models) + 1) / models
    return alert.Profile(latency, power, accuracy, power_caps, idle_power=8.0)


def goal() -> alert.Goal:
    """Return the goal every benchmark of a decision uses."""
    return alert.Goal.min_energy(deadline=DEADLINE, accuracy=ACCURACY)


def write_for_c(table: alert.Profile, path: Path) -> None:
    """Write a profile and the goal in the form that step_core.c reads."""
    header = (*table.latency.shape, 0, DEADLINE, ACCURACY, table.idle_power)
    arrays = (table.latency, table.power, table.accuracy, table.power_caps)
    np.concatenate([np.array(header, float), *(array.ravel() for array in arrays)]).tofile(path)


def build_step_core(directory: Path, *flags: str) -> Path:
    """Compile the decision core and step_core.c into one program."""
    program = directory / "step_core"
    sources = sorted(str(path) for path in (ROOT / "csrc" / "core").glob("**/*.c"))
    command = [
        "cc",
        "-std=c11",
        "-O3",
        "-flto=auto",
        "-ffp-contract=off",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-fno-tree-slp-vectorize",
        *flags,
        "-I",
        str(ROOT / "csrc"),
    ]
    command += [str(ROOT / "benchmarks" / "step_core.c"), *sources, "-lm", "-o", str(program)]
    subprocess.run(command, check=True)
    return program
