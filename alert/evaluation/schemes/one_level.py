"""App-only and Sys-only: the application adapts and the cap stays, or the other way round."""

from __future__ import annotations

from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.result import Replay
from alert.evaluation.schemes.schedulers import application_models, replay, traditional_models
from alert.goal import Goal


def app_only(trace: OutputTrace, goal: Goal) -> Replay:
    """Adapt the anytime models (all models where none is anytime) at the highest cap."""
    models = application_models(trace.profile)
    highest = [len(trace.profile.power_caps) - 1]
    return replay("app-only", trace, goal, models, highest, method="paper")


def sys_only(trace: OutputTrace, goal: Goal) -> Replay:
    """Adapt the cap under the fastest traditional model."""
    p = trace.profile
    models = traditional_models(p) or range(len(p.models))
    fastest = min(models, key=lambda i: p.latency[i, -1])
    return replay("sys-only", trace, goal, [fastest], method="paper")
