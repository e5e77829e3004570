"""What the content says of each branch, by a formula written out again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from film import Detector

from alert.video import Content, Shown, branches
from alert.video.content import Quality, Situation

QUALITY = Quality(
    np.array([20.0, 40.0, 80.0]), np.array([0.2, 0.6, 0.8]), np.array([5.0, 9.0, 7.0])
)


def content(height: float = 60.0, motion: float = 0.2) -> Content:
    return Content({"": QUALITY}, height, motion, kappa=1.5)


def by_hand(scale: float, every: int, height: float, motion: float) -> float:
    place = min(max(math.log(scale * height), math.log(20)), math.log(80))
    points = ((20, 0.2, 5), (40, 0.6, 9), (80, 0.8, 7))
    near = [w * math.exp(-(((place - math.log(h)) / 0.2) ** 2) / 2) for h, _, w in points]
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
    near = Situation(300.0, 0.2, np.array([0.6, 0.5, 0.9, 0.8]))
    it = Content({"": QUALITY}, 60.0, 0.2, 1.5, [calm, near])
    np.testing.assert_allclose(it.accuracies(some), calm.f1, atol=0.01)
    it.height, it.motion = 75.0, 0.3
    expected = np.array([by_hand(each.scale, each.every, 75.0, 0.3) for each in some])
    weights = []
    for situation in (calm, near):
        taller = math.log(75.0 / situation.height) / 0.4
        faster = math.log(0.35 / 0.25) / 0.6
        weights.append(math.exp(-(taller**2 + faster**2) / 2))
        there = [by_hand(b.scale, b.every, situation.height, situation.motion) for b in some]
        expected += weights[-1] * (situation.f1 - there)
    assert sum(weights) < 1
    np.testing.assert_allclose(it.accuracies(some), expected.clip(0, 1))
    it.height, it.motion = 9000.0, 0.4
    far = [by_hand(each.scale, each.every, 9000.0, 0.4) for each in some]
    np.testing.assert_allclose(it.accuracies(some), far, atol=1e-9)


def box(height: float) -> np.ndarray:
    return np.array([[0.0, 0.0, 10.0, height, 1.0]])


def test_learns_from_what_is_shown() -> None:
    it = content(height=60, motion=0.2)
    for height, motion in ((100, math.nan), (110, 0.4), (120, 0.6)):
        it.see(Shown(box(height), None, motion))
    assert (it.height, it.motion) == (60, 0.2)  # not before the group has ended
    it.learn()
    taller, faster = math.log(110 / 60), math.log((0.5 + 0.05) / (0.2 + 0.05))
    assert it.height == pytest.approx(60 * math.exp(taller * weight(taller / 0.4)))
    learnt = (0.2 + 0.05) * math.exp(faster * weight(faster / 0.7)) - 0.05
    assert it.motion == pytest.approx(learnt)


def weight(difference: float) -> float:
    return 0.05 + 0.85 * (1 - math.exp(-(difference**2) / 2))


def test_another_scene_is_known_at_once_and_noise_is_not_followed() -> None:
    it = content(height=60, motion=0.2)
    it.take(120.0, 0.2)
    assert it.height > 0.9 * 120 * 0.9
    it.take(it.height * 1.1, 0.2)
    before = it.height
    it.take(before * 1.1, 0.22)
    assert it.height < 1.02 * before


def test_nothing_seen_is_nothing_learnt() -> None:
    it = content()
    it.see(Shown(np.zeros((0, 5)), None, 0.0))
    it.learn()
    assert it.height == 60
    assert it.motion < 0.2
    before = it.motion
    it.see(Shown(np.zeros((0, 5)), None, math.nan))
    it.learn()
    assert it.height == 60
    assert it.motion == before
