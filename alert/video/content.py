"""How well each branch suits what is in the picture now, from two numbers of the boxes shown.

    symbol  meaning
    h       height of objects: the median over boxes, pixels of the frame
    v       motion of objects: the median shift from frame to frame, widths of the box
    s, n    scale of the branch, and its interval in frames
    q(·)    F1 of a detector on objects of some height as it sees them, s h
    κ       how soon boxes that are followed go astray [ours]

    A(s, n) = q(s h) · 1/n · Σ_{k<n} exp(−(k κ v)²)                                   [ours]

q is smoothed over the points that were measured, in the logarithm of the height. It is held at the
ends of what was measured. Both numbers are learnt from boxes that are shown anyway: h with the
weight 0.7, v with 0.5. Without boxes they stay.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from alert._arguments import Floats
from alert.video.branch import Branch

KAPPA = 0.39
"""Fitted to 12 branches and scenes of one clip, rms 0.022."""

SMOOTHING = 0.25
"""Width of the kernel of q, in the logarithm of the height."""

WEIGHT_HEIGHT, WEIGHT_MOTION = 0.7, 0.5
"""Weight of the last group."""


@dataclass
class Quality:
    """F1 of one detector by the height of the objects as it sees them.

    Attributes
    ----------
    heights : array
        Pixels that the detector saw.
    f1 : array
        What was measured at each height.
    weights : array
        Frames behind each point.
    """

    heights: Floats
    f1: Floats
    weights: Floats

    def at(self, height: float) -> float:
        """Return the F1 of objects of a height, in pixels that the detector sees."""
        logs = np.log(self.heights)
        place = min(max(math.log(height), logs.min()), logs.max())
        near = self.weights * np.exp(-0.5 * ((place - logs) / SMOOTHING) ** 2)
        return float((near * self.f1).sum() / near.sum())


@dataclass
class Content:
    """Height and motion of the objects in the last frames, and what branches make of them.

    Attributes
    ----------
    quality : dict of str to Quality
        One for each detector.
    height : float
        Pixels.
    motion : float
        Widths from frame to frame.
    kappa : float
    """

    quality: dict[str, Quality]
    height: float
    motion: float
    kappa: float = KAPPA
    _heights: list[float] = field(default_factory=list, repr=False)
    _motions: list[float] = field(default_factory=list, repr=False)

    def accuracy(self, branch: Branch) -> float:
        """Return the F1 to expect of a branch, 0 to 1."""
        seen = self.quality[branch.detector].at(branch.scale * self.height)
        return seen * held(branch.every, self.motion, self.kappa)

    def accuracies(self, branches: Sequence[Branch]) -> Floats:
        """Return the F1 to expect of each branch."""
        return np.array([self.accuracy(branch) for branch in branches])

    def see(self, boxes: Floats, motion: float) -> None:
        """Note the boxes of a frame, and their motion, NaN where it is not known."""
        if len(boxes):
            self._heights.append(float(np.median(boxes[:, 3] - boxes[:, 1])))
        if motion >= 0.0:
            self._motions.append(motion)

    def learn(self) -> None:
        """Take in what was seen since the last call."""
        if self._heights:
            new = math.log(max(float(np.median(self._heights)), 1.0))
            log = math.log(self.height)
            self.height = math.exp(log + WEIGHT_HEIGHT * (new - log))
        if self._motions:
            self.motion += WEIGHT_MOTION * (float(np.mean(self._motions)) - self.motion)
        self._heights.clear()
        self._motions.clear()


def held(every: int, motion: float, kappa: float) -> float:
    """Return the share of its F1 that a detection keeps over the frames until the next one."""
    ages = np.arange(every)
    return float(np.exp(-((ages * kappa * motion) ** 2)).mean())
