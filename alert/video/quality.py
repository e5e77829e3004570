"""F1 of detectors by the height of the objects that they see, measured on a clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from alert import _arguments
from alert._arguments import Floats
from alert.video.boxes import f1, within
from alert.video.branch import Branch, Frame
from alert.video.content import KAPPA
from alert.video.frames import magnified

BIN = 0.1
"""Width, in the logarithm of the height, of the points that a profile keeps."""

VISIBLE = 0.5
"""Share of an object that a magnified part must show for the object to count."""


class Detections:
    """Remembers the boxes of each detector, scale and frame, so that each runs once."""

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


def qualities(
    branches: list[Branch],
    frames: list[Frame],
    true: list[Floats],
    zooms: Sequence[float],
    detections: Detections,
) -> dict[str, Any]:
    """Return what `alert.video.Content` starts from, fit for JSON.

    Parameters
    ----------
    branches : list of Branch
    frames : list of array
    true : list of array
        Boxes of each frame.
    zooms : sequence of float
        At least 1.
    detections : Detections
    """
    factors = [_zoom(zoom) for zoom in zooms]
    heights = [np.median(boxes[:, 3] - boxes[:, 1]) for boxes in true if len(boxes)]
    if not heights:
        raise ValueError("clip: expected some objects to measure by, got none in any frame")
    seen: dict[tuple[str, float], Branch] = {}
    for branch in branches:
        seen.setdefault((branch.detector, branch.scale), branch)
    points: dict[str, list[tuple[float, float]]] = {branch.detector: [] for branch in branches}
    for branch in seen.values():
        for zoom in factors:
            points[branch.detector] += _points(branch, frames, true, zoom, detections)
    return {
        "height": float(np.median(heights)),
        "motion": _motion(branches, frames, true),
        "kappa": KAPPA,
        "quality": {detector: _binned(found) for detector, found in points.items()},
    }


def _zoom(zoom: float) -> float:
    found = _arguments.number("zooms", zoom)
    if not 1.0 <= found <= 16.0:
        raise ValueError(f"zooms: expected numbers from 1 to 16, got {zoom!r}")
    return found


def _points(
    branch: Branch,
    frames: list[Frame],
    true: list[Floats],
    zoom: float,
    detections: Detections,
) -> list[tuple[float, float]]:
    """Return the height that the detector saw, and its F1, for each frame with objects."""
    found = []
    for number, (frame, boxes) in enumerate(zip(frames, true, strict=True)):
        if len(boxes) == 0:
            continue
        shown = boxes
        if zoom == 1.0:
            detected = detections.of(branch, number, frame)
        else:
            frame, shown = _closer(frame, boxes, number, zoom)
            detected = branch.detected(frame)
        if len(shown):
            height = float(np.median(shown[:, 3] - shown[:, 1])) * branch.scale
            found.append((height, f1(detected, shown)))
    return found


def _closer(frame: Frame, boxes: Floats, number: int, zoom: float) -> tuple[Frame, Floats]:
    """Return a magnified part about one of the objects, and the boxes that it shows."""
    box = boxes[number % len(boxes)]
    middle = (float(box[[0, 2]].mean()), float(box[[1, 3]].mean()))
    part, left, top = magnified(frame, middle, zoom)
    height, width = frame.shape[:2]
    moved = boxes.copy()
    moved[:, 0:4:2] = (moved[:, 0:4:2] - left) * zoom
    moved[:, 1:4:2] = (moved[:, 1:4:2] - top) * zoom
    cut = within(moved, height, width)
    area, whole = (((each[:, 2:4] - each[:, :2]).clip(0.0)).prod(axis=1) for each in (cut, moved))
    return part, cut[area >= VISIBLE * whole]


def _motion(branches: list[Branch], frames: list[Frame], true: list[Floats]) -> float:
    """Return the median shift of the true boxes from frame to frame, in widths of the box."""
    track: Callable[..., Any] = branches[0].track
    shifts = []
    for before, after, boxes in zip(frames, frames[1:], true, strict=False):
        if len(boxes):
            tracker = track(before, boxes)
            tracker(after)
            shifts.append(tracker.motion)
    return float(np.median(shifts))


def _binned(points: list[tuple[float, float]]) -> dict[str, list[float]]:
    """Return means over bins of the height, and the number of frames in each."""
    heights, scores = np.array(points).T
    logs = np.log(np.maximum(heights, 1.0))
    bins = np.round(logs / BIN)
    places = np.unique(bins)
    return {
        "heights": [float(np.exp(logs[bins == place].mean())) for place in places],
        "f1": [float(scores[bins == place].mean()) for place in places],
        "weights": [float((bins == place).sum()) for place in places],
    }
