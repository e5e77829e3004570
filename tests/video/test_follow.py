"""The tracker, the smaller frames, the numbers of objects, and the branch that joins them."""

from __future__ import annotations

import numpy as np
import pytest
from film import HEIGHT, WIDTH, Detector, Object, film, true_boxes

from alert.video import Follower, Shown, branches, f1
from alert.video.identities import MEMORY, Identities
from alert.video.resize import smaller

WALKERS = [
    Object(30, 40, 30, 70, (2, 0)),
    Object(200, 100, 36, 84, (-3, 1)),
    Object(120, 20, 24, 60, (0, 2)),
]


def test_boxes_follow_what_is_in_them() -> None:
    frames = film(WALKERS, 9)
    follow = Follower(frames[0], true_boxes(WALKERS, 0))
    for number in range(1, 9):
        found = follow(frames[number])
        np.testing.assert_allclose(found[:, :4], true_boxes(WALKERS, number)[:, :4], atol=1.0)
    np.testing.assert_array_equal(found[:, 4], 1.0)  # the score of the detection
    speeds = [np.hypot(*each.speed) / each.width for each in WALKERS]
    assert follow.motion == pytest.approx(np.median(speeds), rel=0.1)


def test_light_that_changes_moves_nothing() -> None:
    frames = film(WALKERS, 1)
    brighter = (frames[0] * 0.9 + 20).astype(np.uint8)
    found = Follower(frames[0], true_boxes(WALKERS, 0))(brighter)
    np.testing.assert_allclose(found[:, :4], true_boxes(WALKERS, 0)[:, :4], atol=0.5)


def test_a_box_in_front_of_nothing_stays() -> None:
    flat = np.full((HEIGHT, WIDTH, 3), 80, np.uint8)
    box = np.array([[50.0, 50.0, 90.0, 130.0, 0.5]])
    follow = Follower(flat, box)
    np.testing.assert_array_equal(follow(flat), box)
    assert follow.motion == 0.0


def test_a_box_that_leaves_is_dropped() -> None:
    leaving = [Object(WIDTH - 32, 40, 40, 70, (9, 0)), WALKERS[0]]
    frames = film(leaving, 4)
    follow = Follower(frames[0], np.array([(*each.box(0), 1.0) for each in leaving]))
    kept = [follow(frame) is not None and follow.kept.tolist() for frame in frames[1:]]
    assert [1] in kept
    assert len(follow(frames[-1])) == 1


def test_no_boxes_are_followed_for_nothing() -> None:
    frames = film([], 2)
    follow = Follower(frames[0], np.zeros((0, 5)))
    assert follow(frames[1]).shape == (0, 5)
    assert follow.motion == 0.0


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 50, 3), (5, 5, 3)])
def test_frames_may_be_tiny(shape: tuple[int, ...]) -> None:
    frame = np.zeros(shape, np.uint8)
    box = np.array([[0.0, 0.0, shape[1], shape[0], 1.0]])
    np.testing.assert_array_equal(Follower(frame, box)(frame), box)


@pytest.mark.parametrize("scale", [0.5, 0.25, 0.75, 0.37, 0.01])
def test_smaller_frames_are_means_of_areas(scale: float) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (24, 40, 3)).astype(np.uint8)
    found = smaller(frame, scale)
    rows, columns = max(round(24 * scale), 1), max(round(40 * scale), 1)
    assert found.shape == (rows, columns, 3)
    fine = np.repeat(np.repeat(frame.astype(float), rows, 0), columns, 1)  # 1 pixel: rows x columns
    expected = fine.reshape(rows, 24, columns, 40, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(found, expected, atol=0.51)


def test_a_branch_detects_every_nth_frame_at_its_scale() -> None:
    frames = film(WALKERS, 10)
    detect = Detector()
    branch = next(b for b in branches(detect) if b.name == "x0.5, every 4")
    shown = list(branch(frames))
    assert detect.sizes == [(HEIGHT // 2, WIDTH // 2)] * 3
    assert [each.before is None for each in shown] == [k % 4 == 0 for k in range(10)]
    assert [np.isnan(each.motion) for each in shown] == [k % 4 == 0 for k in range(10)]
    for number, each in enumerate(shown):
        assert f1(each.boxes, true_boxes(WALKERS, number)) == 1.0


def test_branches_are_all_scales_with_all_intervals() -> None:
    names = [
        each.name for each in branches({"a": Detector(), "b": Detector()}, [0.5, 1], [2, 1, 2])
    ]
    assert names == [
        *("a x1", "a x1, every 2", "a x0.5", "a x0.5, every 2"),
        *("b x1", "b x1, every 2", "b x0.5", "b x0.5, every 2"),
    ]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"detect": None}, TypeError, "detect: expected a callable, got NoneType"),
        ({"detect": {}}, ValueError, "detect: expected a detector, got an empty dict"),
        ({"detect": {"a": 1}}, TypeError, r"detect\['a'\]: expected a callable, got int"),
        ({"scales": [0]}, ValueError, "scales: expected numbers above 0 and at most 1, got 0"),
        ({"scales": [1.5]}, ValueError, "scales: expected numbers above 0 and at most 1, got 1.5"),
        ({"scales": []}, ValueError, "scales: expected at least one, got none"),
        ({"scales": 1.0}, TypeError, "scales: expected a sequence of numbers, got float"),
        ({"every": [0]}, ValueError, "every: expected an integer >= 1, got 0"),
        ({"every": [1.5]}, TypeError, "every: expected an integer, got 1.5"),
        ({"track": 1}, TypeError, "track: expected a callable, got int"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, object], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        branches(**{"detect": Detector(), **arguments})  # type: ignore[arg-type]


def test_objects_keep_their_numbers() -> None:
    frames = film(WALKERS, 12)
    branch = next(b for b in branches(Detector()) if b.name == "x1, every 4")
    identities = Identities()
    found = [identities.of(shown).tolist() for shown in branch(frames)]
    assert found == [[0, 1, 2]] * 12


def detected(*rows: tuple[float, float, float, float]) -> Shown:
    return Shown(np.array([(*row, 1.0) for row in rows]).reshape(-1, 5), None, np.nan)


def test_an_object_that_was_lost_is_known_again_for_a_while() -> None:
    here, there = (0, 0, 10, 20), (50, 0, 60, 20)
    for missing, number in ((1, 1), (MEMORY, 1), (MEMORY + 1, 2)):
        identities = Identities()
        assert identities.of(detected(here, there)).tolist() == [0, 1]
        for _ in range(missing):
            assert identities.of(detected(here)).tolist() == [0]
        assert identities.of(detected(there, here)).tolist() == [number, 0]


def test_numbers_are_never_given_twice_in_a_frame() -> None:
    random = np.random.default_rng(0)
    identities = Identities()
    for _ in range(300):
        corners = random.uniform(0, 100, (random.integers(0, 12), 2))
        rows = [(x, y, x + 20, y + 30) for x, y in corners]
        numbers = identities.of(detected(*rows))
        assert len(set(numbers.tolist())) == len(rows)


def test_tracked_boxes_take_their_numbers_along() -> None:
    identities = Identities()
    identities.of(detected((0, 0, 10, 20), (50, 0, 60, 20), (90, 0, 99, 20)))
    boxes = np.array([(52, 0, 62, 20, 1.0), (92, 0, 101, 20, 1.0)])
    assert identities.of(Shown(boxes, np.array([1, 2]), 0.2)).tolist() == [1, 2]
