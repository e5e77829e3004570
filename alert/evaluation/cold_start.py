"""Cold start: a recorded trace served without a profile, against a measured one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alert.evaluation.output_trace import OutputTrace
from alert.goal import Goal
from alert.profile import Profile
from alert.scheduler import Scheduler
from alert.trace import Trace

FIRST = 50
"""Inputs that count as the start."""

LEARNT = 200
"""Inputs after which the profile should be known."""


@dataclass(frozen=True)
class ColdStart:
    """Compares a run that began with a guessed profile with one that had a measured profile.

    Attributes
    ----------
    late, late_measured : float
        Share of the inputs without an output in time.
    accuracy, accuracy_measured : float
        Mean credited accuracy.
    first : float
        Joules of the first `FIRST` inputs / those with the measured profile; idle time included.
    energy : float
        The same over the whole trace.
    error : float
        Median of |learnt / measured latency - 1| over the configurations that had run, after
        `LEARNT` inputs or at the end of a shorter trace.
    """

    late: float
    late_measured: float
    accuracy: float
    accuracy_measured: float
    first: float
    energy: float
    error: float


def goal_of(profile: Profile) -> Goal:
    """Return a goal that asks for some of the accuracy, in 1.5 times the slowest latency."""
    least, most = float(profile.accuracy.min()), float(profile.accuracy.max())
    slowest = float(profile.latency[:, -1].max())
    return Goal.min_energy(deadline=1.5 * slowest, accuracy=least + 0.6 * (most - least))


def guess_of(profile: Profile, seed: int, wrong: float = 0.4) -> Profile:
    """Guess a profile from the sizes of the models, each wrong by a factor of exp(± `wrong`)."""
    rng = np.random.default_rng(seed)
    size = profile.latency[:, -1] * np.exp(rng.normal(0.0, wrong, len(profile.models)))
    return Profile.guess(
        profile.accuracy,
        size=size,
        power_caps=profile.power_caps,
        idle_power=profile.idle_power,
        models=profile.models,
        exits={
            name: list(profile.exits[i])
            for i, name in enumerate(profile.models)
            if i in profile.exits
        },
        unit=profile.unit,
    )


def cold_start(trace: Trace, goal: Goal, guess: Profile) -> ColdStart:
    """Serve a trace from a guess, and from the profile of the trace."""
    outputs = OutputTrace.of(trace)
    measured = _serve(Scheduler(trace.profile, goal, history=0), outputs)
    cold = _serve(Scheduler(guess, goal, history=0), outputs)
    scheduler = Scheduler(guess, goal, history=0)
    begun = _serve(scheduler, _first(outputs, LEARNT))
    ran = np.unique(np.stack((begun["model"], begun["cap"])), axis=1)
    off = (scheduler.profile.latency / trace.profile.latency - 1.0)[tuple(ran)]
    return ColdStart(
        late=1.0 - float(cold["met"].mean()),
        late_measured=1.0 - float(measured["met"].mean()),
        accuracy=float(cold["accuracy"].mean()),
        accuracy_measured=float(measured["accuracy"].mean()),
        first=float(cold["energy"][:FIRST].sum() / measured["energy"][:FIRST].sum()),
        energy=float(cold["energy"].sum() / measured["energy"].sum()),
        error=float(np.median(np.abs(off))),
    )


def cold_starts(trace: Trace, seeds: Iterable[int] = range(5)) -> list[ColdStart]:
    """Serve a trace from several wrong guesses, each drawn with a seed."""
    profile = trace.profile
    return [cold_start(trace, goal_of(profile), guess_of(profile, seed)) for seed in seeds]


def _serve(scheduler: Scheduler, trace: OutputTrace) -> NDArray[np.void]:
    return scheduler._replay(trace.latency, trace.energy, trace.idle_power, trace.sharing)


def _first(trace: OutputTrace, inputs: int) -> OutputTrace:
    """Keep so many inputs, up to a whole deadline where some share one."""
    after = trace.starts[trace.starts >= inputs]
    n = int(after[0]) if len(after) else len(trace)
    return replace(
        trace,
        latency=trace.latency[:n],
        energy=trace.energy[:n],
        phase=trace.phase[:n],
        quiet=trace.quiet[:n],
        sharing=None if trace.sharing is None else trace.sharing[:n],
    )
