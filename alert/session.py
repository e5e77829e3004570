"""One scheduler per process, for notebooks and ten-line scripts."""

from __future__ import annotations

from collections.abc import Mapping

from alert._core import Decision
from alert._deprecated import renamed_keyword
from alert.feedback import Feedback
from alert.goal import Goal
from alert.profile import Profile
from alert.scheduler import HISTORY, Scheduler

_scheduler: Scheduler | None = None


@renamed_keyword("trace", "history")
@renamed_keyword("dwell", "hold_inputs")
def init(
    profile: Profile,
    goal: Goal,
    *,
    method: str = "calibrated",
    constants: Mapping[str, float] | None = None,
    overhead: float = 0.0,
    switch_cost: float = 0.0,
    hold_inputs: int = 1,
    history: int = HISTORY,
    feedback: Feedback | None = None,
) -> Scheduler:
    """Make the scheduler of this process, in place of the one before, and return it.

    Parameters
    ----------
    profile, goal, method, constants, overhead, switch_cost, hold_inputs, history, feedback
        See `Scheduler`.
    """
    global _scheduler
    _scheduler = Scheduler(
        profile,
        goal,
        method=method,
        constants=constants,
        overhead=overhead,
        switch_cost=switch_cost,
        hold_inputs=hold_inputs,
        history=history,
        feedback=feedback,
    )
    return _scheduler


def step(
    latency: float,
    energy: float | None,
    *,
    deadline: float | None = None,
    idle_power: float | None = None,
    exit: int | None = None,
    power_cap: float | None = None,
    model: int | str | None = None,
    goal: Goal | None = None,
    size: float | None = None,
    sure: bool = False,
) -> Decision:
    """Step the scheduler that `init` made.

    Parameters
    ----------
    latency, energy, deadline, idle_power, exit, power_cap, model, goal, size, sure
        See `Scheduler.step`.

    Raises
    ------
    RuntimeError
        `init` has not been called.
    """
    if _scheduler is None:
        raise RuntimeError("call alert.init(profile, goal) before alert.step()")
    return _scheduler.step(
        latency,
        energy,
        deadline=deadline,
        idle_power=idle_power,
        exit=exit,
        power_cap=power_cap,
        model=model,
        goal=goal,
        size=size,
        sure=sure,
    )
