"""Frames: arrays of one size and type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from alert.video.branch import Frame


def checked(frames: Iterable[Any]) -> Iterator[Frame]:
    """Yield frames, each of which must be of the size of the first.

    Raises
    ------
    TypeError
        A frame is no array of uint8.
    ValueError
        A frame is not height x width x 3, or has another size than the first; its number is in the
        message.
    """
    size: tuple[int, ...] | None = None
    for number, frame in enumerate(frames):
        kind = getattr(frame, "dtype", type(frame).__name__)
        if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8:
            raise TypeError(f"frame {number}: expected an array of uint8, got {kind}")
        if frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
            raise ValueError(f"frame {number}: expected height x width x 3, got {frame.shape}")
        if size is None:
            size = frame.shape
        if frame.shape != size:
            raise ValueError(f"frame {number}: expected {size} as before, got {frame.shape}")
        yield frame


def magnified(frame: Frame, middle: tuple[float, float], zoom: float) -> tuple[Frame, int, int]:
    """Return a part of a frame, magnified to the size of the frame, and its left and top edge.

    Parameters
    ----------
    frame : array of height x width x 3
    middle : (float, float)
        What the part shows in its middle, as far as the frame reaches: pixels across and down.
    zoom : float
        At least 1.
    """
    height, width = frame.shape[:2]
    part_height, part_width = max(round(height / zoom), 1), max(round(width / zoom), 1)
    left = int(np.clip(middle[0] - part_width / 2, 0, width - part_width))
    top = int(np.clip(middle[1] - part_height / 2, 0, height - part_height))
    rows = top + (np.arange(height) * part_height) // height
    columns = left + (np.arange(width) * part_width) // width
    return np.ascontiguousarray(frame[rows][:, columns]), left, top
