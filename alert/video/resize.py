"""Frames of a smaller size: each new pixel is the mean of the area that it covers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def smaller(frame: NDArray[Any], scale: float) -> NDArray[np.uint8]:
    """Return a frame at `scale` of its size, and at least one pixel high and wide.

    Parameters
    ----------
    frame : array of height x width x 3, uint8
    scale : float
        Above 0 and at most 1.
    """
    if scale == 1.0:
        return frame
    small = frame.astype(np.float32)
    for axis in (0, 1):
        small = _averaged(small, axis, scale)
    return np.rint(small).astype(np.uint8)


def _averaged(frame: NDArray[np.float32], axis: int, scale: float) -> NDArray[np.float32]:
    """Average along one axis: differences of the sum from the edge, between pixels interpolated."""
    length = frame.shape[axis]
    wanted = max(round(length * scale), 1)
    places = np.linspace(0, length, wanted + 1)
    whole = np.minimum(places.astype(np.intp), length - 1)
    shape = [1] * frame.ndim
    shape[axis] = wanted + 1
    part = (places - whole).astype(np.float32).reshape(shape)
    sums = np.cumsum(frame, axis=axis)  # up to each pixel's end
    until = sums.take(whole, axis) - frame.take(whole, axis) * (1.0 - part)
    averaged: NDArray[np.float32] = np.diff(until, axis=axis) * np.float32(wanted / length)
    return averaged
