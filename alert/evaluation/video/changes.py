"""Scenes that change: what it is worth to see what is in the picture, or to be told.

Costs are joules above those that the idle machine draws anyway. Each choice is given many goals;
its cost at some F1 lies on the line between the two results next to it. No camera can know the F1
of the groups to come. ALERT that knows it, "F1 known", says what any content can be worth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from alert._arguments import Floats
from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.video.foresight import Blind, ByContent, Foresight, Oracle, Told
from alert.evaluation.video.rules import Alert, play
from alert.evaluation.video.settings import RELAXED, FixedChoices, goal_of, slowest
from alert.trace import Trace

ASKED = tuple(np.linspace(0.3, 1.0, 36).tolist())
"""F1 that each choice is asked for."""

FORESIGHT: dict[str, Callable[[Trace], Foresight]] = {
    "content": ByContent,
    "content-blind": lambda trace: Blind(),
    "told the scene": Told,
    "F1 known": Oracle,
}

Costs = dict[str, list[float | None]]
"""Joules of a frame at each F1, by choice, under the key "F1" these. None: not reached."""


def costs(trace: Trace, relaxed: float = RELAXED[1]) -> Costs:
    """Return what each choice costs at F1 that the best fixed one reaches."""
    outputs = OutputTrace.of(trace)
    deadline = relaxed * slowest(trace.profile)
    floor = outputs.idle_power * deadline
    fixed = FixedChoices.of(outputs, goal_of(trace, 0.0, deadline))
    levels = fixed.goals()
    found: Costs = {"F1": [*levels]}
    for name, foresight in FORESIGHT.items():
        if name == "told the scene" and len(trace.phases) == 1:
            continue
        runs = [
            play(name, outputs, goal, Alert(trace.profile, goal, foresight(trace)))
            for goal in (goal_of(trace, f1, deadline) for f1 in ASKED)
        ]
        points = np.array([(run.mean_accuracy, run.mean_energy - floor) for run in runs])
        found[name] = [_between(points, f1) for f1 in levels]
    found["best fixed"] = [cost - floor for cost in map(fixed.cost, levels) if cost is not None]
    return found


def _between(points: Floats, f1: float) -> float | None:
    """Return the cost at an F1, given (F1, cost) of runs; what costs more for less is left out."""
    points = points[np.argsort(points[:, 0])]
    least = np.minimum.accumulate(points[::-1, 1])[::-1]
    if f1 > points[-1, 0]:
        return None
    return float(np.interp(f1, points[:, 0], least))


def ratios(trace: Trace, choice: str = "content") -> dict[str, dict[str, float] | None]:
    """Return what a choice costs against each other choice: the mean and the worst.

    Over all of `RELAXED`, and the F1 that both reach.
    """
    found = [costs(trace, relaxed) for relaxed in RELAXED]
    return {
        other: _compared(found, choice, other)
        for other in found[0]
        if other not in ("F1", choice, "F1 known")
    }


def _compared(found: list[Costs], choice: str, other: str) -> dict[str, float] | None:
    pairs = [pair for each in found for pair in zip(each[choice], each[other], strict=True)]
    both = [ours / theirs for ours, theirs in pairs if ours is not None and theirs is not None]
    if not both:
        return None
    return {"mean": float(np.mean(both)), "worst": max(both), "of": len(pairs), "both": len(both)}


def prediction(trace: Trace) -> dict[str, Any]:
    """Compare the F1 that content predicts with that found, by scene and branch.

    Returns
    -------
    dict
        "rms" over goals, scenes and branches. For each scene the means of what was predicted and
        found. "halves": rms of the difference between the profile and what was found, by scene.
        Scenes without any group are left out.
    """
    assert trace.accuracy is not None
    deadline = RELAXED[1] * slowest(trace.profile)
    outputs = OutputTrace.of(trace)
    levels = FixedChoices.of(outputs, goal_of(trace, 0.0, deadline)).goals()
    found = _by_scene(trace, trace.accuracy)
    predicted = []
    for f1 in levels:
        goal = goal_of(trace, f1, deadline)
        foresight = ByContent(trace)
        play("content", outputs, goal, Alert(trace.profile, goal, foresight))
        predicted.append(_by_scene(trace, np.array(foresight.predicted)))
    names = [trace.phases[scene] for scene in np.unique(trace.phase)]
    situations = trace.profile.origin["video"]["situations"]
    profiled = np.array([situations[name]["f1"] for name in names])
    means = np.mean(predicted, axis=0)
    return {
        "rms": _rms(np.array(predicted) - found),
        "halves": _rms(profiled - found),
        "scenes": {
            name: {"predicted": ours.tolist(), "found": theirs.tolist()}
            for name, ours, theirs in zip(names, means, found, strict=True)
        },
    }


def _by_scene(trace: Trace, f1: Floats) -> Floats:
    """Return means of scenes x branches."""
    return np.array([f1[trace.phase == scene].mean(axis=0) for scene in np.unique(trace.phase)])


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
