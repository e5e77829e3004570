"""How much longer branches take where more boxes are followed than when they were measured.

A step of a tracker takes T₀ + T₁ b seconds for b boxes. T₁ follows from a step with the boxes of a
frame, b₀, and one with a single box. With the share c of a branch's latency that goes with the
boxes, it takes

    1 + c (b / b₀ - 1),   c = (G - k) T₁ b₀ / (G × seconds a frame)                   [ours]

times as long as profiled. G and k are those of `alert/video/parts.py`.
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
from alert.video.parts import Moment, Part, alone, steps_of, together

WEIGHT = 0.7
"""Weight of the last group."""


@dataclass
class Crowd:
    """The number of boxes in the last frames, and what it does to the latencies of branches.

    Attributes
    ----------
    boxes : float
        In a frame.
    measured : float
        In the frame that trackers were measured on.
    shares : array
        Of the latency of each branch, that goes with the boxes.
    """

    boxes: float
    measured: float
    shares: Floats

    @classmethod
    def of(cls, video: Mapping[str, Any]) -> Crowd:
        """Return the crowd as a profile says it was: ``profile.origin["video"]``."""
        crowd = video["crowd"]
        return cls(crowd["boxes"], crowd["boxes"], np.array(crowd["shares"]))

    def factors(self) -> Floats:
        """Return how much longer each branch takes than profiled."""
        found: Floats = 1.0 + self.shares * (self.boxes / self.measured - 1.0)
        return found

    def take(self, boxes: float) -> None:
        """Take in how many boxes the frames of a group had, on average."""
        self.boxes += WEIGHT * (boxes - self.boxes)


def single_steps(branches: Sequence[Branch], moment: Moment) -> dict[str, Part]:
    """Return steps of the trackers with a single box, as further parts to measure."""
    single = moment.with_boxes(branches, moment.boxes[:1])
    return {
        alone(branch): partial(_step, single, branch) for branch in branches if branch.every > 1
    }


def _step(moment: Moment, branch: Branch, _: Moment) -> Floats:
    return moment.step(branch)


def crowd_of(branches: Sequence[Branch], group: int, costs: Profile, boxes: int) -> dict[str, Any]:
    """Return what `Crowd.of` reads, from the costs of parts with so many boxes, and with one."""
    row = dict(zip(costs.models, costs.latency[:, -1], strict=True))
    frames = together(branches, group, costs.models, costs.latency)
    shares = [
        _share(branch, group, row, boxes) / float(each[:, -1].sum())
        for branch, each in zip(branches, frames, strict=True)
    ]
    return {"boxes": boxes, "shares": shares}


def _share(branch: Branch, group: int, row: Mapping[str, Any], boxes: int) -> float:
    """Return the seconds of a group that go with the boxes."""
    if branch.every == 1 or boxes == 1:
        return 0.0
    many, single = row[steps_of(branch)], row[alone(branch)]
    steps = group - -(-group // branch.every)
    return float(steps * max(many - single, 0.0) / (boxes - 1) * boxes)
