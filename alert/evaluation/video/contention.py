"""Goals in F1 beside other work, and other ways to choose a branch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.result import Replay
from alert.evaluation.schemes import run
from alert.evaluation.video.foresight import Blind, ByContent
from alert.evaluation.video.rules import Alert, ApproxDet, Fixed, Rule, play
from alert.goal import Goal
from alert.profile import Profile
from alert.trace import Trace

GOALS = (0.84, 0.865, 0.89, 0.92)
"""F1 against the dearest branch. Against the annotation of the clip these are 0.76 to 0.82."""

DEADLINE = 0.05
"""Seconds from one frame to the next: a camera of 20 frames a second."""

PEERS_GOAL = 0.89
"""The F1 that ALERT is given beside its peers."""


def goal_of(trace: Trace, accuracy: float, deadline: float = DEADLINE) -> Goal:
    """Return the goal of an F1; late groups are worth what boxes that are held are worth."""
    held = trace.profile.origin["video"]["held"]
    return Goal.min_energy(deadline, accuracy, q_fail=held)


def keeps(trace: Trace) -> list[dict[str, Any]]:
    """Compare ALERT with the best fixed branch and cap in hindsight, for every goal.

    Returns
    -------
    list of dict
        One for each of `GOALS`. "energy / fixed" is None where no fixed choice keeps the goal.
    """
    outputs, rows = OutputTrace.of(trace), []
    for accuracy in GOALS:
        goal = goal_of(trace, accuracy)
        ours, fixed = (run(scheme, outputs, goal) for scheme in ("default", "static"))
        content = play("content", outputs, goal, Alert(trace.profile, goal, ByContent(trace)))
        by_profile = play("by profile", outputs, goal, Fixed(*cheapest(trace.profile, goal)))
        rows.append(
            {
                "environment": trace.environment,
                "goal": accuracy,
                "ALERT": _said(ours),
                "ALERT, content": _said(content),
                "best fixed": None if fixed.violated else _said(fixed),
                "cheapest by profile": {**_said(by_profile), "violated": by_profile.violated},
                "energy / fixed": None if fixed.violated else ours.mean_energy / fixed.mean_energy,
            }
        )
    return rows


def cheapest(profile: Profile, goal: Goal) -> tuple[int, int]:
    """Return the branch and cap of the least energy that the profile says keep a goal."""
    rest = np.maximum(goal.deadline - profile.latency, 0.0)
    energy = profile.latency * profile.power + profile.idle_power * rest
    good = (profile.accuracy[:, None] >= (goal.accuracy or 0.0)) & (
        profile.latency <= goal.deadline
    )
    place = np.where(good, energy, np.inf).argmin()
    branch, cap = np.unravel_index(place, energy.shape)
    return int(branch), int(cap)


def peers(trace: Trace) -> list[dict[str, Any]]:
    """Run ALERT and its peers; return a row for each."""
    return said(trace, replays(trace))


def replays(trace: Trace) -> dict[str, Replay]:
    """Run ALERT and its peers."""
    outputs, goal = OutputTrace.of(trace), goal_of(trace, PEERS_GOAL)
    return {name: play(name, outputs, goal, rule) for name, rule in _rules(trace, goal)}


def said(trace: Trace, ran: Mapping[str, Replay]) -> list[dict[str, Any]]:
    """Return energy, F1 and the share late of each replay."""
    return [
        {"environment": trace.environment, "choice": name, **_said(run)}
        for name, run in ran.items()
    ]


def _rules(trace: Trace, goal: Goal) -> Iterator[tuple[str, Rule]]:
    profile = trace.profile
    kinds = [(scale, every) for _, scale, every in profile.origin["video"]["branches"]]
    for every in sorted({every for _, every in kinds}):
        name = "every frame detected" if every == 1 else f"every {every}, tracked between"
        yield name, Fixed(kinds.index((1.0, every)), -1)
    yield "ApproxDet's rule", ApproxDet(profile, goal.deadline, ByContent(trace))
    yield "ALERT", Alert(profile, goal, Blind())
    yield "ALERT, content", Alert(profile, goal, ByContent(trace))


def _said(run: Replay) -> dict[str, float]:
    return {"energy": run.mean_energy, "F1": run.mean_accuracy, "late": run.miss_rate}
