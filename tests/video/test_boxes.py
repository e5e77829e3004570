"""Overlap, pairs and F1 of boxes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from alert.video import f1
from alert.video.boxes import LARGEST, checked, moved, overlap, pairs


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float64).reshape(-1, 4)


def test_overlap_is_intersection_over_union() -> None:
    square = boxes((0, 0, 2, 2))
    others = boxes(
        (0, 0, 2, 2), (1, 0, 3, 2), (1, 1, 3, 3), (2, 0, 4, 2), (5, 5, 6, 6), (0, 0, 1, 1)
    )
    np.testing.assert_allclose(overlap(square, others), [[1, 1 / 3, 1 / 7, 0, 0, 1 / 4]])


def test_pairs_are_the_best_first_and_every_box_once() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        corner = random.uniform(0, 10, (2, 5, 2))
        some, others = (np.hstack([c, c + random.uniform(3, 8, (5, 2))]) for c in corner)
        shared = overlap(some, others)
        free = {(i, j) for i, j in itertools.product(range(5), repeat=2) if shared[i, j] >= 0.3}
        expected = []
        while free:
            best = max(free, key=lambda pair: shared[pair])
            expected.append(best)
            free = {(i, j) for i, j in free if i != best[0] and j != best[1]}
        assert pairs(some, others, 0.3) == expected


def test_f1_counts_pairs() -> None:
    truth = boxes((0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10))
    assert f1(truth, truth) == 1.0
    assert f1(truth[:2], truth) == pytest.approx(2 * 2 / 5)
    assert f1(boxes((0, 0, 10, 10), (60, 0, 70, 10)), truth) == pytest.approx(2 * 1 / 5)
    assert f1(boxes(), truth) == f1(truth, boxes()) == 0.0
    assert f1(boxes(), boxes()) == 1.0
    assert f1(np.vstack([truth[:1], truth[:1]]), truth[:1]) == pytest.approx(
        2 / 3
    )  # one is too many


def test_boxes_are_cut_to_the_frame() -> None:
    given = [
        (-5, -5, 10, 10, 0.9),
        (90, 40, 120, 60, 0.8),
        (200, 0, 210, 10, 0.7),
        (5, 5, 5, 9, 0.6),
    ]
    found = checked("net", given, 50, 100)
    np.testing.assert_array_equal(found, [(0, 0, 10, 10, 0.9), (90, 40, 100, 50, 0.8)])


@pytest.mark.parametrize("nothing", [[], np.zeros((0, 5)), np.zeros((0, 4)), ()])
def test_nothing_is_no_boxes(nothing: Any) -> None:
    assert checked("net", nothing, 50, 100).shape == (0, 5)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([(0, 0, 1, 1)], ValueError, r"net: expected the shape \(n, 5\), got \(1, 4\)"),
        ([(0, 0, np.nan, 1, 1)], ValueError, r"net\[0, 2\]: expected a finite number, got nan"),
        ([("0", 0, 1, 1, 1)], TypeError, "net: expected numbers, got text"),
        (np.ones((LARGEST + 1, 5)), ValueError, "net: expected at most 2000 boxes, got 2001"),
    ],
)
def test_what_is_no_boxes_is_refused(given: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        checked("net", given, 50, 100)


def test_boxes_that_two_frames_share_say_how_far_they_moved() -> None:
    before = boxes((0, 0, 10, 20), (50, 0, 70, 40), (100, 0, 110, 20))
    after = boxes((53, 4, 73, 44), (1, 0, 11, 20), (200, 0, 210, 20))
    assert moved(before, after) == pytest.approx((0.1 + 5 / 20) / 2)
    assert np.isnan(moved(before, boxes()))
