"""What branches consist of: detections, starts of a tracker, and steps of it.

Detectors, at each scale, and trackers are timed by themselves. A branch of interval n takes

    (k D + k B + (G - k) T) / G,   k = ⌈G / n⌉

seconds a frame. D is a detection, B the start of a tracker, T a step of it, G the frames of a
group. B is zero where n is 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from alert._arguments import Floats
from alert.profile import Profile
from alert.video.branch import Branch, Frame

Part: TypeAlias = Callable[["Moment"], Any]


class Moment:
    """Two frames that follow each other: what the parts of branches are timed on.

    Parameters
    ----------
    branches : sequence of Branch
    frame, after : array of height x width x 3, uint8
    boxes : array of n x 5
        Those of `frame`.
    """

    def __init__(
        self, branches: Sequence[Branch], frame: Frame, after: Frame, boxes: Floats
    ) -> None:
        self.frame, self.after, self.boxes = frame, after, boxes
        self._steps = {
            _tracker(branch): _both_ways(branch.track(frame, boxes), [frame, after])
            for branch in branches
            if branch.every > 1
        }

    @classmethod
    def amid(
        cls, branches: Sequence[Branch], frames: Sequence[Frame], true: Sequence[Floats]
    ) -> Moment:
        """Return the middle one of the frames with objects, and one next to it.

        In the first one an object may just be entering: a tracker loses it at once.
        """
        with_objects = [place for place, boxes in enumerate(true) if len(boxes)]
        place = with_objects[len(with_objects) // 2]
        other = place + 1 if place + 1 < len(frames) else place - 1
        return cls(branches, frames[place], frames[other], true[place])

    def with_boxes(self, branches: Sequence[Branch], boxes: Floats) -> Moment:
        """Return the same frames with other boxes."""
        return Moment(branches, self.frame, self.after, boxes)

    def step(self, branch: Branch) -> Floats:
        """Follow the boxes to the second frame, or back again."""
        return self._steps[_tracker(branch)]()


def _both_ways(follow: Callable[[Frame], Floats], turns: list[Frame]) -> Callable[[], Floats]:
    def step() -> Floats:
        turns.reverse()
        return follow(turns[0])

    return step


def parts(branches: Sequence[Branch]) -> dict[str, Part]:
    """Return the parts of branches, each of which takes a `Moment`."""
    found: dict[str, Part] = {}
    for branch in branches:
        found[_detection(branch)] = _detecting(branch)
        if branch.every > 1:
            found[f"start of {_tracker(branch)}"] = _starting(branch)
            found[steps_of(branch)] = _stepping(branch)
    return found


def _detecting(branch: Branch) -> Part:
    return lambda moment: branch.detected(moment.frame)


def _starting(branch: Branch) -> Part:
    return lambda moment: branch.track(moment.frame, moment.boxes)


def _stepping(branch: Branch) -> Part:
    return lambda moment: moment.step(branch)


def together(
    branches: Sequence[Branch], group: int, names: Sequence[str], costs: Floats
) -> list[Floats]:
    """Put what the frames of a group cost together from the costs of parts.

    Parameters
    ----------
    branches : sequence of Branch
    group : int
        Frames.
    names : sequence of str
        Of the parts.
    costs : array of ... x parts x caps

    Returns
    -------
    list of array, frames x ... x caps
        One for each branch.
    """
    row = {name: i for i, name in enumerate(names)}
    return [
        np.array(
            [
                costs[..., [row[name] for name in _on_frame(branch, k)], :].sum(axis=-2)
                for k in range(group)
            ]
        )
        for branch in branches
    ]


def profile_of(
    branches: Sequence[Branch],
    group: int,
    accuracy: Sequence[float],
    video: dict[str, Any],
    costs: Profile,
) -> Profile:
    """Put the profile of branches together from that of their parts."""
    seconds = together(branches, group, costs.models, costs.latency)
    joules = together(branches, group, costs.models, costs.latency * costs.power)
    latency = np.array([each.mean(axis=0) for each in seconds])
    energy = np.array([each.mean(axis=0) for each in joules])
    shares = {
        branch.name: (np.cumsum(each[:, -1]) / each[:, -1].sum()).tolist()
        for branch, each in zip(branches, seconds, strict=True)
    }
    kinds = [(branch.detector, branch.scale, branch.every) for branch in branches]
    return Profile(
        latency=latency,
        power=None if np.isnan(costs.power).any() else energy / latency,
        accuracy=accuracy,
        power_caps=costs.power_caps,
        idle_power=costs.idle_power,
        models=[branch.name for branch in branches],
        origin={**costs.origin, "video": {**video, "shares": shares, "branches": kinds}},
        unit=costs.unit,
    )


def _on_frame(branch: Branch, place: int) -> list[str]:
    """Name what runs on a frame, by its place in the group."""
    if place % branch.every:
        return [steps_of(branch)]
    starts = [f"start of {_tracker(branch)}"] if branch.every > 1 else []
    return [_detection(branch), *starts]


def steps_of(branch: Branch) -> str:
    """Name the steps of a branch's tracker."""
    return f"step of {_tracker(branch)}"


def step_with(branch: Branch, boxes: int) -> str:
    """Name a step of a branch's tracker with so many boxes."""
    return f"{steps_of(branch)}, boxes: {boxes}"


def _detection(branch: Branch) -> str:
    return f"detection{branch.detector and ' ' + branch.detector} x{branch.scale:g}"


def _tracker(branch: Branch) -> str:
    """Name a tracker; one made in a function gets its number, for others may have the same name."""
    name = str(getattr(branch.track, "__qualname__", type(branch.track).__qualname__))
    is_known = hasattr(branch.track, "__qualname__") and "<" not in name
    return name if is_known else f"{name} {id(branch.track)}"
