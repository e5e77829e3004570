"""Watching films on a simulated machine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from film import Object, film, true_boxes
from scene import FRAMES, GOAL, PERIOD, Scene

import alert
from alert import video
from alert.video import Branch, Shown, VideoReport, Watcher
from alert.video.boxes import LARGEST
from alert.video.identities import Identities


def test_frames_come_back_in_order_with_boxes_and_numbers(scene: Scene) -> None:
    with scene.watch(GOAL) as watch:
        found = list(watch(FRAMES))
        assert all(ours is theirs for (ours, _), theirs in zip(found, FRAMES, strict=True))
        for _, boxes in found:
            assert boxes.shape[1] == 6
            assert len(set(boxes[:, 5])) == len(boxes)
        report = watch.report()
    assert (report.frames, report.groups, report.late, report.held) == (64, 8, 0, 0)
    assert sum(report.choices.values()) == 8


def test_a_group_is_one_step_of_its_mean(scene: Scene) -> None:
    with scene.watch(GOAL) as watch:
        list(watch(FRAMES[:32]))
        history = watch.scheduler.history
    assert len(history) == 4
    profile = scene.profile
    for row in history:
        at = row["model"], row["cap"]
        assert row["latency"] == pytest.approx(profile.latency[at])
        assert row["energy"] == pytest.approx(profile.latency[at] * profile.power[at])


def test_the_callers_and_the_cameras_time_does_not_count(scene: Scene) -> None:
    def camera() -> Iterator[np.ndarray]:
        for frame in FRAMES[:16]:
            scene.machine.now += 3.0
            yield frame

    with scene.watch(GOAL) as watch:
        for _ in watch(camera()):
            scene.machine.now += 2.0
        assert watch.report().late == 0
        assert watch.scheduler.slowdown[0] == pytest.approx(1.0, abs=0.05)


def test_a_group_out_of_time_holds_its_boxes(scene: Scene) -> None:
    with scene.watch(GOAL) as watch:
        list(watch(FRAMES[:8]))
        decision = watch.scheduler.decision
        scene.machine.contention = 60.0
        scene.detector.sizes.clear()
        found = list(watch(FRAMES[8:16]))
        scene.machine.contention = 1.0
        report = watch.report()
        row = watch.scheduler.history[-1]
    assert report.late == 1
    assert report.held > 0
    assert len(found) == 8
    np.testing.assert_array_equal(found[-1][1], found[-2][1])
    assert row["model"] == decision.model
    assert row["slowdown"] == pytest.approx(60.0)  # the part that ran counts as its share


def test_a_group_cut_short_counts_as_its_share(scene: Scene) -> None:
    with scene.watch(GOAL) as watch:
        list(watch(FRAMES[:3]))
        for number, _ in enumerate(watch(FRAMES[3:])):
            if number == 4:
                break
        assert watch.scheduler.history["slowdown"] == pytest.approx([1.0, 1.0])
        assert watch.report().frames == 3 + 5


def test_what_is_late_is_worth_what_holding_is(scene: Scene) -> None:
    held = scene.profile.origin["video"]["held"]
    assert 0.0 < held < 1.0
    with scene.watch(GOAL) as watch:
        assert watch.scheduler.goal.q_fail == held
    with scene.watch(alert.Goal.min_energy(PERIOD, 0.7, q_fail=0.99)) as watch:
        assert watch.scheduler.goal.q_fail == 0.99


def test_a_report_before_the_first_frame_says_so(scene: Scene) -> None:
    with scene.watch(GOAL) as watch:
        rows = dict(watch.report()._rows())
    assert rows == {
        "energy": "none yet",
        "late": "0 of 0 groups, 0 frames held",
        "F1": "none yet",
    }


def test_where_nobody_is_the_small_scale_may_watch(scene: Scene) -> None:
    """The full size sees the one small object, half of it never: it must not watch for long."""
    with_object, empty = film([Object(60, 60, 12, 26, (1, 0))], 64), film([], 64)
    truth = [true_boxes([Object(60, 60, 12, 26, (1, 0))], number) for number in range(64)]
    clip = with_object + [frame.copy() for frame in empty]
    scene.profile = video.measure(
        scene.branches,
        clip,
        truth=truth + [np.zeros((0, 5))] * 64,
        zooms=(1,),
        power=scene.package,
        power_caps=[20, 40],
        clock=scene.machine.clock,
        sleep=scene.machine.sleep,
        idle_seconds=0.1,
    )
    goal = alert.Goal.min_energy(PERIOD, accuracy=0.9, window=1)

    def scales(frames: list[np.ndarray], content: bool) -> list[float]:
        with scene.watch(goal, content=content) as watch:
            list(watch(frames))
            rows = watch.scheduler.history
            return [scene.branches[int(row["model"])].scale for row in rows]

    assert scales(with_object, content=True) == [1.0] * 8
    assert scales(empty, content=False) == [1.0] * 8
    watched = scales(empty, content=True)
    assert watched[0] == 1.0
    assert watched[1:] == [0.5, 1.0, 0.5, 1.0, 0.5, 1.0, 0.5]  # what half of it says is no proof


def test_larger_objects_are_watched_at_a_smaller_scale(scene: Scene) -> None:
    """The small objects of the clip need full size. Large ones do not."""
    large = film([Object(40, 30, 60, 150), Object(200, 50, 56, 140)], 48, seed=2)
    goal = alert.Goal.min_energy(PERIOD, accuracy=0.9, window=1)
    with scene.watch(goal) as watch:
        list(watch(large))
        knows = [scene.branches[int(row["model"])] for row in watch.scheduler.history]
        assert watch.content is not None
        assert watch.content.height == pytest.approx(145, rel=0.12)  # the rest may be noise
    with scene.watch(goal, content=False) as watch:
        list(watch(large))
        blind = [scene.branches[int(row["model"])] for row in watch.scheduler.history]
        assert watch.content is None
    assert knows[-1].scale == 0.5
    assert {each.scale for each in blind} == {1.0}


def test_objects_that_are_lost_are_forgotten_where_they_are_too_many() -> None:
    random = np.random.default_rng(0)
    identities = Identities()
    for _ in range(4):
        corner = random.uniform(0, 1e6, (LARGEST - 1, 2))
        boxes = np.column_stack([corner, corner + 5, np.ones(len(corner))])
        identities.of(Shown(boxes, None, math.nan))
    assert len(identities._boxes) <= 2 * LARGEST


def test_no_frames_are_no_groups(scene: Scene) -> None:
    with scene.watch(GOAL) as watch:
        assert list(watch([])) == []
        report = watch.report()
    assert (report.frames, report.groups) == (0, 0)
    assert math.isnan(report.accuracy)


def test_frames_without_objects_are_no_fault(scene: Scene) -> None:
    with scene.watch(GOAL) as watch:
        assert all(len(boxes) == 0 for _, boxes in watch(film([], 24)))
        assert watch.report().frames == 24


def test_a_minute_without_objects_keeps_what_is_known_of_them(scene: Scene) -> None:
    with scene.watch(GOAL) as watch:
        before = max(boxes[:, 5].max() for _, boxes in watch(FRAMES[:16]))
        assert watch.content is not None
        height = watch.content.height
        nothing = film([], 1)
        assert all(len(boxes) == 0 for _, boxes in watch(nothing * 600))
        assert watch.content.height == height
        again = [boxes for _, boxes in watch(FRAMES[:8])]
    assert all(len(boxes) >= 2 for boxes in again)
    assert again[0][:, 5].min() > before  # objects of another time have numbers of their own


def test_thousands_of_boxes_are_followed(scene: Scene) -> None:
    random = np.random.default_rng(0)
    corner = random.uniform(0, 200, (2000, 2))
    many = np.column_stack([corner, corner + random.uniform(5, 40, (2000, 2)), np.ones(2000)])
    scene.branches = video.branches(lambda frame: many, (1, 0.5), (1, 4, 8))
    with scene.watch(GOAL) as watch:
        for _, boxes in watch(FRAMES[:3]):
            assert len(boxes) > 900  # at half size, some lie outside
            assert len(set(boxes[:, 5].tolist())) == len(boxes)


def test_the_device_is_closed_by_whoever_opened_it(scene: Scene) -> None:
    watch = scene.watch(GOAL)
    watch.close()
    watch.close()
    assert not scene.package.closed
    with pytest.raises(RuntimeError, match="this Watcher is closed"):
        list(watch(FRAMES))


def test_the_report_says_what_was_done(scene: Scene) -> None:
    with scene.watch(GOAL) as watch:
        list(watch(FRAMES))
        report = watch.report()
    text, html = repr(report), report._repr_html_()
    for part in ("64 frames", "emulated", "0 of 8 groups", "F1", "x "):
        assert part in text
    assert "<table" in html
    assert isinstance(report, VideoReport)
    assert report.energy == pytest.approx(float(np.sum(watch.scheduler.history["energy"]) * 8))


def test_a_branch_is_plain_data(scene: Scene) -> None:
    branch = scene.branches[0]
    assert isinstance(branch, Branch)
    assert (branch.name, branch.detector, branch.scale, branch.every) == ("x1", "", 1.0, 1)


def test_a_machine_without_caps_or_energy(scene: Scene) -> None:
    clock: dict[str, Any] = {"clock": scene.machine.clock, "sleep": scene.machine.sleep}
    profile = video.measure(scene.branches, FRAMES, power="none", **clock)
    times = scene.profile.latency[:, 1]
    np.testing.assert_allclose(profile.latency[:, 0], times, rtol=1e-9)
    clock = {"clock": scene.machine.clock}
    with Watcher(scene.branches, profile, GOAL, "none", **clock) as watch:
        assert len(list(watch(FRAMES))) == 64
        report = watch.report()
    assert report.energy is None
    assert all(cap is None for _, cap in report.choices)
    assert "with no cap" in repr(report)


def test_a_profile_with_caps_on_a_machine_without(scene: Scene) -> None:
    """As in a runner: models run with no cap, as fast as under the highest one."""
    clock = scene.machine.clock
    with pytest.warns(
        UserWarning, match="measured with power 'simulated' and runs with power 'none'"
    ):
        watch = Watcher(scene.branches, scene.profile, GOAL, "none", clock=clock)
    with watch:
        assert len(list(watch(FRAMES[:16]))) == 16
        assert {cap for _, cap in watch.report().choices} == {None}
