"""Good arguments to spoil, and the end of the message that must follow."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import alert

GOOD: dict[str, Any] = {
    "latency": [[0.04, 0.02], [0.08, 0.05]],
    "power": [[10.0, 20.0], [11.0, 21.0]],
    "accuracy": [0.6, 0.8],
    "power_caps": [10.0, 20.0],
    "idle_power": 5.0,
    "models": ["small", "large"],
    "exits": {"large": [(0.5, 0.7), (1.0, 0.8)]},
}
PROFILE = alert.Profile(**GOOD)
GOAL = alert.Goal.min_energy(deadline=0.1, accuracy=0.5)


def got(number: float) -> str:
    """The end of a message: a whole number is shown without a point."""
    return f"got {number:.12g}$"


BAD_SECONDS = [math.nan, math.inf, -math.inf, 0.0, -1.0, 2e9]


def running() -> alert.Scheduler:
    """A scheduler in mid-run, a traditional model pending."""
    scheduler = alert.Scheduler(PROFILE, replace(GOAL, window=5), overhead=0.001, history=3)
    for latency in (0.03, 0.05, 0.04, 0.02):
        scheduler.step(latency, 1.0, idle_power=4.0)
    assert scheduler.decision.exit is None
    return scheduler
