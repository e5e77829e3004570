"""F1 of detectors by the height of the objects that they see, measured on a clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from alert import _arguments
from alert.video.boxes import f1
from alert.video.branch import Branch
from alert.video.content import KAPPA
from alert.video.rating import Film
from alert.video.scenes import closer

BIN = 0.1
"""Width, in the logarithm of the height, of the points that a profile keeps."""


MAGNIFIED = 3
"""Every so many frames with objects are magnified, too: detections take long."""


def qualities(branches: Sequence[Branch], film: Film, zooms: Sequence[float]) -> dict[str, Any]:
    """Return what `alert.video.Content` starts from, fit for JSON.

    Parameters
    ----------
    branches : sequence of Branch
    film : Film
    zooms : sequence of float
        At least 1.
    """
    factors = [_zoom(zoom) for zoom in zooms]
    if not any(len(boxes) for boxes in film.true):
        raise ValueError("clip: expected some objects to measure by, got none in any frame")
    seen: dict[tuple[str, float], Branch] = {}
    for branch in branches:
        seen.setdefault((branch.detector, branch.scale), branch)
    points: dict[str, list[tuple[float, float]]] = {branch.detector: [] for branch in branches}
    for branch in seen.values():
        for zoom in factors:
            points[branch.detector] += _points(branch, film, zoom)
    if lacking := [name for name, found in points.items() if not found]:
        detector = f" of detector {lacking[0]!r}" if lacking[0] else ""
        raise ValueError(f"zooms: expected some that show objects{detector}, got {[*zooms]}")
    return {
        "kappa": KAPPA,
        "quality": {detector: _binned(found) for detector, found in points.items()},
    }


def _zoom(zoom: float) -> float:
    found = _arguments.number("zooms", zoom)
    if not 1.0 <= found <= 16.0:
        raise ValueError(f"zooms: expected numbers from 1 to 16, got {zoom!r}")
    return found


def _points(branch: Branch, film: Film, zoom: float) -> list[tuple[float, float]]:
    """Return the height that the detector saw, and its F1, for each frame with objects."""
    found = []
    with_objects = [number for number, boxes in enumerate(film.true) if len(boxes)]
    for number in with_objects if zoom == 1.0 else with_objects[::MAGNIFIED]:
        frame, boxes = film.frames[number], film.true[number]
        shown = boxes
        if zoom == 1.0:
            detected = film.detections.of(branch, number, frame)
        else:
            box = boxes[number // MAGNIFIED % len(boxes)]  # in the middle: each in its turn
            middle = (float(box[[0, 2]].mean()), float(box[[1, 3]].mean()))
            frame, shown = closer(frame, boxes, middle, zoom)
            detected = branch.detected(frame)
        if len(shown):
            height = float(np.median(shown[:, 3] - shown[:, 1])) * branch.scale
            found.append((height, f1(detected, shown)))
    return found


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
