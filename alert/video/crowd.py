"""How much longer branches take where more boxes are followed than when they were measured.

A step of a tracker takes T(b) seconds for b boxes. It is measured with no box, one and many, and
lies on the lines between. Of the G frames of a group, a branch follows boxes to s. There were b₀
boxes when it was measured. It takes

    (L + s T(b)) / (L + s T(b₀)),   L: seconds of the rest of a group                 [ours]

times as long as profiled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from alert._arguments import Floats
from alert.profile import Profile
from alert.video.branch import Branch
from alert.video.parts import Moment, Part, step_with, steps_of, together

COUNTS = (0, 1, 16)
"""Boxes that a step is measured with. The first box costs more than each further one."""

WEIGHT = 0.7
"""Weight of the last group."""


@dataclass
class Crowd:
    """The number of boxes in the last frames, and what it does to the latencies of branches.

    Attributes
    ----------
    boxes : float
        In a frame.
    counts : array of C
        Boxes that a step was measured with, ascending.
    measured : array of C x branches
        How much longer than profiled each branch takes with so many boxes.
    """

    boxes: float
    counts: Floats
    measured: Floats

    @classmethod
    def of(cls, video: Mapping[str, Any]) -> Crowd:
        """Return the crowd as a profile says it was: ``profile.origin["video"]``."""
        crowd = video["boxes"]
        counts = np.array(crowd["counts"])
        if len(counts) < 2 or (np.diff(counts) <= 0).any():
            raise ValueError(f"boxes: expected ascending counts, got {counts}")
        return cls(crowd["profiled"], counts, np.array(crowd["factors"]))

    def factors(self) -> Floats:
        """Return how much longer each branch takes than profiled."""
        return _on_lines(self.boxes, self.counts, self.measured)

    def take(self, boxes: float) -> None:
        """Take in how many boxes the frames of a group had, on average."""
        self.boxes += WEIGHT * (boxes - self.boxes)


def _on_lines(boxes: float, counts: Floats, values: Floats) -> Floats:
    """Return what lies on the lines between values at ascending counts; the last line goes on."""
    right = int(np.clip(np.searchsorted(counts, boxes), 1, len(counts) - 1))
    share = (boxes - counts[right - 1]) / (counts[right] - counts[right - 1])
    found: Floats = values[right - 1] + share * (values[right] - values[right - 1])
    return found


def counted_steps(branches: Sequence[Branch], moment: Moment) -> dict[str, Part]:
    """Return steps of the trackers with `COUNTS` boxes, as further parts to measure."""
    found: dict[str, Part] = {}
    for count in COUNTS:
        counted = moment.with_boxes(branches, np.resize(moment.boxes, (count, 5)))
        for branch in branches:
            if branch.every > 1:
                found[step_with(branch, count)] = partial(_step, counted, branch)
    return found


def _step(moment: Moment, branch: Branch, _: Moment) -> Floats:
    return moment.step(branch)


def crowd_of(
    branches: Sequence[Branch], group: int, costs: Profile, boxes: float
) -> dict[str, Any]:
    """Return what `Crowd.of` reads, from the costs of parts: those of steps had so many boxes."""
    row = dict(zip(costs.models, costs.latency[:, -1], strict=True))
    frames = together(branches, group, costs.models, costs.latency)
    factors = []
    for branch, each in zip(branches, frames, strict=True):
        steps = group - -(-group // branch.every)
        rest = each[:, -1].sum() - steps * row.get(steps_of(branch), 0.0)
        factors.append(_factors(rest, steps * _steps(branch, row), boxes))
    return {"profiled": boxes, "counts": [*COUNTS], "factors": np.transpose(factors).tolist()}


def _steps(branch: Branch, row: Mapping[str, float]) -> Floats:
    """Return the seconds of a step with `COUNTS` boxes: more boxes never take less."""
    if branch.every == 1:
        return np.zeros(len(COUNTS))
    seconds = [row[step_with(branch, count)] for count in COUNTS]
    return np.maximum.accumulate(seconds)


def _factors(rest: float, followed: Floats, boxes: float) -> Floats:
    """Return how much longer a group takes with `COUNTS` boxes than with so many."""
    profiled = _on_lines(boxes, np.array(COUNTS), followed)
    found: Floats = (rest + followed) / (rest + profiled)
    return found
