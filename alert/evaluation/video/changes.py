"""Scenes that change: what it is worth to see what is in the picture, or to be told.

Costs are joules above those that the idle machine draws anyway. Each choice is given many goals;
its cost at some F1 lies on the line between the two results next to it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from alert._arguments import Floats
from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.result import Replay
from alert.evaluation.video.contention import goal_of
from alert.evaluation.video.foresight import Blind, ByContent, Foresight, Told
from alert.evaluation.video.rules import Alert, Fixed, play
from alert.running.hindsight import MISSES_ALLOWED
from alert.trace import Trace

DEADLINE = 0.1
"""Seconds from one frame to the next: nothing runs beside the detector, and scenes decide."""

ASKED = tuple(np.linspace(0.5, 0.96, 24).tolist())
"""F1 that each choice is asked for."""

REACHED = (0.58, 0.60, 0.62, 0.65)
"""F1 at which costs are compared, and in a scene that stays."""

REACHED_STATIC = (0.84, 0.865, 0.89, 0.92)

PREDICTED = 0.62
"""The F1 asked for while predictions are compared with what was found."""

FORESIGHT: dict[str, Callable[[Trace], Foresight]] = {
    "content": ByContent,
    "content-blind": lambda trace: Blind(),
    "told the scene": Told,
}


def costs(trace: Trace, reached: tuple[float, ...] = REACHED) -> dict[str, list[float | None]]:
    """Return the joules of a frame at each F1, by choice. None where it is not reached."""
    outputs = OutputTrace.of(trace)
    floor = outputs.idle_power * DEADLINE
    found = {}
    for name, foresight in FORESIGHT.items():
        if name == "told the scene" and len(trace.phases) == 1:
            continue
        runs = [
            play(name, outputs, goal, Alert(trace.profile, goal, foresight(trace)))
            for goal in (goal_of(trace, asked, DEADLINE) for asked in ASKED)
        ]
        points = np.array([(run.mean_accuracy, run.mean_energy - floor) for run in runs])
        found[name] = [_between(points, f1) for f1 in reached]
    fixed = [run for run in _fixed(trace, outputs) if run.miss_rate <= MISSES_ALLOWED]
    found["best fixed"] = [
        min((r.mean_energy - floor for r in fixed if r.mean_accuracy >= f1), default=None)
        for f1 in reached
    ]
    return found


def _fixed(trace: Trace, outputs: OutputTrace) -> list[Replay]:
    goal = goal_of(trace, 0.0, DEADLINE)
    branches, caps = trace.profile.latency.shape
    places = product(range(branches), range(caps))
    return [play("fixed", outputs, goal, Fixed(*place)) for place in places]


def _between(points: Floats, f1: float) -> float | None:
    """Return the cost at an F1, given (F1, cost) of runs; what costs more for less is left out."""
    points = points[np.argsort(points[:, 0])]
    least = np.minimum.accumulate(points[::-1, 1])[::-1]
    if not points[0, 0] <= f1 <= points[-1, 0]:
        return None
    return float(np.interp(f1, points[:, 0], least))


def ratios(found: dict[str, list[float | None]]) -> dict[str, float | None]:
    """Return what content costs against each other choice, on average where both reach the F1."""
    means = {}
    for name in found:
        pairs = zip(found["content"], found[name], strict=True)
        both = [ours / theirs for ours, theirs in pairs if ours is not None and theirs is not None]
        means[name] = float(np.mean(both)) if both else None
    means.pop("content")
    return means


def prediction(trace: Trace) -> dict[str, Any]:
    """Compare the F1 that content predicts with that found, by scene and branch.

    Returns
    -------
    dict
        "rms" over scenes and branches, and for each scene the mean of what was predicted and found.
    """
    goal = goal_of(trace, PREDICTED, DEADLINE)
    foresight = ByContent(trace)
    play("content", OutputTrace.of(trace), goal, Alert(trace.profile, goal, foresight))
    predicted = np.array(foresight.predicted)
    assert trace.accuracy is not None
    scenes, errors = {}, []
    for number, name in enumerate(trace.phases):
        here = trace.phase == number
        means = predicted[here].mean(axis=0), trace.accuracy[here].mean(axis=0)
        errors.append(means[0] - means[1])
        scenes[name] = dict(zip(("predicted", "found"), (m.tolist() for m in means), strict=True))
    return {"rms": float(np.sqrt(np.mean(np.square(errors)))), "scenes": scenes}
