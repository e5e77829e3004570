"""Cameras, detectors, trackers and profiles of which a watcher can make nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest
from film import Detector
from scene import FRAMES, GOAL, Scene

import alert
from alert import video
from alert.video import Follower, Watcher


def test_a_camera_that_fails_loses_no_work(scene: Scene) -> None:
    def camera() -> Iterator[np.ndarray]:
        yield from FRAMES[:10]
        raise OSError("unplugged")

    with scene.watch(GOAL) as watch:
        with pytest.raises(OSError, match="unplugged"):
            list(watch(camera()))
        assert watch.report().frames == 10
        assert len(list(watch(FRAMES[:8]))) == 8


def test_two_cameras_need_two_watchers(scene: Scene) -> None:
    with scene.watch(GOAL) as watch:
        first = iter(watch(FRAMES[:16]))
        next(first)
        with pytest.raises(RuntimeError, match="in the middle of other frames"):
            list(watch(FRAMES[16:]))
        assert len(list(first)) == 15
        assert watch.report().groups == 2
        assert len(list(watch(FRAMES[16:24]))) == 8


def test_a_watcher_closed_in_its_loop_says_so(scene: Scene) -> None:
    with scene.watch(GOAL) as watch:
        found = watch(FRAMES)
        next(found)
        watch.close()
        with pytest.raises(RuntimeError, match="this Watcher is closed"):
            next(found)
        assert watch.report().frames == 1


@pytest.mark.parametrize(
    ("boxes", "kept", "motion", "said"),
    [
        (np.ones((2, 5)), [0, 99], 0.0, "track of x.*: expected kept to name a box before, of 2"),
        (np.ones((2, 5)), [0], 0.0, "expected kept to name a box before, of 2, for each of the 2"),
        (np.ones((3, 5)), [0, 1, -1], 0.0, "expected kept to name a box before, of 2"),
        (np.ones((2, 5)), [0.0, 1.0], 0.0, "expected kept to name a box before, of 2"),
        (np.full((2, 5), np.nan), [0, 1], 0.0, "expected a finite number, got nan"),
        (np.ones((2, 4)), [0, 1], 0.0, r"expected the shape \(n, 5\), got \(2, 4\)"),
        (np.ones((2, 5)), [0, 1], np.inf, "expected a finite motion, got inf"),
        (None, [0, 1], 0.0, "expected numbers, got NoneType"),
        (np.ones((2, 5)), [0, 1], None, "motion: expected a number, got NoneType"),
    ],
)
def test_a_tracker_that_returns_something_else_is_named(
    scene: Scene, boxes: Any, kept: Any, motion: Any, said: str
) -> None:
    class Odd(Follower):
        def __call__(self, frame: np.ndarray) -> np.ndarray:
            self.kept, self.motion = kept, motion
            return cast(np.ndarray, boxes)

    two = np.array([(10, 10, 40, 80, 1), (50, 10, 80, 80, 1)])
    [branch] = video.branches(lambda frame: two, (1,), (8,), track=Odd)
    with pytest.raises((TypeError, ValueError), match=said):
        list(branch(FRAMES[:2]))


@pytest.mark.parametrize("small", [None, FRAMES[0][:0], FRAMES[0][..., 0]])
def test_what_is_no_frame_after_resizing_is_named(small: Any) -> None:
    [branch] = video.branches(Detector(), (0.5,), (1,), resize=lambda frame, scale: small)
    with pytest.raises(ValueError, match="resize: expected an array of height x width x 3, got"):
        list(branch(FRAMES[:1]))


def test_what_was_seen_before_a_tracker_failed_is_not_learnt_later(scene: Scene) -> None:
    class Fails(Follower):
        def __call__(self, frame: np.ndarray) -> np.ndarray:
            raise RuntimeError("broken")

    scene.branches = video.branches(scene.detector, (1, 0.5), (1, 4, 8), track=Fails)
    with scene.watch(GOAL) as watch:
        with pytest.raises(RuntimeError, match="broken"):
            list(watch(FRAMES[:8]))
        known = watch.content
        assert known is not None
        height = known.height
        known.learn(scene.branches[0])
        assert known.height == height


@pytest.mark.parametrize("bad", [RuntimeError("broken"), np.full((1, 5), np.nan), "boxes"])
def test_nothing_is_learnt_of_a_detector_that_fails(scene: Scene, bad: Any) -> None:
    def detect(frame: np.ndarray) -> Any:
        if len(scene.detector.sizes) > 5:
            if isinstance(bad, Exception):
                raise bad
            return bad
        return scene.detector(frame)

    scene.branches = video.branches(detect, (1, 0.5), (1, 4, 8))
    with scene.watch(GOAL) as watch:
        scene.detector.sizes.clear()
        with pytest.raises((RuntimeError, ValueError, TypeError)):
            list(watch(FRAMES))
        learnt = len(watch.scheduler.history)
        scene.detector.sizes.clear()
        assert len(list(watch(FRAMES[:8]))) == 8
        assert len(watch.scheduler.history) == learnt + 1


def test_frames_that_change_are_refused(scene: Scene) -> None:
    with scene.watch(GOAL) as watch:
        with pytest.raises(ValueError, match="frame 9: expected"):
            list(watch([*FRAMES[:9], FRAMES[9][:100]]))
        assert watch.report().frames == 9


def test_only_profiles_of_branches_are_taken(scene: Scene) -> None:
    plain = alert.Profile(
        latency=[[0.1]], power=[[10]], accuracy=[0.5], power_caps=[10], idle_power=1
    )
    with pytest.raises(ValueError, match=r"profile: expected one that alert\.video\.measure made"):
        Watcher(scene.branches, plain, GOAL)
    with pytest.raises(ValueError, match="branches: expected those of the profile, got none named"):
        Watcher(scene.branches[1:], scene.profile, GOAL)
    with pytest.raises(TypeError, match="goal: expected a Goal, got str"):
        Watcher(scene.branches, scene.profile, "fast")  # type: ignore[arg-type]


SHORT = {"height": 60.0, "motion": 0.1, "f1": [0.5] * 6}


@pytest.mark.parametrize(
    "damage",
    [
        {"quality": {}},
        {"group": "x"},
        {"held": None},
        {"kappa": "x"},
        {"trust": math.nan},
        {"situations": {}},
        {"situations": {"": {**SHORT, "f1": [0.5]}, "other": {**SHORT, "f1": [0.5]}}},
        {"situations": {"": {**SHORT, "after": [["", 1.0, [0.5], [0.5]]]}}},
        {"boxes": None},
        {"boxes": {"profiled": 1.0, "counts": [0], "factors": [[1.0] * 6]}},
        {"boxes": {"profiled": 1.0, "counts": [1, 0], "factors": [[1.0] * 6] * 2}},
        {"boxes": {"profiled": 1.0, "counts": [0, 1], "factors": [[1.0]] * 2}},
        {"boxes": {"profiled": 1.0, "counts": [0, 1], "factors": [[math.nan] * 6] * 2}},
    ],
)
def test_a_damaged_profile_is_named(scene: Scene, damage: dict[str, Any]) -> None:
    video_of = {**scene.profile.origin["video"], **damage}
    missing = dict(scene.profile.origin["video"])
    del missing["situations"]
    for some in (video_of, missing):
        damaged = alert.Profile(
            scene.profile.latency,
            scene.profile.power,
            scene.profile.accuracy,
            scene.profile.power_caps,
            scene.profile.idle_power,
            models=scene.profile.models,
            origin={"video": some},
        )
        with pytest.raises(ValueError, match=r"profile: its origin\['video'\] is damaged"):
            list(Watcher(scene.branches, damaged, GOAL, scene.package)(FRAMES[:8]))
