"""What branches are measured on: a clip, the boxes that count as true, scenes made of the clip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alert.video import frames as checking
from alert.video.branch import Branch, Frame
from alert.video.detections import Detections
from alert.video.quality import qualities
from alert.video.rating import Film, checked_branches, group_of, held, serve, true_boxes
from alert.video.scenes import AS_FILMED, Scene, checked_scenes
from alert.video.trust import trust


class Study:
    """Holds a clip with the branches to measure on it.

    Parameters
    ----------
    branches, clip, truth, reference, group, zooms, scenes, progress
        See `alert.video.measure`.

    Attributes
    ----------
    branches : list of Branch
    group : int
        Frames that one branch serves.
    scenes : list of Scene
    frames : list of array
    progress : bool
    """

    def __init__(
        self,
        branches: Sequence[Branch],
        clip: Iterable[Frame],
        *,
        truth: Sequence[ArrayLike] | None = None,
        reference: str | None = None,
        group: int | None = None,
        zooms: Sequence[float] = (1.0, 2.0),
        scenes: Sequence[Scene] = AS_FILMED,
        progress: bool = True,
    ) -> None:
        self.branches = checked_branches(branches)
        self.group = group_of(self.branches, group)
        self.scenes = checked_scenes(scenes)
        self.progress = progress
        self.frames = _kept(clip)
        self._truth, self._reference, self._zooms = truth, reference, zooms

    def expect_frames(self, least: int) -> None:
        """Raise ValueError where the clip is shorter."""
        if len(self.frames) < least:
            raise ValueError(f"clip: expected at least {least} frames, got {len(self.frames)}")

    @cached_property
    def film(self) -> Film:
        """The clip with its true boxes."""
        detections = Detections()
        true = true_boxes(self._truth, self._reference, self.branches, self.frames, detections)
        return Film(self.frames, true, detections)

    def rated(self, film: Film) -> tuple[list[float], dict[str, Any]]:
        """Return the F1 of each branch, and what watchers need to know besides; fit for JSON."""
        films = {
            scene.name: serve(self.branches, scene.of_film(film), self.group, self.progress)
            for scene in self.scenes
        }
        situations = {name: served.situation() for name, served in films.items()}
        accuracy = np.mean([each["f1"] for each in situations.values()], axis=0)
        video = {
            "group": self.group,
            "held": held(film.true, self.group),
            "situations": situations,
            **qualities(self.branches, film, self._zooms),
        }
        return accuracy.tolist(), {**video, "trust": trust(video, films.values())}


def _kept(clip: Iterable[Frame]) -> list[Frame]:
    """Return the frames of a clip, none of which was overwritten by a later one."""
    frames = list(checking.checked(clip))
    known: dict[int, int] = {}
    for number, frame in enumerate(frames):
        first = known.setdefault(frame.ctypes.data, number)
        if first != number:
            raise ValueError(
                f"clip: expected an array of its own for each frame, got one for frames {first} "
                f"and {number}; yield copies"
            )
    return frames
