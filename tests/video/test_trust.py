"""Measuring a film: what comes after empty frames, and how far the content is to be trusted."""

from __future__ import annotations

import numpy as np
import pytest
from film import Detector, Object, film, true_boxes

from alert.video import branches
from alert.video.content import Content, Seen
from alert.video.rating import Film, Served, _confirmed, serve
from alert.video.trust import trust

SOME = branches(Detector(least=30), scales=(1, 0.5), every=(1, 4))
GROUPS = 40
MOTION = np.where(np.arange(GROUPS) // 10 % 2, 0.3, 0.1)


def served(f1: np.ndarray, motion: np.ndarray, left: np.ndarray | float = 1.0) -> Served:
    """Return what four branches found: each of them saw the same motion."""
    saw = np.zeros((len(f1), 4, 4))
    saw[..., 0] = 60.0
    saw[..., 1] = motion[:, None]
    saw[..., 2:] = np.broadcast_to(left, (len(f1), 4))[..., None]
    return Served(SOME, np.full(len(f1), 8.0), f1, saw)


def told(film: Served) -> dict[str, object]:
    points = {"heights": [30.0, 60.0], "f1": [0.6, 0.9], "weights": [9.0, 9.0]}
    return {"kappa": 1.5, "quality": {"": points}, "situations": {"": film.situation()}}


def changes() -> np.ndarray:
    """Return by how much the content expects another F1 than 0.5, before each group."""
    flat = served(np.full((GROUPS, 4), 0.5), MOTION)
    content = Content.of(told(flat))
    found = []
    for saw in flat.saw[:, 0]:
        found.append(content.accuracies(SOME) - 0.5)
        content.take(Seen(*saw.tolist()), SOME[0])
    return np.array(found)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0, 1.7, -0.5])
def test_a_change_is_trusted_as_far_as_it_came_true(share: float) -> None:
    expected = changes()
    assert np.std(expected, axis=0)[1] > 0.01
    found = served(0.5 + share * expected, MOTION)
    # The means of what was found, too, are what is expected without the content.
    assert trust(told(found), [found]) == pytest.approx(min(max(share, 0.0), 1.0), abs=0.06)


def test_a_share_that_is_uncertain_is_trusted_less() -> None:
    """Groups err together: what they found is half of the change, with noise of its size."""
    expected = changes()
    noise = np.where(np.arange(GROUPS) % 2, 0.2, -0.2)[:, None]
    quiet, noisy = (served(0.5 + 0.5 * expected + each, MOTION) for each in (0.0 * noise, noise))
    video = told(quiet)
    assert trust(video, [noisy]) < trust(video, [quiet]) - 0.1
    four = trust(video, [noisy] * 4)  # four times as many groups: half the error
    assert trust(video, [noisy]) < four < trust(video, [quiet])


def test_where_nothing_changes_nothing_is_trusted() -> None:
    still = served(np.full((GROUPS, 4), 0.5), np.full(GROUPS, 0.1))
    assert trust(told(still), [still]) == pytest.approx(0.0, abs=1e-6)


def test_f1_after_empty_frames_is_told_apart_by_scale() -> None:
    empty = np.arange(GROUPS) % 4 == 0
    left = np.where(empty[:, None], [0.0, 0.0, 0.0, 0.0], [2.0, 2.0, 0.0, 0.0])
    after_empty = np.roll(empty, 1)
    f1 = np.where(after_empty[:, None], 1.0, [0.9, 0.8, 0.2, 0.1])
    found = served(f1, np.full(GROUPS, 0.1), left).situation()
    (_, full, without, others), (_, half, always, never) = found["after"]
    assert (full, half) == (1.0, 0.5)
    np.testing.assert_allclose(without, 1.0)
    np.testing.assert_allclose(others, [0.9, 0.8, 0.2, 0.1])
    np.testing.assert_allclose(always, f1.mean(axis=0), atol=0.02)
    np.testing.assert_allclose(never, f1.mean(axis=0))


def test_differences_count_as_far_as_they_are_confirmed() -> None:
    share = np.array([1.0, 1.0, 0.0, 0.5])
    values = np.array([[0.2, 0.1], [0.1, 0.3], [9.0, 9.0], [0.4, -0.1]])
    mean = share @ values / 2.5
    joint = squared = 0.0
    for k in (0, 1, 3):
        without = (share @ values - share[k] * values[k]) / (2.5 - share[k])
        joint += share[k] * float(without @ values[k])
        squared += share[k] * float(without @ without)
    assert 0.0 < joint / squared < 1.0
    np.testing.assert_allclose(_confirmed(share, values), joint / squared * mean)
    opposed = np.array([[0.2, 0.2], [-0.2, -0.2], [0.0, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(_confirmed(share, opposed), 0.0)
    np.testing.assert_array_equal(_confirmed(np.array([0.0, 1.0, 0.0, 0.0]), values), 0.0)
    np.testing.assert_array_equal(_confirmed(np.zeros(4), values), 0.0)


def test_a_film_is_served_by_every_branch() -> None:
    walker = Object(20, 70, 20, 44, (5, 0))
    frames = film([walker], 66)  # gone after 60
    found = serve(SOME, Film(frames, [true_boxes([walker], k) for k in range(66)]), 8, False)
    assert found.frames.tolist() == [8.0] * 8 + [2.0]
    assert found.f1.shape == (9, 4)
    np.testing.assert_allclose(found.f1[:7, 0], 1.0)
    np.testing.assert_allclose(found.f1[:7, 2:], 0.0)  # too small for the detector
    np.testing.assert_allclose(found.f1[8, 2:], 1.0)  # there is nothing to find
    saw = Seen(*found.saw[3, 0].tolist())
    assert saw == pytest.approx((44.0, 0.25, 1.0, 1.0))
    assert found.situation()["f1"][2] == pytest.approx(found.frames @ found.f1[:, 2] / 66)
