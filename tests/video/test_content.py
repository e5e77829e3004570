"""What the content says of each branch, by a formula written out again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from film import Detector

from alert.video import Content, Shown, branches
from alert.video.content import Quality, Seen, Situation

QUALITY = Quality(
    np.array([20.0, 40.0, 80.0]), np.array([0.2, 0.6, 0.8]), np.array([5.0, 9.0, 7.0])
)

BRANCH = branches(Detector(), scales=(1,), every=(1,))[0]


def content(height: float = 60.0, motion: float = 0.2) -> Content:
    return Content({"": QUALITY}, height, motion, kappa=1.5)


def by_hand(scale: float, every: int, height: float, motion: float) -> float:
    place = min(max(math.log(scale * height), math.log(20)), math.log(80))
    points = ((20, 0.2, 5), (40, 0.6, 9), (80, 0.8, 7))
    near = [w * math.exp(-(((place - math.log(h)) / 0.175) ** 2) / 2) for h, _, w in points]
    seen = sum(n * f for n, (_, f, _) in zip(near, points, strict=True)) / sum(near)
    kept = [math.exp(-((1.5 * motion) ** 1.5) * math.sqrt(k)) for k in range(every)]
    return seen * sum(kept) / every


@pytest.mark.parametrize(("height", "motion"), [(60, 0.2), (35, 0.0), (300, 0.5), (3, 2.0)])
def test_f1_by_height_and_motion(height: float, motion: float) -> None:
    some = branches(Detector(), scales=(1, 0.5), every=(1, 4, 8))
    expected = [by_hand(each.scale, each.every, height, motion) for each in some]
    found = content(height, motion).accuracies(some)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_what_was_measured_is_expected_where_all_is_as_it_was() -> None:
    some = branches(Detector(), scales=(1, 0.5), every=(1, 8))
    calm = Situation(60.0, 0.2, np.array([0.95, 0.9, 0.5, 0.4]))
    it = Content({"": QUALITY}, 60.0, 0.2, 1.5, [calm])
    np.testing.assert_allclose(it.accuracies(some), calm.f1)
    it.height, it.motion = 75.0, 0.3
    there = np.array([by_hand(each.scale, each.every, 60.0, 0.2) for each in some])
    here = np.array([by_hand(each.scale, each.every, 75.0, 0.3) for each in some])
    distance = (math.log(75 / 60) / 0.7) ** 2 + (math.log(0.35 / 0.25) / 0.5) ** 2
    assert math.exp(-distance / 2) > 0.5
    expected = here + calm.f1 - there
    np.testing.assert_allclose(it.accuracies(some), expected.clip(0, 1))
    it.height, it.motion = 180.0, 0.3
    distance = (math.log(180 / 60) / 0.7) ** 2 + (math.log(0.35 / 0.25) / 0.5) ** 2
    here = np.array([by_hand(each.scale, each.every, 180.0, 0.3) for each in some])
    expected = here + 2.0 * math.exp(-distance / 2) * (calm.f1 - there)
    np.testing.assert_allclose(it.accuracies(some), expected.clip(0, 1))
    it.height, it.motion = 9000.0, 0.4
    far = [by_hand(each.scale, each.every, 9000.0, 0.4) for each in some]
    np.testing.assert_allclose(it.accuracies(some), far, atol=1e-9)


def test_of_several_situations_the_nearest_counts_most() -> None:
    some = branches(Detector(), scales=(1, 0.5), every=(1,))
    calm, fast = (
        Situation(60.0, 0.1, np.array([0.9, 0.5])),
        Situation(60.0, 0.4, np.array([0.6, 0.4])),
    )
    it = Content({"": QUALITY}, 60.0, 0.1, 1.5, [calm, fast])
    apart = (math.log(0.45 / 0.15) / 0.5) ** 2
    weight = math.exp(-apart / 2)
    np.testing.assert_allclose(it.accuracies(some), (calm.f1 + weight * fast.f1) / (1 + weight))
    it.motion = 0.4
    np.testing.assert_allclose(it.accuracies(some), (fast.f1 + weight * calm.f1) / (1 + weight))
    it.height = 1e12
    np.testing.assert_allclose(it.accuracies(some), (calm.f1 + fast.f1) / 2)


def test_no_more_is_expected_than_all_objects() -> None:
    """A weighted mean of ones, in numbers of floating point, may be above one."""
    some = branches(Detector(), scales=(1, 0.5), every=(1, 8))
    perfect = [Situation(h, v, np.ones(4)) for h in (60.0, 20.0) for v in (0.1, 0.3)]
    it = Content({"": QUALITY}, 60.0, 0.1, 1.5, perfect)
    for height in np.geomspace(20.0, 90.0, 100).tolist():
        it.height = height
        assert (it.accuracies(some) <= 1.0).all()


def test_a_change_of_the_content_counts_as_far_as_it_is_trusted() -> None:
    some = branches(Detector(), scales=(1, 0.5), every=(1, 8))
    calm = Situation(60.0, 0.2, np.array([0.8, 0.7, 0.5, 0.4]))
    fast = Situation(60.0, 0.4, np.array([0.6, 0.4, 0.3, 0.2]))
    for situations, without in (([calm], calm.f1), ([calm, fast], (calm.f1 + fast.f1) / 2)):
        it = Content({"": QUALITY}, 65.0, 0.25, 1.5, situations)
        full = it.accuracies(some)
        it.trust = 0.0
        np.testing.assert_allclose(it.accuracies(some), without)
        it.trust = 0.25
        np.testing.assert_allclose(it.accuracies(some), without + 0.25 * (full - without))


def test_far_from_what_was_measured_the_formula_is_all_there_is() -> None:
    some = branches(Detector(), scales=(1, 0.5), every=(1, 8))
    calm = Situation(60.0, 0.2, np.array([0.95, 0.9, 0.5, 0.4]))
    it = Content({"": QUALITY}, 9000.0, 0.4, 1.5, [calm], trust=0.0)
    far = [by_hand(each.scale, each.every, 9000.0, 0.4) for each in some]
    np.testing.assert_allclose(it.accuracies(some), far, atol=1e-9)


def test_what_comes_after_an_empty_frame_is_expected() -> None:
    """The full size saw nobody: all branches will be right. The half size sees nobody ever."""
    some = branches(Detector(), scales=(1, 0.5), every=(1, 8))
    after = {
        ("", 1.0): (np.array([1.0, 1.0, 0.9, 0.9]), np.array([0.9, 0.8, 0.3, 0.2])),
        ("", 0.5): (np.array([0.95, 0.85, 0.5, 0.4]), np.array([0.95, 0.9, 0.5, 0.4])),
    }
    mean = np.array([0.95, 0.85, 0.5, 0.4])
    it = Content({"": QUALITY}, 60.0, 0.2, 1.5, [Situation(60.0, 0.2, mean, after)])
    np.testing.assert_allclose(it.accuracies(some), mean)
    for saw, branch, expected in (
        (np.zeros((0, 5)), some[1], after["", 1.0][0]),
        (box(60), some[0], after["", 1.0][1]),
        (np.zeros((0, 5)), some[2], after["", 0.5][0]),
    ):
        it.see(Shown(box(60), None, math.nan))
        it.see(Shown(saw, None, math.nan))
        it.learn(branch)
        np.testing.assert_allclose(it.accuracies(some), expected)


def box(height: float) -> np.ndarray:
    return np.array([[0.0, 0.0, 10.0, height, 1.0]])


def test_learns_from_what_is_shown() -> None:
    it = content(height=60, motion=0.2)
    for height, motion in ((100, math.nan), (110, 0.4), (120, 0.6)):
        it.see(Shown(box(height), None, motion))
    assert (it.height, it.motion) == (60, 0.2)  # not before the group has ended
    it.learn(BRANCH)
    taller, faster = math.log(110 / 60), math.log(0.55 / 0.25)
    weight = 0.2 + 0.6 * taller / 0.7
    assert it.height == pytest.approx(60 * math.exp(weight * taller))
    assert faster > 0.5  # a large change
    assert it.motion == pytest.approx(0.25 * math.exp(0.8 * faster) - 0.05)


@pytest.mark.parametrize("sign", [-1, 1])
def test_small_changes_count_less_than_large_ones(sign: int) -> None:
    followed = []
    for change in (0.01, 0.3, 1.0, 2.0):
        it = content(height=60, motion=0.2)
        it.take(Seen(60 * math.exp(sign * change), math.nan), BRANCH)
        followed.append(math.log(it.height / 60) / (sign * change))
    assert (np.diff(followed) > -1e-12).all()
    assert followed[0] == pytest.approx(0.2, abs=0.01)
    assert followed[-2:] == pytest.approx([0.8, 0.8])


def test_nothing_seen_is_nothing_learnt() -> None:
    it = content()
    it.see(Shown(np.zeros((0, 5)), None, 0.0))
    it.learn(BRANCH)
    assert it.height == 60
    assert it.motion < 0.2
    before = it.motion
    it.see(Shown(np.zeros((0, 5)), None, math.nan))
    it.learn(BRANCH)
    assert it.height == 60
    assert it.motion == before
