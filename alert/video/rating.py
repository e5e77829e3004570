"""How well branches do on a film: the boxes that count as true, and F1 against them."""

from __future__ import annotations

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
from alert.video.content import Seen, seen
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


@dataclass(frozen=True)
class Served:
    """What branches found on a film, group by group.

    Attributes
    ----------
    branches : sequence of Branch
    frames : array of G
        In each group.
    f1 : array of G x B
        Mean over the frames of a group.
    saw : array of G x B x 4
        `alert.video.content.Seen`.
    """

    branches: Sequence[Branch]
    frames: Floats
    f1: Floats
    saw: Floats

    def situation(self) -> dict[str, Any]:
        """Return F1 and what was seen, on average; fit for JSON."""
        height, motion = np.moveaxis(self.saw, 2, 0)[:2]
        f1 = self.frames @ self.f1 / self.frames.sum()
        return {
            "f1": f1.tolist(),
            "height": 1.0 if np.isnan(height).all() else float(np.nanmedian(height)),
            "motion": 0.0 if np.isnan(motion).all() else float(np.nanmean(motion)),
            "after": self._after(f1),
        }

    def _after(self, average: Floats) -> list[Any]:
        """Return F1 by what each detector, at each scale, left in the group before.

        A difference from the average counts as far as groups confirm what the others say.
        """
        left, following = self.saw[:-1, :, Seen._fields.index("left")], self.f1[1:] - average
        kinds = [(branch.detector, branch.scale) for branch in self.branches]
        found = []
        for kind in dict.fromkeys(kinds):
            same = [column for column, other in enumerate(kinds) if other == kind]
            without = (left[:, same] == 0.0).mean(axis=1)  # share of the intervals
            f1 = [average + _confirmed(share, following) for share in (without, 1.0 - without)]
            found.append([*kind, *(each.tolist() for each in f1)])
        return found


def _confirmed(share: Floats, values: Floats) -> Floats:
    """Return weighted means of values, shrunk as far as single values deny those of the others.

    Let m be the mean, and m_g that without group g. The share of m that counts is
    Σ_g m_g x_g / Σ_g m_g², from 0 to 1.
    """
    total, weight = share @ values, share.sum()
    rest = weight - share
    if not (rest > 0.0).all():
        return np.zeros(values.shape[1])  # a single group says nothing
    others = (total - share[:, None] * values) / rest[:, None]
    joint, squared = (float(share @ (others * each).sum(axis=1)) for each in (values, others))
    found: Floats = np.clip(joint / squared, 0.0, 1.0) * total / weight if squared else 0.0 * total
    return found


def serve(branches: Sequence[Branch], film: Film, group: int, progress: bool) -> Served:
    """Have every branch serve a film in groups."""
    starts = range(0, len(film.frames), group)
    f1, saw = [], []
    with bar(len(branches), "branch", "F1", shown=progress) as done:
        for branch in branches:
            shown = [film.served(branch, start, group) for start in starts]
            f1.append([np.mean(film.f1(*pair)) for pair in zip(shown, starts, strict=True)])
            saw.append([seen(each) for each in shown])
            done.update()
    frames = np.array([len(film.frames[start : start + group]) for start in starts], float)
    return Served(branches, frames, np.transpose(f1), np.array(saw).swapaxes(0, 1))


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
