"""Replaying a scheduler, over the whole profile or a part of it; the default scheme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.result import Replay
from alert.goal import Goal
from alert.profile import Profile
from alert.scheduler import Scheduler


def default(trace: OutputTrace, goal: Goal) -> Replay:
    """Choose as `alert.Scheduler` does by default."""
    return replay("default", trace, goal)


def replay(
    scheme: str,
    trace: OutputTrace,
    goal: Goal,
    models: Sequence[int] | None = None,
    caps: Sequence[int] | None = None,
    method: str = "calibrated",
    constants: Mapping[str, float] | None = None,
) -> Replay:
    """Let a scheduler choose among these models and caps, by default all."""
    all_models, all_caps = (list(range(size)) for size in trace.profile.latency.shape)
    models = all_models if models is None else list(models)
    caps = all_caps if caps is None else list(caps)
    whole = models == all_models and caps == all_caps
    part = trace if whole else trace.cut(models, caps)
    scheduler = Scheduler(part.profile, goal, method=method, constants=constants, history=0)
    inputs = scheduler._replay(
        part.latency, part.energy, part.idle_power, part.sharing, accuracy=part.recorded
    )
    inputs["model"] = np.array(models)[inputs["model"]]
    inputs["cap"] = np.array(caps)[inputs["cap"]]
    return Replay.of(scheme, goal, inputs)


def anytime_models(profile: Profile) -> list[int]:
    """List the anytime models of a profile."""
    return sorted(profile.exits)


def traditional_models(profile: Profile) -> list[int]:
    """List the traditional models of a profile."""
    return [i for i in range(len(profile.models)) if i not in profile.exits]


def application_models(profile: Profile) -> list[int]:
    """List the models of an application that adapts alone: the anytime ones, or else all."""
    return anytime_models(profile) or traditional_models(profile)
