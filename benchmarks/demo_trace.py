"""Make the recording that ``alert demo --recorded`` replays out of the traces of the evaluation.

    python benchmarks/demo_trace.py alert/demo/recorded.npz

The three traditional networks of the task "images", beside memory loops and then beside computing
loops: both recordings whole, under the profile of the first.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import alert

TRACES = Path(__file__).with_name("traces")
ENVIRONMENTS = ("memory", "compute")
MODELS = slice(3)


def profile_of(trace: alert.Trace) -> alert.Profile:
    """Return the profile of the traditional networks alone."""
    whole = trace.profile
    return alert.Profile(
        latency=whole.latency[MODELS],
        power=whole.power[MODELS],
        accuracy=whole.accuracy[MODELS],
        power_caps=whole.power_caps,
        idle_power=whole.idle_power,
        models=whole.models[MODELS],
        origin=whole.origin,
    )


def recording() -> alert.Trace:
    """Put both traces one after the other."""
    parts = [alert.Trace.load(TRACES / f"images-{kind}.npz") for kind in ENVIRONMENTS]
    phases = ("quiet", *ENVIRONMENTS)
    return alert.Trace(
        profile_of(parts[0]),
        np.concatenate([part.latency[:, MODELS] for part in parts]),
        np.concatenate([part.energy[:, MODELS] for part in parts]),
        phase=[phases.index(part.phases[number]) for part in parts for number in part.phase],
        phases=phases,
        task="images",
        environment=", ".join(ENVIRONMENTS),
        seed=parts[0].seed,
        origin=parts[0].origin,
    )


if __name__ == "__main__":
    recording().save(sys.argv[1])
