"""Goals in F1 beside other work, and other ways to choose a branch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.result import Replay
from alert.evaluation.schemes import run
from alert.evaluation.video.foresight import Blind, ByContent, Foresight, InHindsight, Oracle
from alert.evaluation.video.rules import Alert, ApproxDet, Fixed, Rule, play
from alert.evaluation.video.settings import DEADLINES, FixedChoices, goal_of, once_a_group
from alert.goal import Goal
from alert.profile import Profile
from alert.trace import Trace

FORESIGHT: dict[str, Callable[[Trace], Foresight]] = {
    "ALERT, content": ByContent,
    "ALERT, mean F1 known": InHindsight,
    "ALERT, F1 known": Oracle,
}

BOUNDS = ("informed", "clairvoyant")
"""Schemes that know the phase and the mean F1 of every branch, and all outcomes."""

LITTLE = 0.005
"""A goal that is missed by more than this is missed."""

PEERS_DEADLINE = 2.5
"""One of `DEADLINES`."""

PEERS_GOAL = 0.9
"""The F1 that ALERT is given beside its peers: a share of that of the best branch."""


def keeps(trace: Trace) -> list[dict[str, Any]]:
    """Compare ALERT with the best fixed branch and cap in hindsight.

    Returns
    -------
    list of dict
        One for each deadline and goal that some fixed choice keeps.
    """
    outputs = OutputTrace.of(trace)
    rows = []
    for factor in DEADLINES:
        deadline = factor * once_a_group(trace.profile)
        fixed = FixedChoices.of(outputs, goal_of(trace, 0.0, deadline))
        for accuracy in fixed.goals():
            goal = goal_of(trace, accuracy, deadline)
            rows.append({"environment": trace.environment, "deadline": factor, "goal": accuracy})
            rows[-1] |= _compared(trace, outputs, goal, fixed)
    return rows


def _compared(
    trace: Trace, outputs: OutputTrace, goal: Goal, fixed: FixedChoices
) -> dict[str, Any]:
    """Return what ALERT takes for one goal, and what it would have taken otherwise."""
    assert goal.accuracy is not None
    best = fixed.best(goal.accuracy)
    assert best is not None
    by_profile = cheapest(trace.profile, goal)
    ran = {
        "ALERT": run("default", outputs, goal),
        **{
            name: play(name, outputs, goal, Alert(trace.profile, goal, foresight(trace)))
            for name, foresight in FORESIGHT.items()
        },
        **{scheme: run(scheme, outputs, goal) for scheme in BOUNDS},
    }
    said = {
        **{name: _said(replay) for name, replay in ran.items()},
        "best fixed": fixed.said(best),
        "cheapest by profile": fixed.said(by_profile),
    }
    for each in said.values():
        each["fixed at its F1"] = fixed.cost(each["F1"])
    return said


def summed(rows: Sequence[Mapping[str, Any]], choice: str) -> dict[str, Any]:
    """Sum up a choice over deadlines and goals: beside the mean stands the worst.

    "energy / fixed at its F1" compares with the cheapest fixed choice that reaches what this choice
    did, and not only the goal. It is over those settings in which there is one.
    """
    if not rows:
        return {}
    ran = [row[choice] for row in rows]
    ratio = [row[choice]["energy"] / row["best fixed"]["energy"] for row in rows]
    fair = [each["energy"] / cost for each in ran if (cost := each["fixed at its F1"]) is not None]
    short = [row["goal"] - row[choice]["F1"] for row in rows]
    late = [each["late"] for each in ran]
    return {
        "settings": len(rows),
        "energy / fixed": float(np.mean(ratio)),
        "energy / fixed, worst": max(ratio),
        "energy / fixed at its F1": float(np.mean(fair)) if fair else None,
        "missed": sum(each > LITTLE for each in short),
        "shortfall": float(np.maximum(short, 0.0).mean()),
        "shortfall, worst": max(*short, 0.0),
        "late": float(np.mean(late)),
        "late, worst": max(late),
    }


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


def peers_goal(trace: Trace) -> Goal:
    """Return the goal that ALERT is given beside its peers."""
    profile = trace.profile
    accuracy = PEERS_GOAL * float(profile.accuracy.max())
    return goal_of(trace, accuracy, PEERS_DEADLINE * once_a_group(profile))


def replays(trace: Trace) -> dict[str, Replay]:
    """Run ALERT and its peers."""
    outputs, goal = OutputTrace.of(trace), peers_goal(trace)
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


def _said(run: Replay) -> dict[str, Any]:
    return {"energy": run.mean_energy, "F1": run.mean_accuracy, "late": run.miss_rate}
