"""Boxes of a frame: their shape, their overlap, and how well they match other boxes.

Boxes are an array of n x 5: left, top, right, bottom in pixels, and a score. Arrays of n x 4 are
taken where the score does not matter.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from alert import _arguments
from alert._arguments import Floats

OVERLAP = 0.5
"""Intersection over union from which two boxes are said to show the same object."""

SAME = 0.3
"""Intersection over union from which boxes of two frames may be of one object."""

LARGEST = 2_000
"""Most boxes of one frame. More are a fault of the detector, and would take seconds to match."""


def checked(name: str, boxes: ArrayLike, height: int, width: int) -> Floats:
    """Return what a detector gave as boxes, cut to the frame; those outside of it are left out.

    Parameters
    ----------
    name : str
        Of the detector, for messages.
    boxes : array_like, n x 5
        An empty sequence counts as no boxes.
    height, width : int
        Of the frame, in pixels.

    Raises
    ------
    ValueError, TypeError
        The boxes have another shape, are too many, or hold something else than finite numbers.
    """
    given = np.asarray(boxes)
    if given.size == 0:
        return np.zeros((0, 5))
    array = _arguments.grid(name, boxes, (None, 5))
    if len(array) > LARGEST:
        raise ValueError(f"{name}: expected at most {LARGEST} boxes, got {len(array)}")
    cut = within(array, height, width)
    return cut[(cut[:, 2] > cut[:, 0]) & (cut[:, 3] > cut[:, 1])]


def within(boxes: Floats, height: int, width: int) -> Floats:
    """Return boxes cut to a frame; those outside of it have no area left."""
    cut = boxes.copy()
    cut[:, 0:4:2] = cut[:, 0:4:2].clip(0.0, width)
    cut[:, 1:4:2] = cut[:, 1:4:2].clip(0.0, height)
    return cut


def overlap(some: Floats, others: Floats) -> Floats:
    """Return the intersection over union of each box of one array with each of the other."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:4], others[None, :, 2:4])
    common = (high - low).clip(0.0).prod(axis=2)
    union = _area(some)[:, None] + _area(others)[None] - common
    found: Floats = common / np.maximum(union, 1e-9)
    return found


def _area(boxes: Floats) -> Floats:
    area: Floats = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return area


def pairs(some: Floats, others: Floats, least: float = OVERLAP) -> list[tuple[int, int]]:
    """Pair boxes that overlap by at least `least`: the best pair first, every box once."""
    shared = overlap(some, others)
    rows, columns = np.nonzero(shared >= least)
    best = np.argsort(-shared[rows, columns], kind="stable")
    free, free_others = set(range(len(some))), set(range(len(others)))
    found = []
    for i, j in zip(rows[best].tolist(), columns[best].tolist(), strict=True):
        if i in free and j in free_others:
            free.remove(i)
            free_others.remove(j)
            found.append((i, j))
    return found


def f1(found: Floats, truth: Floats, least: float = OVERLAP) -> float:
    """Return how well boxes match the true ones: 2 pairs / (boxes found + true boxes), 0 to 1.

    Parameters
    ----------
    found, truth : array, n x 4 or n x 5
        Two empty arrays match.
    least : float, default 0.5
        Intersection over union from which two boxes are a pair.
    """
    if len(found) + len(truth) == 0:
        return 1.0
    return 2.0 * len(pairs(found, truth, least)) / (len(found) + len(truth))


def moved(before: Floats, after: Floats) -> float:
    """Return the median shift of boxes that two frames share, in widths; NaN where none do."""
    shared = pairs(before, after, SAME)
    if not shared:
        return math.nan
    places = np.array(shared)
    old, new = before[places[:, 0]], after[places[:, 1]]
    shift = ((new[:, :2] + new[:, 2:4]) - (old[:, :2] + old[:, 2:4])) / 2.0
    return float(np.median(np.hypot(*shift.T) / (old[:, 2] - old[:, 0])))
