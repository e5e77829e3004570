"""Recordings of branches: which groups are drawn, what a trace says of them, scenes."""

from __future__ import annotations

from inspect import signature

import numpy as np
import pytest
from film import HEIGHT, WIDTH, Detector, Object, film, true_boxes

import alert
from alert.video import branches, f1, measure
from alert.video.recording import PROFILED, Recording
from alert.video.scenes import AS_FILMED, CHANGING, Scene
from alert.video.study import Study

WALKERS = [Object(110, 70, 16, 40, (1, 0)), Object(200, 115, 20, 44, (-1, 0))]
FRAMES = film(WALKERS, 100)
GROUP = 4


def recording(**options: object) -> Recording:
    some = branches(Detector(least=30), scales=(1, 0.5), every=(1, GROUP))
    study = Study(some, FRAMES, zooms=(1,), progress=False, **options)  # type: ignore[arg-type]
    return Recording(study)


def of_parts(names: list[str], n: int) -> alert.Trace:
    """Return a trace of parts: part i takes i + 1 ms under the highest cap, later inputs more."""
    caps = np.array([10.0, 20.0])
    quiet = (np.arange(len(names)) + 1.0)[:, None] * 1e-3 * np.array([2.0, 1.0])
    latency = quiet + np.arange(n)[:, None, None] * 1e-4
    profile = alert.Profile(
        latency=quiet,
        power=np.tile(caps, (len(names), 1)),
        accuracy=[0.5] * len(names),
        power_caps=caps,
        idle_power=5.0,
        models=names,
    )
    return alert.Trace(profile, latency, latency * caps, task="video", seed=3)


def test_groups_follow_each_other_and_come_again_a_frame_later() -> None:
    made = recording()
    made.moments(30, seed=0)
    starts = [start for _, start in made.drawn]
    in_a_pass = (50 - GROUP + 1) // GROUP
    assert starts[:in_a_pass] == [GROUP * k for k in range(in_a_pass)]
    assert starts[in_a_pass : 2 * in_a_pass] == [GROUP * k + 1 for k in range(in_a_pass)]
    assert len(set(starts)) == 30
    assert max(starts) + GROUP <= 50


def test_a_trace_holds_what_branches_take_and_find() -> None:
    made = recording()
    made.moments(13, seed=0)
    names = list(made.parts)
    trace = made.trace(of_parts(names, 13))
    detection, start, step, small = (trace_of(names, 13)[:, k] for k in range(4))
    expected = {
        "x1": detection,
        "x1, every 4": (detection + start + 3 * step) / 4,
        "x0.5": small,
        "x0.5, every 4": (small + start + 3 * step) / 4,
    }
    assert list(trace.profile.models) == list(expected)
    for row, seconds in enumerate(expected.values()):
        np.testing.assert_allclose(trace.latency[:, row], seconds)
        np.testing.assert_allclose(trace.energy[:, row], seconds * [10.0, 20.0])
    assert trace.accuracy is not None
    for group, (_, first) in enumerate(made.drawn):
        numbers = range(50 + first, 50 + first + GROUP)
        for row, branch in enumerate(made.branches):
            shown = list(branch(FRAMES[k] for k in numbers))
            found = [
                f1(s.boxes, true_boxes(WALKERS, k)) for s, k in zip(shown, numbers, strict=True)
            ]
            assert trace.accuracy[group, row] == pytest.approx(np.mean(found))
    assert trace.seen["height"][:, 0] == pytest.approx(42, abs=1)
    assert trace.seen["motion"][:, 0] == pytest.approx(1 / 18, rel=0.1)  # of the detections
    assert trace.seen["motion"][:, 1] == pytest.approx(1 / 18, rel=0.2)
    np.testing.assert_array_equal(trace.seen["boxes"], [[2.0, 2.0, 0.0, 0.0]] * 13)
    crowd = trace.profile.origin["video"]["boxes"]
    assert crowd["profiled"] == 2
    # Steps with 0, 1 and 16 boxes take 5, 6 and 7 ms here: with 2 boxes, 1/15 ms more than with 1.
    for column, detection_ms in ((1, 1.0), (3, 4.0)):
        ms = [detection_ms + 2.0 + 3.0 * step for step in (5.0, 6.0, 7.0, 6.0 + 1.0 / 15.0)]
        factors = np.array(ms[:3]) / ms[3]
        np.testing.assert_allclose(np.array(crowd["factors"])[:, column], factors)


