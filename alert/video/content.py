"""How well each branch suits what is in the picture now, from the boxes shown.

    symbol  meaning
    h, v    height of objects: the median over boxes of a group, pixels of the frame; motion of
            objects: the median shift from frame to frame, widths of the box
    s, n    scale of the branch, and its interval in frames
    q(·)    F1 of a detector on objects of some height as it sees them, s h
    F_i     F1 of the branch in situation i that it was measured in, where h was h_i and v was v_i,
            after groups that left as the last one did: with or without boxes, at the same scale
    F       mean of F_i over situations
    κ       how soon boxes that are followed go astray [ours]
    τ       what a change of h and v is worth, 0 to 1: measured (`alert/video/trust.py`)

    B(h, v) = q(s h) · 1/n · Σ_{k<n} exp(−(κ v)^1.5 √k)                               [ours]
    w_i = exp(−½ (ln(h / h_i) / ρ_h)² − ½ (ln((v + ε) / (v_i + ε)) / ρ_v)²)            [ours]
    A(h, v) = F + τ (Σ w_i F_i / Σ w_i − F)              of several situations        [ours]
    A(h, v) = u (F₁ + τ (B(h, v) − B(h₁, v₁))) + (1 − u) B(h, v),   u = min(w₁ / 0.5, 1)
                                                         of one, from 0 to 1          [ours]

Of several situations the nearest counts most. From a single one, F1 changes as the formula B does;
far from there, B alone is expected. q is smoothed over the points that were measured, in the
logarithm of the height, with the width σ, and held at the ends of what was measured. h and v are
learnt in logarithms from boxes that are shown anyway, large changes sooner than small ones. Without
boxes they stay. A frame without objects is easy, for no branch can miss one: F_i knows that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from alert._arguments import Floats
from alert.video.branch import Shown

KAPPA = 1.5
"""Fitted with both exponents to 48 branches and scenes of half a clip: 0.028 rms in the share of F1
that is kept, 0.043 on its other half."""

SMOOTHING = 0.175
"""σ, in the logarithm of the height."""

NEAR_HEIGHT, NEAR_MOTION = 0.7, 0.5
"""ρ_h and ρ_v. Chosen for the least energy on two thirds of a trace of changing scenes: h and v are
noisy, so that narrower widths choose by chance."""

SLOW = 0.05
"""ε, in widths."""

FAR = 0.5
"""w of a single situation below which it counts less."""

FARTHEST = 200.0
"""Squared distance of a situation: one farther away counts as much, so that the sum is never 0."""

STEADY, SUDDEN = 0.2, 0.8
"""Weight of the last group: of one that is as the groups before, and of one farther off than ρ.
Chosen as ρ was, and on two thirds of a trace of a scene that stays."""


class Kind(Protocol):
    """What the formula asks of a branch."""

    @property
    def detector(self) -> str:
        """Its name."""
        ...

    @property
    def scale(self) -> float:
        """Of the frames that the detector gets."""
        ...

    @property
    def every(self) -> int:
        """Frames from one detection to the next."""
        ...


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


class Seen(NamedTuple):
    """What a branch saw in a group; NaN where not known.

    Attributes
    ----------
    height : float
        Median over boxes, pixels.
    motion : float
        Mean over frames of the median shift, widths of the box.
    boxes : float
        In a frame, on average.
    left : float
        Boxes of the last frame.
    """

    height: float
    motion: float
    boxes: float = math.nan
    left: float = math.nan


@dataclass(frozen=True)
class Situation:
    """F1 of each branch on a film, where objects had a height and a motion.

    Attributes
    ----------
    height, motion : float
    f1 : array of B
        Of each branch, on average.
    after : dict
        By detector and scale: after groups that it left without boxes, and after others.
    """

    height: float
    motion: float
    f1: Floats
    after: Mapping[tuple[str, float], tuple[Floats, Floats]] = field(default_factory=dict)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Situation:
        """Return what a profile says of a situation."""
        after = {
            (detector, scale): (np.array(without), np.array(others))
            for detector, scale, without, others in told.get("after", ())
        }
        f1 = np.array(told["f1"])
        if any(each.shape != f1.shape for pair in after.values() for each in pair):
            raise ValueError(f"after: expected F1 of {len(f1)} branches")
        return cls(told["height"], told["motion"], f1, after)


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
    situations : sequence of Situation
        What was measured of the branches.
    trust : float
        What a change of the height and the motion is worth, 0 to 1.
    """

    quality: dict[str, Quality]
    height: float
    motion: float
    kappa: float = KAPPA
    situations: Sequence[Situation] = ()
    trust: float = 1.0
    _shown: list[Shown] = field(default_factory=list, repr=False)
    _layout: _Layout | None = field(default=None, repr=False)
    _measured: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._measured = np.array([each.f1 for each in self.situations])

    @classmethod
    def of(cls, video: Mapping[str, Any]) -> Content:
        """Return the content as a profile says it was: ``profile.origin["video"]``."""
        quality = {
            detector: Quality(*(np.array(points[part]) for part in ("heights", "f1", "weights")))
            for detector, points in video["quality"].items()
        }
        situations = [Situation.of(each) for each in video["situations"].values()]
        first, trust = situations[0], video.get("trust", 1.0)
        return cls(quality, first.height, first.motion, video["kappa"], situations, trust)

    def accuracies(self, branches: Sequence[Kind]) -> Floats:
        """Return the F1 to expect of each branch, 0 to 1."""
        near = np.array([self._nearness(each) for each in self.situations])
        if len(near) > 1:
            average = self._measured.mean(axis=0)
            changed = near @ self._measured / near.sum() - average
            # Rounding takes means of ones above 1, and of zeros below 0.
            found: Floats = np.clip(average + self.trust * changed, 0.0, 1.0)
            return found
        if self._layout is None or self._layout.branches is not branches:
            self._layout = _Layout.of(branches, self.quality)
        now = self._formula(self.height, self.motion)
        for share, there, f1 in zip(near, self.situations, self._measured, strict=True):
            changed = now - self._formula(there.height, there.motion)
            now = now + min(share / FAR, 1.0) * (f1 + self.trust * changed - now)
        return np.clip(now, 0.0, 1.0)

    def _formula(self, height: float, motion: float) -> Floats:
        assert self._layout is not None
        return self._layout.formula(height, self.kappa * motion)

    def _nearness(self, situation: Situation) -> float:
        taller = math.log(self.height / situation.height) / NEAR_HEIGHT
        faster = math.log((self.motion + SLOW) / (situation.motion + SLOW)) / NEAR_MOTION
        return math.exp(-0.5 * min(taller**2 + faster**2, FARTHEST))

    def see(self, shown: Shown) -> None:
        """Note what a branch shows of a frame."""
        self._shown.append(shown)

    def learn(self, branch: Kind) -> None:
        """Take in what the branch has shown since the last call."""
        self.take(seen(self._shown), branch)
        self.forget()

    def forget(self) -> None:
        """Leave out what was seen since the last call of `learn`."""
        self._shown.clear()

    def take(self, saw: Seen, branch: Kind) -> None:
        """Take in what the branch saw in a group."""
        if not math.isnan(saw.height):
            taller = math.log(max(saw.height, 1.0) / self.height)
            self.height *= math.exp(_weight(taller / NEAR_HEIGHT) * taller)
        if not math.isnan(saw.motion):
            faster = math.log((saw.motion + SLOW) / (self.motion + SLOW))
            gained = math.exp(_weight(faster / NEAR_MOTION) * faster)
            self.motion = max((self.motion + SLOW) * gained - SLOW, 0.0)
        if not math.isnan(saw.left):
            kind, left = (branch.detector, branch.scale), saw.left > 0.0
            after = [each.after.get(kind, (each.f1, each.f1)) for each in self.situations]
            self._measured = np.array([each[left] for each in after])


