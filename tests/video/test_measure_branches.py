"""Measuring branches on a simulated machine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from film import HEIGHT, WIDTH, film
from scene import DETECTION, FRAMES, GOAL, START, STEP, TRUTH, Scene

import alert
from alert import video


def test_seconds_of_branches_are_those_of_their_parts(scene: Scene) -> None:
    profile = scene.profile
    expected = []
    for branch in scene.branches:
        detections = math.ceil(8 / branch.every)
        seconds = detections * DETECTION * branch.scale**2
        if branch.every > 1:
            seconds += detections * START + (8 - detections) * STEP
        expected.append(seconds / 8)
    np.testing.assert_allclose(profile.latency[:, 1], expected, rtol=1e-9)
    np.testing.assert_allclose(profile.latency[:, 0], 2 * np.array(expected), rtol=1e-9)
    np.testing.assert_allclose(profile.power, [[20, 40]] * len(expected))
    assert list(profile.models) == [branch.name for branch in scene.branches]


def test_f1_of_branches_is_that_of_running_them(scene: Scene) -> None:
    expected = []
    for branch in scene.branches:
        groups = [branch(FRAMES[start : start + 8]) for start in range(0, 64, 8)]
        shown = [each.boxes for group in groups for each in group]
        reference = [scene.branches[0].detected(frame) for frame in FRAMES]
        expected.append(np.mean([video.f1(*pair) for pair in zip(shown, reference, strict=True)]))
    np.testing.assert_allclose(scene.profile.accuracy, expected)
    assert scene.profile.accuracy[0] == 1.0
    half = scene.profile.accuracy[3]
    assert half == pytest.approx(0.8)  # two of three objects


def test_true_boxes_may_be_given(scene: Scene) -> None:
    lying = [boxes[:1] for boxes in TRUTH]
    profile = scene.measure(truth=lying)
    assert profile.accuracy[0] == pytest.approx(0.5)  # three found, one of them true
    without_score = scene.measure(truth=[boxes[:, :4] for boxes in TRUTH])
    assert without_score.accuracy[0] == pytest.approx(1.0, abs=0.02)


def test_another_branch_may_be_the_reference(scene: Scene) -> None:
    profile = scene.measure(reference="x0.5")
    assert profile.accuracy[list(profile.models).index("x0.5")] == 1.0


def test_every_detector_and_scale_runs_once_on_every_frame(scene: Scene) -> None:
    scene.detector.sizes.clear()
    scene.measure(zooms=(1,))
    full = [size for size in scene.detector.sizes if size == (HEIGHT, WIDTH)]
    timed = 60  # at most: warm-up and repeats under two caps
    assert 64 <= len(full) <= 64 + timed  # not once for each of three intervals


def test_quality_by_height_reaches_to_magnified_objects(scene: Scene) -> None:
    points = scene.profile.origin["video"]["quality"][""]
    seen = np.array(points["heights"])
    assert seen.min() == pytest.approx(26, rel=0.05)  # the small one alone, twice its size, halved
    assert seen.max() == pytest.approx(2 * 70, rel=0.25)
    assert sum(points["weights"]) == 2 * (64 + 22)  # two scales; every third frame is magnified


def test_a_profile_keeps_what_a_watcher_needs(scene: Scene, tmp_path: Path) -> None:
    scene.profile.save(tmp_path / "profile.json")
    scene.profile = alert.Profile.load(tmp_path / "profile.json")
    with scene.watch(GOAL) as watch:
        assert len(list(watch(FRAMES[:10]))) == 10


@pytest.mark.parametrize(
    ("clip", "options", "error", "message"),
    [
        ([], {}, ValueError, "clip: expected at least 8 frames, got 0"),
        (FRAMES[:5], {}, ValueError, "clip: expected at least 8 frames, got 5"),
        ([*FRAMES[:8], FRAMES[0][:9]], {}, ValueError, r"frame 8: expected \(240, 320, 3\) as"),
        (["frame"] * 9, {}, TypeError, "frame 0: expected an array of uint8, got str"),
        ([FRAMES[0] / 255] * 9, {}, TypeError, "frame 0: expected an array of uint8, got float64"),
        ([FRAMES[0][..., 0]] * 9, {}, ValueError, "frame 0: expected height x width x 3, got"),
        (FRAMES[:9], {"truth": TRUTH[:8]}, ValueError, "truth: expected boxes of 9 frames, got 8"),
        (FRAMES[:9], {"reference": "x9"}, ValueError, "reference: expected one of"),
        (
            FRAMES[:9],
            {"truth": TRUTH[:9], "reference": "x1"},
            ValueError,
            "reference: expected none",
        ),
        (FRAMES[:9], {"group": 0}, ValueError, "group: expected an integer >= 1, got 0"),
        (FRAMES[:8], {"group": 9}, ValueError, "clip: expected at least 9 frames, got 8"),
        (
            FRAMES[:9],
            {"zooms": (0.5,)},
            ValueError,
            "zooms: expected numbers from 1 to 16",
        ),
        (
            FRAMES[:9],
            {"zooms": ()},
            ValueError,
            r"zooms: expected some that show objects, got \[\]",
        ),
        ([FRAMES[0]] * 9, {}, ValueError, "clip: expected an array of its own for each frame, got"),
        (film([], 9), {}, ValueError, "clip: expected some objects to measure by"),
    ],
)
def test_bad_clips_and_options_are_named(
    scene: Scene, clip: Any, options: dict[str, Any], error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        video.measure(scene.branches, clip, power=scene.package, **options)


def test_a_camera_that_reuses_its_array_is_no_clip(scene: Scene) -> None:
    """Its frames are all the last one by the time they are measured."""
    buffer = np.empty_like(FRAMES[0])

    def camera() -> Iterator[np.ndarray]:
        for frame in FRAMES[:9]:
            buffer[:] = frame
            yield buffer

    with pytest.raises(ValueError, match="one for frames 0 and 1; yield copies"):
        video.measure(scene.branches, camera(), power=scene.package)


@pytest.mark.parametrize("places", [[8], [1, 4]])
def test_few_frames_with_objects_are_enough(scene: Scene, places: list[int]) -> None:
    truth = [TRUTH[k] if k in places else TRUTH[k][:0] for k in range(9)]
    clock = {"clock": scene.machine.clock, "sleep": scene.machine.sleep, "idle_seconds": 0.1}
    options: dict[str, Any] = {"power": scene.package, "power_caps": [20, 40], **clock}
    profile = video.measure(scene.branches, FRAMES[:9], truth=truth, zooms=(2,), **options)
    assert sum(profile.origin["video"]["quality"][""]["weights"]) == 2  # at two scales


def test_branches_have_names_of_their_own(scene: Scene) -> None:
    for some in ([], [scene.branches[0]] * 2):
        with pytest.raises(ValueError, match="branches: expected branches, each name once"):
            video.measure(some, FRAMES[:9])
    with pytest.raises(TypeError, match="branches: expected branches, got str"):
        video.measure(["x1"], FRAMES[:9])  # type: ignore[list-item]
