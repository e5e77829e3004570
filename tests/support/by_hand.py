"""Two models under two caps, small enough to be followed by hand."""

from __future__ import annotations

from typing import Any

import alert
from alert import Goal, Profile


class Scheduler(alert.Scheduler):
    """Follows the paper's method, whose numbers these tests tell."""

    __slots__ = ()

    def __new__(cls, profile: Profile, goal: Goal, **options: Any) -> Scheduler:
        return super().__new__(cls, profile, goal, **{"method": "paper", **options})


# Two models under two caps, far from any doubt about time: with 10 s left every probability is 1.
#                    10 W        20 W
# 0: accuracy 0.6    1 s, 10 W   0.5 s, 20 W
# 1: accuracy 0.8    2 s, 10 W   1 s, 20 W
# idle 2 W, so the energy up to 10 s is 28, 29, 36, 38 J.
PROFILE = Profile(
    latency=[[1.0, 0.5], [2.0, 1.0]],
    power=[[10.0, 20.0], [10.0, 20.0]],
    accuracy=[0.6, 0.8],
    power_caps=[10.0, 20.0],
    idle_power=2.0,
)
ENERGY = {(0, 10.0): 28.0, (0, 20.0): 29.0, (1, 10.0): 36.0, (1, 20.0): 38.0}


def choice(goal: Goal, profile: Profile = PROFILE, **options: Any) -> alert.Decision:
    return Scheduler(profile, goal, **options).decision
