"""Schemes that are schedulers, whole or over a part of the profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from alert.evaluation.recording import Recording
from alert.evaluation.result import Replay
from alert.goal import Goal
from alert.profile import Profile
from alert.scheduler import Scheduler

# The paper's filter with its gain, but a spread of nothing: Q and R keep their proportion (so K is
# what it is in the steady state), alpha = 1 keeps corrections out of Q.
_MEAN_ONLY = {"alpha": 1.0, "q0": 0.1e-12, "r": 0.001e-12, "s2_0": 0.1e-12}


def default(recording: Recording, goal: Goal) -> Replay:
    """Do what `alert.Scheduler` does unless told otherwise."""
    return replay("default", recording, goal)


def paper(recording: Recording, goal: Goal) -> Replay:
    """Follow the paper's method."""
    return replay("paper", recording, goal, method="paper")


def paper_mean_only(recording: Recording, goal: Goal) -> Replay:
    """Follow the paper's method, taking the mean of the slowdown for certain."""
    return replay("paper-mean-only", recording, goal, method="paper", constants=_MEAN_ONLY)


def paper_traditional(recording: Recording, goal: Goal) -> Replay:
    """Follow the paper's method without the anytime models."""
    models = traditional_models(recording.profile)
    return replay("paper-traditional", recording, goal, models, method="paper")


def paper_anytime(recording: Recording, goal: Goal) -> Replay:
    """Follow the paper's method with the anytime models alone."""
    models = anytime_models(recording.profile)
    return replay("paper-anytime", recording, goal, models, method="paper")


def app_only(recording: Recording, goal: Goal) -> Replay:
    """Adapt the anytime models (all models where none is anytime) at the highest cap."""
    models = application_models(recording.profile)
    highest = [len(recording.profile.power_caps) - 1]
    return replay("app-only", recording, goal, models, highest, method="paper")


def sys_only(recording: Recording, goal: Goal) -> Replay:
    """Adapt the cap under the fastest traditional model."""
    p = recording.profile
    models = traditional_models(p) or range(len(p.models))
    fastest = min(models, key=lambda i: p.latency[i, -1])
    return replay("sys-only", recording, goal, [fastest], method="paper")


def replay(
    scheme: str,
    recording: Recording,
    goal: Goal,
    models: Sequence[int] | None = None,
    caps: Sequence[int] | None = None,
    **options: Any,
) -> Replay:
    """Let a scheduler with `options` choose among these models and caps, by default all."""
    all_models, all_caps = (list(range(size)) for size in recording.profile.latency.shape)
    models = all_models if models is None else list(models)
    caps = all_caps if caps is None else list(caps)
    whole = models == all_models and caps == all_caps
    part = recording if whole else recording.cut(models, caps)
    scheduler = Scheduler(part.profile, goal, trace=0, **options)
    inputs = scheduler._replay(part.latency, part.energy, part.idle_power, part.sharing)
    inputs["model"] = np.array(models)[inputs["model"]]
    inputs["cap"] = np.array(caps)[inputs["cap"]]
    return Replay.of(scheme, goal, inputs)


def anytime_models(profile: Profile) -> list[int]:
    """List them."""
    return sorted(profile.exits)


def traditional_models(profile: Profile) -> list[int]:
    """List them."""
    return [i for i in range(len(profile.models)) if i not in profile.exits]


def application_models(profile: Profile) -> list[int]:
    """List what an application that adapts on its own offers: anytime models, if there are any."""
    return anytime_models(profile) or traditional_models(profile)
