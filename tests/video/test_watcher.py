"""Measuring branches and watching films on a simulated machine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from film import HEIGHT, WIDTH, Detector, Object, film, true_boxes
from simulation import Machine, Package

import alert
from alert import video
from alert.video import Branch, Follower, Shown, VideoReport, Watcher
from alert.video.boxes import LARGEST
from alert.video.identities import Identities

PERIOD = 0.1
DETECTION, START, STEP = 0.08, 0.002, 0.004  # seconds under the highest cap, of full size
WALKERS = [
    Object(10, 30, 30, 70, (3, 0)),
    Object(250, 115, 36, 84, (-3, 0)),
    Object(130, 205, 12, 26),  # too small for a detector that sees half of it
]
FRAMES = film(WALKERS, 64)
TRUTH = [true_boxes(WALKERS, number) for number in range(64)]


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


@pytest.fixture(scope="module")
def measured() -> Scene:
    return Scene()


@pytest.fixture
def scene(measured: Scene) -> Scene:
    """The profile is measured once."""
    fresh = Scene.__new__(Scene)
    fresh.__dict__.update(measured.__dict__)
    measured.machine.contention = 1.0
    return fresh


GOAL = alert.Goal.min_energy(deadline=PERIOD, accuracy=0.7)


# ---------------------------------------------------------------------------------------- measuring


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


# ----------------------------------------------------------------------------------------- watching


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


def test_objects_that_are_lost_are_forgotten_where_they_are_too_many() -> None:
    random = np.random.default_rng(0)
    identities = Identities()
    for _ in range(4):
        corner = random.uniform(0, 1e6, (LARGEST - 1, 2))
        boxes = np.column_stack([corner, corner + 5, np.ones(len(corner))])
        identities.of(Shown(boxes, None, math.nan))
    assert len(identities._boxes) <= 2 * LARGEST


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
