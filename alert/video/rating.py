"""How well branches do on a film: the boxes that count as true, and F1 against them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alert import _arguments
from alert._arguments import Floats
from alert._progress import bar
from alert.video.boxes import checked, f1
from alert.video.branch import Branch, Frame, Shown
from alert.video.content import seen
from alert.video.detections import Detections


@dataclass
class Film:
    """Frames with their true boxes.

    Attributes
    ----------
    frames : sequence of array
    true : list of array
        Boxes of each frame.
    detections : Detections
        Of these frames, by their place.
    """

    frames: Sequence[Frame]
    true: list[Floats]
    detections: Detections = field(default_factory=Detections)

    def served(self, branch: Branch, start: int, group: int) -> list[Shown]:
        """Return what a branch shows of a group, which begins with a detection."""
        places = range(start, min(start + group, len(self.frames)))
        remembered = self.detections.remembered(branch, places)
        return list(remembered(self.frames[place] for place in places))

    def halves(self) -> tuple[Film, Film]:
        """Return the first half, with what is known of its detections, and the second."""
        half = len(self.frames) // 2
        first = Film(self.frames[:half], self.true[:half], self.detections)
        return first, Film(self.frames[half:], self.true[half:])

    def f1(self, shown: Sequence[Shown], start: int) -> list[float]:
        """Return the F1 of each frame of a group."""
        return [f1(each.boxes, self.true[start + k]) for k, each in enumerate(shown)]


def rate(branches: Sequence[Branch], film: Film, group: int, progress: bool) -> dict[str, Any]:
    """Return the mean F1 of each branch over a film in groups, and what they saw of its objects.

    Returns
    -------
    dict
        "f1" of each branch, and "height" and "motion" of the objects.
    """
    accuracy, saw = [], []
    with bar(len(branches), "branch", "F1", shown=progress) as done:
        for branch in branches:
            found: list[float] = []
            for start in range(0, len(film.frames), group):
                shown = film.served(branch, start, group)
                found += film.f1(shown, start)
                saw.append(seen(shown))
            accuracy.append(float(np.mean(found)))
            done.update()
    heights, motions = ([x for x in each if not math.isnan(x)] for each in zip(*saw, strict=True))
    return {
        "f1": accuracy,
        "height": float(np.median(heights)) if heights else 1.0,
        "motion": float(np.mean(motions)) if motions else 0.0,
    }


def held(true: list[Floats], group: int) -> float:
    """Return the F1 of boxes that are held from the start of a group to its end."""
    return float(np.mean([f1(true[k - k % group], boxes) for k, boxes in enumerate(true)]))


def true_boxes(
    truth: Sequence[ArrayLike] | None,
    reference: str | None,
    branches: Sequence[Branch],
    frames: list[Frame],
    detections: Detections,
) -> list[Floats]:
    """Return the boxes that count as true, of each frame."""
    if truth is None:
        names = [branch.name for branch in branches]
        if reference is not None and reference not in names:
            raise ValueError(f"reference: expected one of {names}, got {reference!r}")
        best = branches[0 if reference is None else names.index(reference)]
        return [detections.of(best, number, frame) for number, frame in enumerate(frames)]
    if reference is not None:
        raise ValueError("reference: expected none beside truth")
    if len(truth) != len(frames):
        raise ValueError(f"truth: expected boxes of {len(frames)} frames, got {len(truth)}")
    height, width = frames[0].shape[:2]
    return [
        checked(f"truth[{number}]", _with_score(boxes), height, width)
        for number, boxes in enumerate(truth)
    ]


def _with_score(boxes: ArrayLike) -> ArrayLike:
    array = np.asarray(boxes)
    if array.ndim == 2 and array.shape[1] == 4:
        return np.column_stack([array, np.ones(len(array))])
    return boxes


def checked_branches(branches: Sequence[Branch]) -> list[Branch]:
    """Return branches, each name once."""
    return _arguments.named_once("branches", branches, Branch)


def group_of(branches: Sequence[Branch], group: int | None) -> int:
    """Return the frames of a group: by default the longest interval."""
    if group is None:
        return max(branch.every for branch in branches)
    return _arguments.integer("group", group, 1)
