"""A branch: a detector at one scale, run on every n-th frame, and the tracker between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alert import _arguments, _text
from alert._arguments import Floats
from alert.video.boxes import checked, moved
from alert.video.follow import Follower
from alert.video.resize import smaller

Frame: TypeAlias = NDArray[np.uint8]
"""Height x width x 3."""

Detector: TypeAlias = Callable[[Frame], ArrayLike]
"""Takes a frame of any size; returns boxes of n x 5: left, top, right, bottom in pixels, score."""

Resizer: TypeAlias = Callable[[Frame, float], Frame]


class Tracker(Protocol):
    """Follows boxes from frame to frame. It is made with a frame and its boxes."""

    kept: NDArray[np.intp]
    """The places of the boxes before that are still there, after a call."""

    motion: float
    """How far the boxes have moved, in their widths, after a call."""

    def __call__(self, frame: Frame, /) -> Floats:
        """Return the boxes of the next frame."""
        ...


@dataclass(frozen=True)
class Shown:
    """What a branch says of one frame.

    Attributes
    ----------
    boxes : array of n x 5
        Left, top, right, bottom in pixels of the frame, and the score of the detection.
    before : array of n int, or None
        The place of each box in the boxes of the frame before; None where they were detected anew.
    motion : float
        Median shift since the frame before, in widths of the box; NaN where it is not known.
    """

    boxes: Floats
    before: NDArray[np.intp] | None
    motion: float


@dataclass(frozen=True)
class Branch:
    """A way to find boxes in frames.

    Attributes
    ----------
    name : str
    detector : str
        The name of its detector.
    detect : callable
        Takes a frame, returns boxes.
    scale : float
        Of the frames that the detector gets, 0 to 1.
    every : int
        The detector runs on each `every`-th frame; the tracker follows its boxes between.
    track : callable
        Makes a tracker of a frame and its boxes.
    resize : callable
        Takes a frame and a scale, returns the smaller frame.
    """

    name: str
    detector: str
    detect: Detector
    scale: float
    every: int
    track: Callable[[Frame, Floats], Tracker]
    resize: Resizer

    def __call__(self, frames: Iterable[Frame]) -> Iterator[Shown]:
        """Yield what is shown of each frame, the first one detected."""
        tracker: Tracker | None = None
        shown: Shown | None = None
        for place, frame in enumerate(frames):
            if place % self.every == 0 or tracker is None:
                boxes = self.detected(frame)
                motion = np.nan  # after a tracker, the shift would be what it was wrong by
                if self.every == 1 and shown is not None:
                    motion = moved(shown.boxes, boxes)
                shown = Shown(boxes, None, motion)
                tracker = self.track(frame, shown.boxes) if self.every > 1 else None
            else:
                assert shown is not None  # the tracker was made of it
                shown = self._followed(tracker, frame, len(shown.boxes))
            yield shown

    def _followed(self, tracker: Tracker, frame: Frame, before: int) -> Shown:
        """Have the tracker follow so many boxes to the next frame."""
        name = f"track of {self.name}"
        boxes = _arguments.grid(name, tracker(frame), (None, 5))
        kept = np.asarray(tracker.kept)
        there = kept.dtype.kind in "iu" and kept.shape == (len(boxes),)
        if not (there and ((kept >= 0) & (kept < before)).all()):
            raise ValueError(
                f"{name}: expected kept to name a box before, of {before}, for each of the "
                f"{len(boxes)} now, got {_text.shown(tracker.kept)}"
            )
        motion = _arguments.number(f"{name}: motion", tracker.motion)
        if motion == np.inf:
            raise ValueError(f"{name}: expected a finite motion, got {motion}")
        return Shown(boxes, kept, motion)

    def detected(self, frame: Frame) -> Floats:
        """Run the detector on one frame; return its boxes in pixels of the frame."""
        height, width = frame.shape[:2]
        small = self.resize(frame, self.scale) if self.scale < 1.0 else frame
        size = np.shape(small)
        if len(size) != 3 or 0 in size:
            raise ValueError(f"resize: expected an array of height x width x 3, got {size}")
        found = checked(self.name, self.detect(small), *small.shape[:2])
        found[:, 0:4:2] *= width / small.shape[1]
        found[:, 1:4:2] *= height / small.shape[0]
        return found


def branches(
    detect: Detector | Mapping[str, Detector],
    scales: Sequence[float] = (1.0, 0.75, 0.5),
    every: Sequence[int] = (1, 2, 4, 8),
    *,
    track: Callable[[Frame, Floats], Tracker] = Follower,
    resize: Resizer = smaller,
) -> list[Branch]:
    """Return the branches of one detector or several: every scale with every interval.

    Parameters
    ----------
    detect : callable or dict of str to callable
        A detector takes a frame of height x width x 3 of any size. It returns boxes as an array of
        n x 5: left, top, right, bottom in pixels of that frame, and a score.
    scales : sequence of float
        Above 0 and at most 1.
    every : sequence of int
        Intervals between detections, in frames, at least 1.
    track : callable, default `Follower`
        Makes a tracker of a frame and its boxes; the tracker is called with each frame after it.
        See `alert.video.Tracker`.
    resize : callable, optional
        Takes a frame and a scale. By default each new pixel is the mean of the area it covers.

    Returns
    -------
    list of Branch
        The first detector at its largest scale on the most frames comes first.
    """
    detectors = dict(detect) if isinstance(detect, Mapping) else {"": detect}
    if not detectors:
        raise ValueError("detect: expected a detector, got an empty dict")
    for name, one in detectors.items():
        _arguments.instance("detect", name, str, "names that are str")
        _arguments.instance(f"detect[{name!r}]" if name else "detect", one, Callable, "a callable")
    _arguments.instance("track", track, Callable, "a callable")
    _arguments.instance("resize", resize, Callable, "a callable")
    sizes = sorted({_scale(scale) for scale in _some("scales", scales)}, reverse=True)
    intervals = sorted({_arguments.integer("every", n, 1) for n in _some("every", every)})
    return [
        Branch(_name(name, scale, n), name, one, scale, n, track, resize)
        for name, one in detectors.items()
        for scale in sizes
        for n in intervals
    ]


def _some(name: str, values: Sequence[Any]) -> Sequence[Any]:
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray)):
        raise TypeError(f"{name}: expected a sequence of numbers, got {type(values).__name__}")
    if len(values) == 0:
        raise ValueError(f"{name}: expected at least one, got none")
    return values


def _scale(scale: object) -> float:
    found = _arguments.number("scales", scale)
    if not 0.0 < found <= 1.0:
        raise ValueError(f"scales: expected numbers above 0 and at most 1, got {scale!r}")
    return found


def _name(detector: str, scale: float, every: int) -> str:
    size = f"{detector} x{scale:g}" if detector else f"x{scale:g}"
    return size if every == 1 else f"{size}, every {every}"
