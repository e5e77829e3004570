"""Scenes made of one clip: a part of it magnified, and frames left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alert import _arguments
from alert._arguments import Floats
from alert._text import shown
from alert.video.boxes import within
from alert.video.branch import Frame
from alert.video.frames import magnified
from alert.video.rating import Film

VISIBLE = 0.5
"""Share of an object that a magnified part must show for the object to count."""


@dataclass(frozen=True)
class Scene:
    """What a camera would see if it zoomed in, or if everything moved faster.

    Attributes
    ----------
    name : str
    zoom : float
        Magnification about the middle of the frame, at least 1.
    stride : int
        Every so many frames of the clip are one of the scene.
    """

    name: str
    zoom: float = 1.0
    stride: int = 1

    def __post_init__(self) -> None:
        if not _arguments.number("zoom", self.zoom) >= 1.0:
            raise ValueError(f"zoom: expected a number >= 1, got {shown(self.zoom)}")
        _arguments.integer("stride", self.stride, 1)

    def of(self, frames: Sequence[Frame], true: Sequence[Floats]) -> Film:
        """Return the film of this scene, made of frames and their true boxes."""
        some, boxes = list(frames[:: self.stride]), list(true[:: self.stride])
        if self.zoom > 1.0:
            height, width = some[0].shape[:2]
            middle = (width / 2, height / 2)
            pairs = [closer(*pair, middle, self.zoom) for pair in zip(some, boxes, strict=True)]
            some, boxes = [frame for frame, _ in pairs], [shown for _, shown in pairs]
        return Film(some, boxes)

    def of_film(self, film: Film) -> Film:
        """Return the film of this scene; a scene as filmed is the film itself."""
        if self.zoom == 1.0 and self.stride == 1:
            return film
        return self.of(film.frames, film.true)


def checked_scenes(scenes: Sequence[Scene]) -> list[Scene]:
    """Return scenes, each name once."""
    return _arguments.named_once("scenes", scenes, Scene)


AS_FILMED = (Scene("quiet"),)
"""The clip as it is. Phases of a trace have this name where nothing runs beside the inputs."""

CHANGING = (
    Scene("wide, slow"),
    Scene("wide, fast", stride=3),
    Scene("near, slow", zoom=3.0),
    Scene("near, fast", zoom=3.0, stride=3),
)
"""What a camera on a pan-tilt head sees: people small or large, slow or fast."""


def closer(
    frame: Frame, boxes: Floats, middle: tuple[float, float], zoom: float
) -> tuple[Frame, Floats]:
    """Return a magnified part about `middle`, and the boxes that it shows."""
    part, left, top = magnified(frame, middle, zoom)
    height, width = frame.shape[:2]
    moved = boxes.copy()
    moved[:, 0:4:2] = (moved[:, 0:4:2] - left) * zoom
    moved[:, 1:4:2] = (moved[:, 1:4:2] - top) * zoom
    cut = within(moved, height, width)
    area, whole = (((each[:, 2:4] - each[:, :2]).clip(0.0)).prod(axis=1) for each in (cut, moved))
    return part, np.asarray(cut[area >= VISIBLE * whole])