def _weight(change: float) -> float:
    """Return the weight of the last group: a small change may be noise, a large one is a scene."""
    return STEADY + (SUDDEN - STEADY) * min(abs(change), 1.0)


def seen(shown: Sequence[Shown]) -> Seen:
    """Return what a branch that served a group saw in it."""
    boxes = np.concatenate([each.boxes for each in shown]) if shown else np.zeros((0, 5))
    motions = [each.motion for each in shown if each.motion >= 0.0]
    return Seen(
        float(np.median(boxes[:, 3] - boxes[:, 1])) if len(boxes) else math.nan,
        sum(motions) / len(motions) if motions else math.nan,
        len(boxes) / len(shown) if shown else math.nan,
        len(shown[-1].boxes) if shown else math.nan,
    )


@dataclass(frozen=True)
class _Layout:
    """Tables for the formula above: S scales of detectors with up to P points each, B branches."""

    branches: Sequence[Kind]
    scale: Floats  # S: logarithm
    points: Floats  # S x P: logarithms of heights
    f1: Floats  # S x P
    weights: Floats  # S x P: 0 where a detector has fewer points
    row: NDArray[np.intp]  # B: which of the S
    every: NDArray[np.intp]  # B
    ages: Floats  # 0, 1, ... to the longest interval: square roots

    @classmethod
    def of(cls, branches: Sequence[Kind], quality: Mapping[str, Quality]) -> _Layout:
        kinds = list(dict.fromkeys((branch.detector, branch.scale) for branch in branches))
        curves = [quality[detector] for detector, _ in kinds]
        most = max(len(curve.heights) for curve in curves)
        lack = [(0, most - len(curve.heights)) for curve in curves]
        points, f1, weights = (
            np.array([np.pad(each, more, mode) for each, more in zip(arrays, lack, strict=True)])  # type: ignore[call-overload]
            for arrays, mode in (
                ([np.log(curve.heights) for curve in curves], "edge"),
                ([curve.f1 for curve in curves], "edge"),
                ([curve.weights for curve in curves], "constant"),
            )
        )
        every = np.array([branch.every for branch in branches])
        row = np.array([kinds.index((branch.detector, branch.scale)) for branch in branches])
        scale = np.log([scale for _, scale in kinds])
        ages = np.sqrt(np.arange(every.max()))
        return cls(branches, scale, points, f1, weights, row, every, ages)

    def formula(self, height: float, drift: float) -> Floats:
        """Return B of each branch; `drift` is κ v."""
        place = np.clip(self.scale + math.log(height), self.points.min(1), self.points.max(1))
        near = self.weights * np.exp(-0.5 * ((place[:, None] - self.points) / SMOOTHING) ** 2)
        seen = (near * self.f1).sum(1) / near.sum(1)
        kept = np.exp(-(drift**1.5) * self.ages).cumsum()
        found: Floats = seen[self.row] * kept[self.every - 1] / self.every
        return found
