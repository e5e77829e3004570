"""How far to trust what the content says: measured on the film that branches were measured on.

Each branch serves the film, and the content predicts all branches from what this one has seen. Let
d be the change that it predicts against what is expected without it, and e the change that was
found. Then the least squares of e - τ d give

    τ = Σ d e / Σ d²                                                                  [ours]

over all groups, branches that serve, and branches that are predicted. τ is kept from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from alert.video.content import Content, Seen
from alert.video.rating import Served


def trust(video: Mapping[str, Any], films: Iterable[Served]) -> float:
    """Return τ, given what `Content.of` reads, and what branches found on films."""
    joint = squared = 0.0
    for served in films:
        for serving in range(len(served.branches)):
            predicted, without = _predicted(video, served, serving)
            change = predicted - without
            joint += float((change * (served.f1 - without)).sum())
            squared += float((change**2).sum())
    return float(np.clip(joint / squared, 0.0, 1.0)) if squared > 0.0 else 0.0


def _predicted(video: Mapping[str, Any], served: Served, serving: int) -> tuple[Any, Any]:
    """Return the F1 of each group and branch, predicted with full trust and with none."""
    content, branches = Content.of(video), served.branches
    found: list[list[Any]] = [[], []]
    for saw in served.saw[:, serving]:
        for trust, values in zip((1.0, 0.0), found, strict=True):
            content.trust = trust
            values.append(content.accuracies(branches))
        content.take(Seen(*saw.tolist()), branches[serving])
    return np.array(found[0]), np.array(found[1])