def test_the_boxes_profiled_are_those_of_the_groups_that_the_profile_is_measured_with() -> None:
    assert signature(alert.Trace.record).parameters["profiled"].default == PROFILED
    truth = [true_boxes(WALKERS[: 1 + (number >= 80)], number) for number in range(100)]
    made = recording(truth=truth)
    made.drawn = [(0, 4)] * PROFILED + [(0, 40)] * 2 * PROFILED
    trace = made.trace(of_parts(list(made.parts), len(made.drawn)))
    assert trace.profile.origin["video"]["boxes"]["profiled"] == 1


def trace_of(names: list[str], n: int) -> np.ndarray:
    return np.asarray(of_parts(names, n).latency)


def test_scenes_change_at_random_and_are_the_phases_of_the_trace() -> None:
    made = recording(scenes=CHANGING)
    made.moments(90, seed=0)
    trace = made.trace(of_parts(list(made.parts), 90))
    assert trace.phases == tuple(scene.name for scene in CHANGING)
    assert trace.phase.tolist() == [scene for scene, _ in made.drawn]
    lengths = np.diff(np.flatnonzero(np.diff(trace.phase, prepend=-1, append=-1)))
    assert ((lengths[:-1] >= 5) & (lengths[:-1] <= 15)).all()
    assert set(trace.phase.tolist()) == {0, 1, 2, 3}
    found = trace.profile.origin["video"]["situations"]
    scored = [each["f1"] for each in found.values()]
    np.testing.assert_allclose(trace.profile.accuracy, np.mean(scored, axis=0))
    height = [np.nanmedian(trace.seen["height"][trace.phase == k]) for k in range(4)]
    assert height[2] == pytest.approx(3 * height[0], rel=0.15)
    motion = [np.nanmedian(trace.seen["motion"][trace.phase == k]) for k in range(4)]
    assert motion[1] == pytest.approx(3 * motion[0], rel=0.3)


@pytest.mark.parametrize("scenes", [AS_FILMED, CHANGING])
def test_what_was_recorded_before_an_interrupt_is_a_trace(scenes: tuple[Scene, ...]) -> None:
    made = recording(scenes=scenes)
    made.moments(30, seed=0)
    trace = made.trace(of_parts(list(made.parts), 13))
    assert len(trace) == 13
    assert trace.phase.tolist() == [scene for scene, _ in made.drawn[:13]]


def test_a_scene_shows_a_part_of_the_frame_and_some_of_the_frames() -> None:
    boxes = np.array([[150.0, 100, 170, 140, 1], [0, 0, 20, 40, 1]])
    seen = Scene("", zoom=2.0, stride=3).of(FRAMES[:10], [boxes] * 10)
    assert len(seen.frames) == 4
    assert seen.frames[0].shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(seen.true[0], [[140, 80, 180, 160, 1]])  # the other is outside
    np.testing.assert_array_equal(seen.frames[1][1::2, 1::2], FRAMES[3][60:180, 80:240])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"zoom": 0.5}, "zoom: expected a number >= 1, got 0.5"),
        ({"zoom": float("nan")}, "zoom: expected a number >= 1, got nan"),
        ({"stride": 0}, "stride: expected an integer >= 1, got 0"),
    ],
)
def test_scenes_that_no_camera_sees_are_refused(options: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Scene("odd", **options)  # type: ignore[arg-type]


def test_scenes_need_names_of_their_own() -> None:
    for scenes in ([], [Scene("a"), Scene("a", stride=2)]):
        with pytest.raises(ValueError, match="scenes: expected scenes, each name once, got"):
            recording(scenes=scenes)
        with pytest.raises(ValueError, match="scenes: expected scenes, each name once, got"):
            measure(branches(Detector()), FRAMES[:8], scenes=scenes)


def test_a_clip_of_few_groups_is_refused() -> None:
    some = branches(Detector(), every=(8,))
    with pytest.raises(ValueError, match="clip: expected at least 32 frames, got 31"):
        Recording(Study(some, FRAMES[:31], progress=False))
