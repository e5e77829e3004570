"""Trackers take longer for many boxes, and the watcher expects that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from film import Detector, Object, film
from simulation import Machine, Package

import alert
from alert import video
from alert.video import Follower
from alert.video.crowd import COUNTS, Crowd, crowd_of
from alert.video.parts import Moment, parts, step_with

DETECTION, START, STEP, BOX = 0.01, 0.001, 0.002, 0.003  # seconds under the highest cap
PAIR = [Object(10, 30, 30, 70, (1, 0)), Object(100, 60, 30, 70, (1, 0))]
CROWD = [Object(10 + 45 * n, 30 + 80 * m, 24, 60, (1, 0)) for n in range(4) for m in range(2)]


class Scene:
    """A simulated machine with a tracker that takes so long for each box."""

    def __init__(self) -> None:
        self.machine = machine = Machine()
        self.package = Package(machine)

        class Tracker(Follower):
            def __init__(self, frame: np.ndarray, boxes: np.ndarray) -> None:
                machine.work(START)
                super().__init__(frame, boxes)

            def __call__(self, frame: np.ndarray) -> np.ndarray:
                found = super().__call__(frame)
                machine.work(STEP + BOX * len(found))
                return found

        detector = Detector(20, machine.work, DETECTION)
        self.branches = video.branches(detector, (1,), (1, 8), track=Tracker)
        times: dict[str, Any] = {
            "clock": machine.clock,
            "sleep": machine.sleep,
            "idle_seconds": 0.1,
            "power": self.package,
            "power_caps": [40],
        }
        self.profile = video.measure(self.branches, film(PAIR, 16), **times)

    def watch(self, **options: Any) -> video.Watcher:
        goal = alert.Goal.min_energy(deadline=1.0, accuracy=0.01, window=1)
        clock = self.machine.clock
        return video.Watcher(
            self.branches, self.profile, goal, self.package, clock=clock, **options
        )


def test_a_branch_takes_as_much_longer_as_its_steps() -> None:
    scene = Scene()
    crowd = scene.profile.origin["video"]["boxes"]
    assert crowd["profiled"] == 2
    assert crowd["counts"] == [0, 1, 16]
    group = [DETECTION + START + 7 * (STEP + BOX * n) for n in (0, 1, 2, 16)]
    expected = [[1.0, group[n] / group[2]] for n in (0, 1, 3)]
    np.testing.assert_allclose(crowd["factors"], expected, rtol=1e-6)


def test_parts_are_timed_amid_the_objects() -> None:
    """At the ends of its way an object enters or leaves: a tracker loses it at once."""
    frames = film(PAIR, 9)
    boxes = [np.full((n, 5), k) for k, n in enumerate((0, 1, 2, 2, 3, 2, 1, 0, 0))]
    moment = Moment.amid(Scene().branches, frames, boxes)
    assert moment.frame is frames[4]
    assert moment.after is frames[5]
    assert moment.boxes is boxes[4]
    last = Moment.amid([], frames[:1], boxes[4:5])
    assert last.after is frames[0]


def test_factors_lie_on_the_lines_between_what_was_measured() -> None:
    crowd = Crowd(1.0, np.array([0.0, 1.0, 16.0]), np.array([[1.0, 0.4], [1.0, 1.0], [1.0, 4.0]]))
    np.testing.assert_allclose(crowd.factors(), [1.0, 1.0])
    for boxes, factor in ((0.0, 0.4), (0.5, 0.7), (6.0, 2.0), (16.0, 4.0), (31.0, 7.0)):
        for _ in range(50):
            crowd.take(boxes)
        np.testing.assert_allclose(crowd.factors(), [1.0, factor])


def test_more_boxes_never_take_less() -> None:
    """A step with one box is measured as shorter than one with none, by chance."""
    scene = Scene()
    names = [*parts(scene.branches), *(step_with(scene.branches[1], n) for n in COUNTS)]
    seconds = np.array([4.0, 0.0001, 2.0, 2.0, 1.0, 3.0])
    costs = alert.Profile(seconds[:, None], None, [0.5] * 6, [40.0], 0.0, names)
    factors = np.array(crowd_of(scene.branches, 8, costs, 1)["factors"])
    np.testing.assert_allclose(factors[:, 1], [1.0, 1.0, (4.0 + 21.0) / (4.0 + 14.0)], rtol=1e-4)


def test_a_crowd_is_no_slowdown() -> None:
    """Two boxes are followed for less than a detection on every frame takes, eight are not."""
    scene = Scene()
    every_frame, followed = scene.profile.latency[:, 0]
    assert followed < every_frame
    with scene.watch() as watch:
        assert watch.scheduler.decision.model == 1
        list(watch(film(CROWD, 80)))
        assert watch.scheduler.slowdown[0] == pytest.approx(1.0, abs=0.05)
        assert watch.scheduler.decision.model == 0
    with scene.watch(content=False) as watch:
        list(watch(film(CROWD, 80)))
        assert watch.scheduler.slowdown[0] > 2.0
        assert watch.scheduler.decision.model == 1
