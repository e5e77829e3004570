"""A tracker: every box follows the picture in it from frame to frame.

The shift of each box is found by Gauss-Newton steps on the differences between two frames. They
start from the shift before, and go from coarse to fine (Lucas and Kanade 1981), for all boxes at
once. Points on a grid in the box count less near its edges, where the background shows, and where
the picture has changed (a robust weight).

    symbol  meaning
    g       grey values of the frame before
    r       difference between the new frame, shifted by d, and g; its weighted mean taken off
    k       weight of a point: place in the box x how well it fits
    d       shift of the box, pixels:  d -= (Σ k ∇g ∇gᵀ)⁻¹ Σ k ∇g r
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alert._arguments import Floats

LEVELS = 4
"""Halvings of the frame: the coarsest takes a shift of some 24 pixels in one step."""

LEAST = 8.0
"""Pixels of a level that a box must be high: a smaller one shows too little there."""

STEPS = 4
"""Gauss-Newton steps on each level, at most."""

ENOUGH = 0.03
"""A step of fewer pixels of its level ends the level."""

LONGEST_STEP = 1.5
"""Pixels of its level."""

Grey = NDArray[np.float32]

# Places of the points in a box, -0.5..0.5 of its width and height, and their weights: people are
# upright, so the grid is twice as fine along the height.
_ACROSS, _DOWN = (
    place.ravel().astype(np.float32)
    for place in np.meshgrid(*(0.8 * ((np.arange(n) + 0.5) / n - 0.5) for n in (12, 24)))
)
_MIDDLE = np.exp(-((_ACROSS / 0.28) ** 2) - (_DOWN / 0.33) ** 2)
_MIDDLE /= _MIDDLE.sum()


class Follower:
    """Follows boxes through the frames after the one in which they were detected.

    Parameters
    ----------
    frame : array of height x width x 3, uint8
    boxes : array of n x 5
        Those of `frame`.

    Attributes
    ----------
    kept : array of int
        After a call, the boxes before that are still there: a box whose middle leaves the frame is
        dropped.
    motion : float
        After a call, how far the boxes have moved: the median, in widths of the box. 0 without
        boxes.
    """

    def __init__(self, frame: NDArray[Any], boxes: Floats) -> None:
        self._boxes = boxes
        self._levels = _pyramid(frame)
        self._shifts: Floats = np.zeros((len(boxes), 2))
        self.kept: NDArray[np.intp] = np.arange(len(boxes))
        self.motion = 0.0

    def __call__(self, frame: NDArray[Any]) -> Floats:
        """Return the boxes of the next frame."""
        levels, boxes = _pyramid(frame), self._boxes
        self.motion = 0.0
        if len(boxes):
            self._improve_shifts(levels, boxes)
            boxes = boxes.copy()
            boxes[:, [0, 2]] += self._shifts[:, :1]
            boxes[:, [1, 3]] += self._shifts[:, 1:]
            widths = boxes[:, 2] - boxes[:, 0]
            self.motion = float(np.median(np.hypot(*self._shifts.T) / widths))
        height, width = frame.shape[:2]
        across, down = boxes[:, [0, 2]].mean(axis=1), boxes[:, [1, 3]].mean(axis=1)
        there = (across > 0) & (across < width) & (down > 0) & (down < height)
        self.kept = np.flatnonzero(there)
        self._levels, self._boxes, self._shifts = levels, boxes[there], self._shifts[there]
        return self._boxes

    def _improve_shifts(self, levels: list[Grey], boxes: Floats) -> None:
        """Find how far each box has moved, pixels across and down; start from the shift before."""
        width, height = (boxes[:, 2:4] - boxes[:, :2]).T[:, :, None]
        across = boxes[:, [0, 2]].mean(axis=1)[:, None] + _ACROSS * width
        down = boxes[:, [1, 3]].mean(axis=1)[:, None] + _DOWN * height
        for level in reversed(range(LEVELS)):
            size = 2.0 ** (level + 1)  # pixels of the frame in one of this level
            large = np.flatnonzero((height[:, 0] >= LEAST * size) | (level == 0))
            if len(large):
                x, y = across[large] / size - 0.5, down[large] / size - 0.5
                shift = self._shifts[large]
                _descend(self._levels[level], levels[level], x, y, shift, size)
                self._shifts[large] = shift


def _descend(before: Grey, after: Grey, x: Floats, y: Floats, shift: Floats, size: float) -> None:
    """Improve `shift` in place on one level."""
    there = _at(before, x, y)
    slope_x = 0.5 * (_at(before, x + 1, y) - _at(before, x - 1, y))
    slope_y = 0.5 * (_at(before, x, y + 1) - _at(before, x, y - 1))
    for _ in range(STEPS):
        residual = _at(after, x + shift[:, :1] / size, y + shift[:, 1:] / size) - there
        residual -= (residual * _MIDDLE).sum(axis=1, keepdims=True)  # light has changed
        usual = np.median(np.abs(residual), axis=1, keepdims=True)
        weight = _MIDDLE / (1.0 + (residual / (1.5 * usual + 1e-3)) ** 2)
        a = (weight * slope_x * slope_x).sum(axis=1)
        b = (weight * slope_x * slope_y).sum(axis=1)
        c = (weight * slope_y * slope_y).sum(axis=1)
        down_x = -(weight * slope_x * residual).sum(axis=1)
        down_y = -(weight * slope_y * residual).sum(axis=1)
        determinant = a * c - b * b + 1e-3 * (a + c) ** 2 + 1e-9  # a flat picture stays
        step = np.column_stack([c * down_x - b * down_y, a * down_y - b * down_x])
        step = np.clip(step / determinant[:, None], -LONGEST_STEP, LONGEST_STEP)
        shift += step * size
        if np.abs(step).max() < ENOUGH:
            return


def _pyramid(frame: NDArray[Any]) -> list[Grey]:
    """Return the frame in grey, halved once, twice and so on. Green serves as grey."""
    grey = frame[..., 1].astype(np.float32)
    if min(grey.shape) < 2:  # values between pixels need two of them
        grey = np.pad(grey, ((0, 1), (0, 1)), "edge")
    levels = []
    for _ in range(LEVELS):
        grey = _halved(grey)
        levels.append(grey)
    return levels


def _halved(grey: Grey) -> Grey:
    if min(grey.shape) < 4:
        return grey  # nothing is left to halve
    height, width = (length // 2 * 2 for length in grey.shape)
    grey = grey[:height, :width]
    halved: Grey = 0.25 * (grey[::2, ::2] + grey[1::2, ::2] + grey[::2, 1::2] + grey[1::2, 1::2])
    return halved


def _at(grey: Grey, x: Floats, y: Floats) -> Floats:
    """Return grey values between the pixels, those outside of the frame as at its edge."""
    height, width = grey.shape
    x, y = x.clip(0, width - 1.001), y.clip(0, height - 1.001)
    left, top = x.astype(np.int32), y.astype(np.int32)
    right, low = x - left, y - top
    place, flat = top * width + left, grey.ravel()
    upper = flat[place] * (1 - right) + flat[place + 1] * right
    lower = flat[place + width] * (1 - right) + flat[place + width + 1] * right
    found: Floats = upper * (1 - low) + lower * low
    return found
