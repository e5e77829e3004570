"""A film, and a simulated machine that watches it with a detector that misses small objects."""

from __future__ import annotations

from typing import Any

import numpy as np
from film import Detector, Object, film, true_boxes
from simulation import Machine, Package

import alert
from alert import video
from alert.video import Follower, Watcher

PERIOD = 0.1
DETECTION, START, STEP = 0.08, 0.002, 0.004  # seconds under the highest cap, of full size
WALKERS = [
    Object(10, 30, 30, 70, (3, 0)),
    Object(250, 115, 36, 84, (-3, 0)),
    Object(130, 205, 12, 26),  # too small for a detector that sees half of it
]
FRAMES = film(WALKERS, 64)
TRUTH = [true_boxes(WALKERS, number) for number in range(64)]
GOAL = alert.Goal.min_energy(deadline=PERIOD, accuracy=0.7)


class Scene:
    """A simulated machine with a detector that misses what is less than 20 pixels high."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.package = Package(self.machine)
        self.detector = Detector(20, self.machine.work, DETECTION)
        machine = self.machine

        class Tracker(Follower):
            def __init__(self, frame: np.ndarray, boxes: np.ndarray) -> None:
                machine.work(START)
                super().__init__(frame, boxes)

            def __call__(self, frame: np.ndarray) -> np.ndarray:
                machine.work(STEP)
                return super().__call__(frame)

        self.branches = video.branches(self.detector, (1, 0.5), (1, 4, 8), track=Tracker)
        self.profile = self.measure()

    def measure(self, **options: Any) -> alert.Profile:
        clock = {"clock": self.machine.clock, "sleep": self.machine.sleep, "idle_seconds": 0.1}
        times: dict[str, Any] = {"power": self.package, "power_caps": [20, 40], **clock}
        return video.measure(self.branches, FRAMES, **times, **options)

    def watch(self, goal: alert.Goal, **options: Any) -> Watcher:
        clock = self.machine.clock
        return Watcher(self.branches, self.profile, goal, self.package, clock=clock, **options)
