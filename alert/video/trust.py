"""How far to trust what the content says: measured on the film that branches were measured on.

Each branch serves the film, and the content predicts all branches from what this one has seen. Let
d be the change that it predicts against what is expected without it, and e the change that was
found. Then the least squares of e - τ d give τ. It is uncertain, for groups are few: σ is its
standard error over the groups g, in each of which branches err together.

    τ = Σ d e / Σ d²,   σ = (Σ_g (Σ_{in g} d (e - τ d))²)^½ / Σ d²                    [ours]

The content is trusted by τ - σ, from 0 to 1: an F1 that is expected in vain breaks a goal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from alert._arguments import Floats
from alert.video.content import Content, Seen
from alert.video.rating import Served


def trust(video: Mapping[str, Any], films: Iterable[Served]) -> float:
    """Return τ - σ, given what `Content.of` reads, and what branches found on films."""
    found = [_compared(video, served) for served in films]
    joint, squared = np.concatenate(found, axis=1)
    if squared.sum() == 0.0:
        return 0.0
    share = joint.sum() / squared.sum()
    error = np.linalg.norm(joint - share * squared) / squared.sum()
    return float(np.clip(share - error, 0.0, 1.0))


def _compared(video: Mapping[str, Any], served: Served) -> Floats:
    """Return the sums of d e and of d² in each group, over branches that serve and others."""
    sums = np.zeros((2, len(served.f1)))
    for serving in range(len(served.branches)):
        predicted, without = _predicted(video, served, serving)
        change = predicted - without
        sums += (change * (served.f1 - without)).sum(axis=1), (change**2).sum(axis=1)
    return sums


def _predicted(video: Mapping[str, Any], served: Served, serving: int) -> tuple[Floats, Floats]:
    """Return the F1 of each group and branch, predicted with full trust and with none."""
    content, branches = Content.of(video), served.branches
    found: tuple[list[Floats], list[Floats]] = ([], [])
    for saw in served.saw[:, serving]:
        for trust, values in zip((1.0, 0.0), found, strict=True):
            content.trust = trust
            values.append(content.accuracies(branches))
        content.take(Seen(*saw.tolist()), branches[serving])
    return np.array(found[0]), np.array(found[1])
