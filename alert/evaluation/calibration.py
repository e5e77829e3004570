"""Calibration: how often predictions of each probability came true."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alert._arguments import Floats

EDGES = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0])
"""Edges of the bins of the predicted probability: tenths, the last one divided further."""

BIN = np.dtype([("inputs", np.int64), ("predicted", np.float64), ("observed", np.float64)])
"""Sums over the inputs of one bin."""


def empty() -> NDArray[np.void]:
    """Return empty bins."""
    return np.zeros(len(EDGES) - 1, BIN)


def count(bins: NDArray[np.void], inputs: NDArray[np.void]) -> None:
    """Add the inputs of a replay: the predicted probability to be in time, and the outcome."""
    probability: Floats = inputs["probability"]
    place = np.minimum(np.searchsorted(EDGES, probability, side="right"), len(EDGES) - 1) - 1
    for name, weights in (
        ("inputs", None),
        ("predicted", probability),
        ("observed", inputs["done"].astype(np.float64)),
    ):
        sums = np.bincount(place, weights, minlength=len(bins))
        bins[name] += sums.astype(bins.dtype[name])
