"""Reading frames of a file or a stream, and drawing boxes into them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from os import PathLike, fspath

import numpy as np

from alert._arguments import Floats
from alert.video.branch import Frame

# Colours of objects, distinct for all kinds of colour vision.
_COLOURS = np.array(
    [(230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (213, 94, 0), (204, 121, 167)],
    np.uint8,
)


def frames(path: str | PathLike[str], most: int | None = None) -> Iterator[Frame]:
    """Yield the frames of a clip. This takes PyAV.

    Parameters
    ----------
    path : path
        A file, or the address of a stream.
    most : int, optional
        Frames to read, at most.

    Raises
    ------
    OSError
        The clip cannot be read, or holds no video.
    """
    import av

    with av.open(fspath(path)) as container:
        if not container.streams.video:
            raise OSError(f"{fspath(path)}: no video in it")
        for number, frame in enumerate(container.decode(video=0)):
            if number == most:
                return
            yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def rate(path: str | PathLike[str]) -> float:
    """Return the frames a second that a clip states; 25 where it states none."""
    import av

    with av.open(fspath(path)) as container:
        stated = container.streams.video[0].average_rate or Fraction(25)
    return float(stated)


def annotated(frame: Frame, boxes: Floats, thickness: int = 2) -> Frame:
    """Return a copy of a frame with boxes of n x 6 drawn into it, a colour for each object."""
    height, width = frame.shape[:2]
    drawn = frame.copy()
    for left, top, right, bottom, number in np.rint(boxes[:, [0, 1, 2, 3, 5]]).astype(int):
        colour = _COLOURS[number % len(_COLOURS)]
        left, right = np.clip((left, right), 0, width)
        top, bottom = np.clip((top, bottom), 0, height)
        for rows in (slice(top, top + thickness), slice(max(bottom - thickness, 0), bottom)):
            drawn[rows, left:right] = colour
        for columns in (slice(left, left + thickness), slice(max(right - thickness, 0), right)):
            drawn[top:bottom, columns] = colour
    return drawn


def write_gif(path: str | PathLike[str], shown: Sequence[Frame], per_second: float) -> None:
    """Write frames as a GIF that repeats. This takes Pillow."""
    from PIL import Image

    pictures = [Image.fromarray(frame) for frame in shown]
    pictures[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=round(1000.0 / per_second),
        loop=0,
    )
