"""Stopping an anytime model at the first output that is sure enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from alert import _arguments


def sure(probability: float) -> Callable[[Any], bool]:
    """Make a ``stop=`` for `alert.Server`: leave at the first exit that is sure of its answer.

    Parameters
    ----------
    probability : float
        Above 0, below 1. An output is sure where the softmax of its last axis reaches it, for every
        element of a batch.

    Examples
    --------
    >>> import alert
    >>> stop = alert.sure(0.9)
    >>> stop([0.0, 5.0, 0.0]), stop([0.0, 1.0, 0.0])
    (True, False)
    """
    least = _arguments.number("probability", probability)
    if not 0.0 < least < 1.0:
        raise ValueError(f"probability: expected a number between 0 and 1, got {probability!r}")

    def is_sure(output: Any) -> bool:
        scores = getattr(output, "logits", output)  # what models of `transformers` return
        if hasattr(scores, "detach"):  # a tensor of torch
            scores = scores.detach().float().cpu().numpy()
        logits = np.asarray(scores, np.float64)
        above = logits - logits.max(axis=-1, keepdims=True)
        return bool((1.0 / np.exp(above).sum(axis=-1) >= least).all())

    return is_sure


class Leaves:
    """Tells an anytime model at its exits whether to leave there, and remembers why.

    Parameters
    ----------
    stop : callable or None
        See `alert.Server`.
    is_urgent : callable
        Tells whether another request cannot wait.

    Attributes
    ----------
    sure : bool
        The last output asked about was sure.
    """

    __slots__ = ("_is_urgent", "_stop", "sure")

    def __init__(self, stop: Callable[[Any], bool] | None, is_urgent: Callable[[], bool]) -> None:
        self._stop = stop
        self._is_urgent = is_urgent
        self.sure = False

    def __call__(self, output: Any) -> bool:
        """Tell it, of the output of an exit."""
        self.sure = self._stop is not None and bool(self._stop(output))
        return self.sure or self._is_urgent()
