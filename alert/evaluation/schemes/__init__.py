"""The schemes that are compared, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from alert._core import METHODS
from alert.evaluation.recording import Recording
from alert.evaluation.result import Replay
from alert.evaluation.schemes import bounds, oracle, schedulers, static, uncoordinated
from alert.goal import Goal

Scheme = Callable[[Recording, Goal], Replay]

SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {
        "oracle": oracle.oracle,
        "clairvoyant": bounds.clairvoyant,
        "informed": bounds.informed,
        "static": static.static,
        "app-only": schedulers.app_only,
        "sys-only": schedulers.sys_only,
        "no-coord": uncoordinated.no_coord,
        "paper": schedulers.paper,
        "paper-mean-only": schedulers.paper_mean_only,
        "paper-traditional": schedulers.paper_traditional,
        "paper-anytime": schedulers.paper_anytime,
        "default": schedulers.default,
    }
)


def run(scheme: str, recording: Recording, goal: Goal) -> Replay:
    """Replay one scheme.

    Raises
    ------
    ValueError
        There is no such scheme, or it needs models that the recording lacks.
    """
    chosen = find(scheme)
    if not applies(scheme, recording):
        raise ValueError(f"scheme: {scheme} needs models that this trace has not")
    return chosen(recording, goal)


def find(scheme: str) -> Scheme:
    """Look up a scheme, or a method of `alert.Scheduler`; ValueError for neither."""
    if scheme in SCHEMES:
        return SCHEMES[scheme]
    if scheme in METHODS:
        return partial(_by_method, scheme)
    expected = ", ".join(dict.fromkeys((*SCHEMES, *METHODS)))
    raise ValueError(f"scheme: expected one of {expected}, got {scheme!r}")


def _by_method(method: str, recording: Recording, goal: Goal) -> Replay:
    return schedulers.replay(method, recording, goal, method=method)


def applies(scheme: str, recording: Recording) -> bool:
    """Tell whether the recording has the models that the scheme is about."""
    if scheme == "paper-traditional":
        return bool(schedulers.traditional_models(recording.profile))
    if scheme == "paper-anytime":
        return bool(schedulers.anytime_models(recording.profile))
    return True
