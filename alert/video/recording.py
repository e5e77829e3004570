"""Groups of frames to record: what each branch takes, finds and sees in every one of them.

The first half of a clip serves to measure the branches, the second half to record. Groups of the
second half follow each other. When all have been drawn, they come again one frame later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count, cycle, islice

import numpy as np

from alert._arguments import Floats
from alert._progress import bar
from alert.trace import Trace
from alert.video.content import Seen, seen
from alert.video.crowd import counted_steps, crowd_of
from alert.video.parts import Moment, Part, parts, profile_of, together
from alert.video.study import Study

PROFILED = 30
"""Groups that `alert.Trace.record` measures a profile with: the first ones drawn."""

# Groups that a scene lasts, where there are several.
_SHORTEST, _LONGEST = 5, 15


class Recording:
    """Draws groups of frames of a clip, and makes a trace of branches out of one of their parts.

    Parameters
    ----------
    study : Study
        Its scenes change at random.

    Attributes
    ----------
    branches : list of Branch
    parts : dict of str to callable
        What to measure of branches; each takes a `Moment`.
    drawn : list of (int, int)
        The scene and the first frame of each group, once `moments` was called.
    """

    def __init__(self, study: Study) -> None:
        self.branches = study.branches
        self._group, self._scenes, self._progress = study.group, study.scenes, study.progress
        self.drawn: list[tuple[int, int]] = []
        longest = max(scene.stride for scene in self._scenes)
        study.expect_frames(4 * self._group * longest)
        first, second = study.film.halves()
        self._accuracy, self._video = study.rated(first)
        moment = Moment.amid(self.branches, first.frames, first.true)
        self.parts: dict[str, Part] = {
            **parts(self.branches),
            **counted_steps(self.branches, moment),
        }
        self._films = [scene.of_film(second) for scene in self._scenes]

    def moments(self, n: int, seed: int) -> list[Moment]:
        """Draw n groups; return the first two frames of each."""
        self.drawn = _drawn(n, seed, [len(film.frames) for film in self._films], self._group)
        found = []
        for scene, start in self.drawn:
            film = self._films[scene]
            frame, after = film.frames[start], film.frames[start + 1]
            found.append(Moment(self.branches, frame, after, self._true((scene, start))))
        return found

    def _true(self, place: tuple[int, int]) -> Floats:
        """Return the true boxes of a frame of a scene."""
        scene, number = place
        return self._films[scene].true[number]

    def trace(self, of_parts: Trace) -> Trace:
        """Make the trace of branches out of that of their parts on the groups drawn."""
        drawn = self.drawn[: len(of_parts)]  # an interrupt may have ended the recording early
        shown = [np.array(rows) for rows in zip(*self._found(drawn), strict=True)]
        names, group = of_parts.profile.models, self._group
        latency, energy = (
            [frames.mean(axis=0) for frames in together(self.branches, group, names, costs)]
            for costs in (of_parts.latency, of_parts.energy)
        )
        several = len(self._scenes) > 1
        profiled = islice(cycle(self.drawn), PROFILED)
        boxes = float(np.median([len(self._true(place)) for place in profiled]))
        video = {**self._video, "boxes": crowd_of(self.branches, group, of_parts.profile, boxes)}
        return Trace(
            profile_of(self.branches, group, self._accuracy, video, of_parts.profile),
            np.stack(latency, axis=1),
            np.stack(energy, axis=1),
            phase=[scene for scene, _ in drawn] if several else of_parts.phase,
            phases=[scene.name for scene in self._scenes] if several else of_parts.phases,
            accuracy=shown[0],
            seen=dict(zip(Seen._fields, shown[1:], strict=True)),
            task=of_parts.task,
            environment="scenes" if several else of_parts.environment,
            seed=of_parts.seed,
            origin=of_parts.origin,
        )

    def _found(self, groups: Sequence[tuple[int, int]]) -> list[tuple[list[float], ...]]:
        """Return F1, and what was seen, of every branch in each group."""
        found = []
        with bar(len(groups), "group", "F1", shown=self._progress) as done:
            for scene, start in groups:
                film = self._films[scene]
                rows = []
                for branch in self.branches:
                    shown = film.served(branch, start, self._group)
                    f1 = float(np.mean(film.f1(shown, start)))
                    rows.append((f1, *seen(shown)))
                found.append(tuple(map(list, zip(*rows, strict=True))))
                done.update()
        return found


def _drawn(n: int, seed: int, lengths: Sequence[int], group: int) -> list[tuple[int, int]]:
    """Draw scenes and the first frames of groups: each scene goes on where it stopped."""
    random = np.random.default_rng(seed)
    following = [_starts(length, group) for length in lengths]
    found: list[tuple[int, int]] = []
    scene = 0
    while len(found) < n:
        lasts = n if len(lengths) == 1 else int(random.integers(_SHORTEST, _LONGEST + 1))
        found += [(scene, next(following[scene])) for _ in range(lasts)]
        others = [other for other in range(len(lengths)) if other != scene]
        scene = int(random.choice(others)) if others else scene
    return found[:n]


def _starts(length: int, group: int) -> Iterator[int]:
    """Yield the first frames of groups, for ever."""
    whole = (length - group + 1) // group  # so many groups, wherever the first one begins
    return (place // whole % group + place % whole * group for place in count())
