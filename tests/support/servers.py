"""Servers of models that do what a test wants, on a device that only remembers."""

from __future__ import annotations

import threading
from typing import Any

from simulation import Package

import alert

LONG = 60.0  # seconds: no test takes so long
SOON = 30.0  # that a test waits for what must come


class Board(alert.power.Device):
    """A device that only remembers."""

    kind, can_cap, cap_range, cap = "board", True, (10.0, 40.0), 40.0

    def __init__(self) -> None:
        self.caps: list[float] = []
        self.closed = 0

    def set_cap(self, watts: float, /) -> None:
        self.cap = watts
        self.caps.append(watts)

    def energy(self) -> float | None:
        return None

    def close(self) -> None:
        self.closed += 1


class Gate:
    """A model that runs until the test opens it."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()
        self.seen: list[Any] = []

    def __call__(self, x: Any) -> Any:
        self.seen.append(x)
        self.entered.release()
        assert self.open.wait(SOON)
        return x

    def wait_for_call(self) -> None:
        assert self.entered.acquire(timeout=SOON)


def profile(exits: Any = None) -> alert.Profile:
    """Of one model that takes a microsecond: no machine is too slow for what is asked of it."""
    return alert.Profile(
        [[1e-6]], [[20.0]], [0.8], [20.0], Package.IDLE, models=["net"], exits=exits
    )


def serve(model: Any = lambda x: x, exits: Any = None, **options: Any) -> alert.Server:
    return alert.Server({"net": model}, profile(exits), Board(), **options)
