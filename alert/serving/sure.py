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
