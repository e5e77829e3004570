"""Numbers for objects that stay the same from frame to frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alert._arguments import Floats
from alert.video.boxes import LARGEST, SAME, pairs
from alert.video.branch import Shown

MEMORY = 16
"""Frames for which an object that is lost is remembered, where it was seen last."""


class Identities:
    """Numbers objects: 0, 1, 2, ... in the order in which they appear."""

    def __init__(self) -> None:
        self._next = 0
        self._boxes: Floats = np.zeros((0, 5))  # of the frame before, then those that are lost
        self._ids: NDArray[np.int64] = np.zeros(0, np.int64)
        self._ages: NDArray[np.int64] = np.zeros(0, np.int64)  # frames since an object was seen
        self._shown = 0  # boxes of the frame before

    def of(self, shown: Shown) -> NDArray[np.int64]:
        """Return the number of each box of the next frame."""
        ids = np.full(len(shown.boxes), -1, np.int64)
        if shown.before is None:
            for old, new in self._matches(shown.boxes):
                ids[new] = self._ids[old]
        else:
            ids[:] = self._ids[: self._shown][shown.before]
        unknown = np.flatnonzero(ids < 0)
        ids[unknown] = self._next + np.arange(len(unknown))
        self._next += len(unknown)
        self._remember(shown.boxes, ids)
        return ids

    def _matches(self, boxes: Floats) -> list[tuple[int, int]]:
        """Pair the boxes known with new ones: those of the frame before first, then lost ones."""
        found = pairs(self._boxes[: self._shown], boxes, SAME)
        taken = {new for _, new in found}
        free = [new for new in range(len(boxes)) if new not in taken]
        lost = pairs(self._boxes[self._shown :], boxes[free], SAME)
        return found + [(old + self._shown, free[new]) for old, new in lost]

    def _remember(self, boxes: Floats, ids: NDArray[np.int64]) -> None:
        ages = self._ages + 1
        lost = (ages <= MEMORY) & ~np.isin(self._ids, ids)
        lost &= lost.cumsum() <= LARGEST  # those lost last come first
        self._boxes = np.vstack([boxes, self._boxes[lost]])
        self._ids = np.concatenate([ids, self._ids[lost]])
        self._ages = np.concatenate([np.zeros(len(ids), np.int64), ages[lost]])
        self._shown = len(boxes)
