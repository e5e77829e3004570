"""The branches that no other one beats in both time and F1."""

from __future__ import annotations

import numpy as np

from alert.profile import Profile


def undominated(profile: Profile) -> list[int]:
    """Return the rows of a profile that are worth their time, the fastest first.

    Times are those under the highest cap.
    """
    seconds, f1 = profile.latency[:, -1], profile.accuracy
    best, found = -1.0, []
    for row in np.lexsort((-f1, seconds)):
        if f1[row] > best:
            best = f1[row]
            found.append(int(row))
    return found
