"""Detections that are remembered, so that a detector runs once for each scale and frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from alert._arguments import Floats
from alert.video.branch import Branch, Frame


class Detections:
    """Remembers the boxes of each detector, scale and frame."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, float, int], Floats] = {}

    def of(self, branch: Branch, number: int, frame: Frame) -> Floats:
        """Return the boxes that the detector of a branch finds in the frame of a number."""
        key = (branch.detector, branch.scale, number)
        if key not in self._known:
            self._known[key] = branch.detected(frame)
        return self._known[key].copy()

    def remembered(self, branch: Branch, numbers: Sequence[int]) -> Branch:
        """Return the branch with a detector that remembers, for frames of these numbers."""
        due: Iterator[int] = iter(numbers[:: branch.every])

        def detect(frame: Frame) -> Floats:
            return self.of(branch, next(due), frame)

        return replace(branch, detect=detect, scale=1.0)
