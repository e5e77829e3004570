"""What is known of the next group of frames before it is served."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from alert._arguments import Floats
from alert.trace import Trace
from alert.video.content import Content


class Kind(NamedTuple):
    """A branch, as a profile describes it."""

    detector: str
    scale: float
    every: int


class Foresight(Protocol):
    """What is known of the next group before it is served."""

    def expect(self, group: int) -> Floats | None:
        """Return the F1 to expect of each branch; None for that of the profile."""
        ...

    def learn(self, group: int, branch: int) -> None:
        """Take in what a branch has shown of a group."""
        ...


class Blind:
    """Knows the profile alone."""

    def expect(self, group: int) -> Floats | None:
        """Expect what the profile says."""
        return None

    def learn(self, group: int, branch: int) -> None:
        """Take in nothing."""


class Told(Blind):
    """Is told the scene of every group, and knows what the first half of the clip says of it."""

    def __init__(self, trace: Trace) -> None:
        scenes = trace.profile.origin["video"]["situations"]
        self._accuracy = np.array([scenes[name]["f1"] for name in trace.phases])
        self._phase = trace.phase

    def expect(self, group: int) -> Floats | None:
        """Return the F1 of each branch in this scene."""
        found: Floats = self._accuracy[self._phase[group]]
        return found


class ByContent:
    """Knows the height and motion of the objects that were shown, as `alert.video.Watcher` does.

    Attributes
    ----------
    predicted : list of array
        What was expected of each branch, group by group.
    """

    def __init__(self, trace: Trace) -> None:
        video = trace.profile.origin["video"]
        self._content = Content.of(video)
        self._kinds = [Kind(*each) for each in video["branches"]]
        self._seen = trace.seen
        self.predicted: list[Floats] = []

    def expect(self, group: int) -> Floats | None:
        """Return the F1 of each branch by what was shown so far."""
        found = self._content.accuracies(self._kinds)
        self.predicted.append(found)
        return found

    def learn(self, group: int, branch: int) -> None:
        """Take in the height and motion that the branch saw."""
        height, motion = (self._seen[name][group, branch] for name in ("height", "motion"))
        self._content.take(float(height), float(motion))
