"""The paper's method: whole, with the mean only, with one kind of models only."""

from __future__ import annotations

from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.result import Replay
from alert.evaluation.schemes.schedulers import anytime_models, replay, traditional_models
from alert.goal import Goal

# The paper's filter with its gain but no spread. Q and R keep their proportion, so the steady gain
# stays as it is; alpha = 1 keeps the corrections out of Q.
_MEAN_ONLY = {"alpha": 1.0, "q0": 0.1e-12, "r": 0.001e-12, "s2_0": 0.1e-12}


def paper(trace: OutputTrace, goal: Goal) -> Replay:
    """Follow the paper's method."""
    return replay("paper", trace, goal, method="paper")


def paper_mean_only(trace: OutputTrace, goal: Goal) -> Replay:
    """Follow the paper's method as if the mean of the slowdown were certain."""
    return replay("paper-mean-only", trace, goal, method="paper", constants=_MEAN_ONLY)


def paper_traditional(trace: OutputTrace, goal: Goal) -> Replay:
    """Follow the paper's method without the anytime models."""
    models = traditional_models(trace.profile)
    return replay("paper-traditional", trace, goal, models, method="paper")


def paper_anytime(trace: OutputTrace, goal: Goal) -> Replay:
    """Follow the paper's method with the anytime models alone."""
    models = anytime_models(trace.profile)
    return replay("paper-anytime", trace, goal, models, method="paper")
