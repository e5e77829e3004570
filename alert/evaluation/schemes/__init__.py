"""The table of all schemes. Each scheme, or family of schemes, has its own file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from alert._core import METHODS
from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.result import Replay
from alert.evaluation.schemes import (
    clairvoyant,
    informed,
    no_coord,
    one_level,
    oracle,
    paper,
    schedulers,
    static,
)
from alert.goal import Goal

Scheme = Callable[[OutputTrace, Goal], Replay]

SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {
        "oracle": oracle.oracle,
        "clairvoyant": clairvoyant.clairvoyant,
        "informed": informed.informed,
        "static": static.static,
        "app-only": one_level.app_only,
        "sys-only": one_level.sys_only,
        "no-coord": no_coord.no_coord,
        "paper": paper.paper,
        "paper-mean-only": paper.paper_mean_only,
        "paper-traditional": paper.paper_traditional,
        "paper-anytime": paper.paper_anytime,
        "default": schedulers.default,
    }
)


def run(scheme: str, trace: OutputTrace, goal: Goal) -> Replay:
    """Replay one scheme.

    Raises
    ------
    ValueError
        There is no such scheme, or it needs models that the trace lacks.
    """
    chosen = find(scheme)
    if not applies(scheme, trace):
        raise ValueError(f"scheme: {scheme} needs models that this trace does not have")
    return chosen(trace, goal)


def find(scheme: str) -> Scheme:
    """Look up a scheme, or a method of `alert.Scheduler`. Raises ValueError for other names."""
    if scheme in SCHEMES:
        return SCHEMES[scheme]
    if scheme in METHODS:
        return partial(_by_method, scheme)
    expected = ", ".join(dict.fromkeys((*SCHEMES, *METHODS)))
    raise ValueError(f"scheme: expected one of {expected}, got {scheme!r}")


def _by_method(method: str, trace: OutputTrace, goal: Goal) -> Replay:
    return schedulers.replay(method, trace, goal, method=method)


def applies(scheme: str, trace: OutputTrace) -> bool:
    """Tell whether the trace has the models that the scheme needs."""
    if scheme == "paper-traditional":
        return bool(schedulers.traditional_models(trace.profile))
    if scheme == "paper-anytime":
        return bool(schedulers.anytime_models(trace.profile))
    return True
