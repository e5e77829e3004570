"""Many inputs with contention, faults and goals that change; nothing may grow or go astray.

python tests/support/soak.py [INPUTS] [METHOD]     # 1 000 000 in Python by default, about a minute

Before them everything is made and dropped ten thousand times.
"""

from __future__ import annotations

import gc
import math
import pickle
import sys
from dataclasses import dataclass

import numpy as np

import alert
from alert import power

TRACE = 64
PROFILE = alert.Profile(
    latency=[[0.010, 0.005], [0.040, 0.020], [0.080, 0.040]],
    power=[[10.0, 20.0], [10.0, 20.0], [11.0, 21.0]],
    accuracy=[0.60, 0.70, 0.80],
    power_caps=[10.0, 20.0],
    idle_power=5.0,
    exits={2: [(0.5, 0.65), (1.0, 0.80)]},
)
GOALS = [
    alert.Goal.min_energy(deadline=0.1, accuracy=0.75),
    alert.Goal.max_accuracy(deadline=0.05, energy=1.0),
    alert.Goal.min_energy(deadline=0.06, accuracy=0.69, window=20),
    alert.Goal.max_accuracy(deadline=0.2, energy=0.5, window=5, probability=0.9),
    alert.Goal.min_energy(deadline=0.001, accuracy=1.0, window=1),
]


@dataclass(frozen=True)
class Soaked:
    inputs: int
    refused: int
    goals: int
    grown_bytes: int


def resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def soak(method: str, inputs: int, seed: int = 0) -> Soaked:
    """Drive one scheduler for so many inputs; every decision and the trace are checked."""
    random = np.random.default_rng(seed)
    scheduler = alert.Scheduler(PROFILE, GOALS[0], method=method, history=TRACE)
    refused = goals = 0
    start = 0
    for i in range(inputs):
        if i == inputs // 10:
            start = resident_bytes()
        contention = 1.0 + 2.0 * ((i // 500) % 3 == 1) + 10.0 * (i % 997 == 0)
        model, cap = scheduler.decision
        j = int(np.searchsorted(PROFILE.power_caps, cap))
        latency = float(PROFILE.latency[model, j] * contention * random.lognormal(0.0, 0.1))
        fault = random.random()
        if fault < 0.001:
            scheduler.goal = GOALS[goals % len(GOALS)]
            goals += 1
        elif fault < 0.01:
            try:
                scheduler.step(random.choice([math.nan, -1.0, math.inf]), 1.0)
            except ValueError:
                refused += 1
        energy = None if fault > 0.98 else latency * 15.0
        idle = 4.0 if fault > 0.9 else None
        decision = scheduler.step(latency, energy, idle_power=idle)
        assert decision.power_cap in (10.0, 20.0)
        assert 0 <= decision.model < 3
        assert math.isfinite(decision.latency + decision.energy + decision.accuracy)
        if i % 1009 == 0:
            kept = scheduler.history["input"]
            assert list(kept) == list(range(max(0, i + 1 - TRACE), i + 1))
            assert all(map(math.isfinite, scheduler.slowdown))
    return Soaked(inputs, refused, goals, resident_bytes() - start)


def cycle(method: str) -> None:
    """Make and drop one of everything, used once."""
    arrays = {name: getattr(PROFILE, name) for name in ("latency", "power", "accuracy")}
    profile = alert.Profile(
        **arrays, power_caps=[10.0, 20.0], idle_power=5.0, exits={2: [(0.5, 0.65), (1.0, 0.80)]}
    )
    scheduler = alert.Scheduler(profile, GOALS[2], method=method, history=TRACE)
    scheduler.step(0.02, 0.4)
    other = pickle.loads(pickle.dumps(scheduler))
    alert.step_many([scheduler, other], [0.02, 0.03], None)
    assert len(other.history) == 2
    with power.open("emulated") as device:
        device.set_cap(device.cap_range[1])


def grown_by_cycles(count: int, warm: int = 500) -> int:
    """Bytes that the process has grown by while so many of everything were made and dropped."""
    for i in range(warm + count):
        if i == warm:
            gc.collect()
            start = resident_bytes()
        cycle(alert._core.METHODS[i % len(alert._core.METHODS)])
    gc.collect()
    return resident_bytes() - start


if __name__ == "__main__":
    print("grown by 10000 cycles:", grown_by_cycles(10_000), "bytes")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    for name in sys.argv[2:] or alert._core.METHODS:
        print(name, soak(name, count))
