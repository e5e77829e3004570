"""A laboratory where profiles are measured on a simulated machine."""

from __future__ import annotations

from typing import Any

from simulation import CAPS, SECONDS, Machine, Network, Package

import alert


class Lab:
    """A simulated machine with its package and the two usual models."""

    def __init__(self, *, tick: float = 0.0) -> None:
        self.machine = Machine()
        self.package = Package(self.machine, tick=tick)
        self.models: dict[str, Any] = {
            name: Network(self.machine, name, seconds) for name, seconds in SECONDS.items()
        }
        self.accuracy: dict[str, Any] = {"small": 0.6, "large": 0.8}

    def measure(self, **options: Any) -> alert.Profile:
        arguments = {
            "accuracy": self.accuracy,
            "power": self.package,
            "power_caps": CAPS,
            "progress": False,
            "clock": self.machine.clock,
            "sleep": self.machine.sleep,
            **options,
        }
        return alert.Profile.measure(arguments.pop("models", self.models), "x", **arguments)
