"""What is known of the next group of frames before it is served."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from alert._arguments import Floats
from alert.trace import Trace
from alert.video.content import Content, Seen
from alert.video.crowd import Crowd


class Kind(NamedTuple):
    """A branch, as a profile describes it."""

    detector: str
    scale: float
    every: int


class Expected(NamedTuple):
    """What is expected of each branch for the next group; None for what the profile says."""

    f1: Floats | None = None
    """F1."""
    latency: Floats | None = None
    """How many times as long as profiled."""


class Foresight(Protocol):
    """What is known of the next group before it is served."""

    def expect(self, group: int) -> Expected:
        """Return what to expect of each branch."""
        ...

    def learn(self, group: int, branch: int) -> None:
        """Take in what a branch has shown of a group."""
        ...


class Blind:
    """Knows the profile alone."""

    def expect(self, group: int) -> Expected:
        """Expect what the profile says."""
        return Expected()

    def learn(self, group: int, branch: int) -> None:
        """Take in nothing."""


class Told(Blind):
    """Is told the scene of every group, and knows what the first half of the clip says of it."""

    def __init__(self, trace: Trace) -> None:
        scenes = trace.profile.origin["video"]["situations"]
        self._accuracy = np.array([scenes[name]["f1"] for name in trace.phases])
        self._phase = trace.phase

    def expect(self, group: int) -> Expected:
        """Return the F1 of each branch in this scene."""
        return Expected(self._accuracy[self._phase[group]])


class InHindsight(Blind):
    """Knows the mean F1 of each branch over the groups to come: no profile can be better."""

    def __init__(self, trace: Trace) -> None:
        assert trace.accuracy is not None
        self._means = trace.accuracy.mean(axis=0)

    def expect(self, group: int) -> Expected:
        """Return the mean F1 of each branch."""
        return Expected(self._means)


class Oracle(Blind):
    """Knows the F1 that each branch will have on the next group."""

    def __init__(self, trace: Trace) -> None:
        assert trace.accuracy is not None
        self._accuracy = trace.accuracy

    def expect(self, group: int) -> Expected:
        """Return the F1 of each branch on this group."""
        return Expected(self._accuracy[group])


class ByContent:
    """Knows the objects that were shown, as `alert.video.Watcher` does.

    Attributes
    ----------
    predicted : list of array
        The F1 that was expected of each branch, group by group.
    """

    def __init__(self, trace: Trace) -> None:
        video = trace.profile.origin["video"]
        self._content = Content.of(video)
        self._kinds = [Kind(*each) for each in video["branches"]]
        self._seen = trace.seen
        # Traces that were recorded before boxes were counted have none.
        self._crowd = Crowd.of(video) if "boxes" in trace.seen else None
        self.predicted: list[Floats] = []

    def expect(self, group: int) -> Expected:
        """Return the F1 and the latency of each branch by what was shown so far."""
        found = self._content.accuracies(self._kinds)
        self.predicted.append(found)
        return Expected(found, None if self._crowd is None else self._crowd.factors())

    def learn(self, group: int, branch: int) -> None:
        """Take in what the branch saw."""
        saw = Seen(**{name: float(what[group, branch]) for name, what in self._seen.items()})
        self._content.take(saw, self._kinds[branch])
        if self._crowd is not None:
            self._crowd.take(saw.boxes)
