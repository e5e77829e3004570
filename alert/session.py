"""One scheduler per process, for notebooks and ten-line scripts."""

from __future__ import annotations

from typing import Any

from alert._core import Decision
from alert.goal import Goal
from alert.profile import Profile
from alert.scheduler import Scheduler

_scheduler: Scheduler | None = None


def init(profile: Profile, goal: Goal, **options: Any) -> Scheduler:
    """Make the scheduler of this process, in place of the one before, and return it.

    Parameters
    ----------
    profile : Profile
    goal : Goal
    **options
        As for `Scheduler`.
    """
    global _scheduler
    _scheduler = Scheduler(profile, goal, **options)
    return _scheduler


def step(
    latency: float,
    energy: float | None,
    *,
    deadline: float | None = None,
    idle_power: float | None = None,
    exit: int | None = None,
) -> Decision:
    """`Scheduler.step` on the scheduler that `init` made.

    Raises
    ------
    RuntimeError
        `init` has not been called.
    """
    if _scheduler is None:
        raise RuntimeError("call alert.init(profile, goal) before alert.step()")
    return _scheduler.step(latency, energy, deadline=deadline, idle_power=idle_power, exit=exit)
