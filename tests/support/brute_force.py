"""Choosing configurations by brute force in Python, and goals for small random traces."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import alert
from alert.evaluation import Replay

LATENCY = 0.02
GOALS = (
    alert.Goal.min_energy(LATENCY, 0.66),
    alert.Goal.min_energy(0.6 * LATENCY, 0.6, q_fail=0.1),
    alert.Goal.min_energy(0.4 * LATENCY, 0.5, probability=0.9),
    alert.Goal.min_energy(LATENCY, 0.7, priority=("latency", "energy", "accuracy")),
    alert.Goal.max_accuracy(LATENCY, 0.25),
    alert.Goal.max_accuracy(0.6 * LATENCY, 0.12, probability=0.5, q_fail=0.05),
    alert.Goal.max_accuracy(LATENCY, 0.11, priority=("energy", "latency", "accuracy")),
    alert.Goal.max_accuracy(0.3 * LATENCY, 0.06),
    alert.Goal.max_accuracy(
        0.5 * LATENCY, 0.08, probability=0.9, priority=("energy", "accuracy", "latency")
    ),
    alert.Goal.max_accuracy(0.6 * LATENCY),
    alert.Goal.max_accuracy(0.3 * LATENCY, probability=0.9, q_fail=0.1),
    alert.Goal.min_latency(accuracy=0.66),
    alert.Goal.min_latency(accuracy=0.7, energy=0.3),
    alert.Goal.min_latency(accuracy=0.7, energy=0.1, deadline=LATENCY),
    alert.Goal.min_latency(
        accuracy=0.7, energy=0.2, deadline=0.6 * LATENCY, priority=("energy", "latency", "accuracy")
    ),
    alert.Goal.min_latency(energy=0.1, deadline=0.5 * LATENCY, probability=0.9),
)

TIGHT = alert.Goal.min_energy(0.23 * LATENCY, 0.4)
"""Some words of every sentence come late."""


class Outcome(dict[str, Any]):
    """One configuration of one input."""


def configurations(trace: alert.Trace) -> list[tuple[int, int, int]]:
    """List (cap, model, exit), in the order in which ties are broken."""
    p = trace.profile
    return [
        (cap, model, k)
        for cap in range(len(p.power_caps))
        for model in range(len(p.models))
        for k in (range(len(p.exits[model])) if model in p.exits else (-1,))
    ]


def outcome(
    trace: alert.Trace, i: int, due: float, q_fail: float, configuration: tuple[int, int, int]
) -> Outcome:
    """Work out what this configuration makes of input i."""
    cap, model, k = configuration
    whole, joules = trace.latency[i, model, cap], trace.energy[i, model, cap]
    latency, energy = whole, joules
    accuracy, met = q_fail, False
    if k < 0:
        if whole <= due:
            accuracy, met = trace.profile.accuracy[model], True
    else:
        latency = trace.exits[model][i, cap, k]
        energy = joules * (latency / whole)
        for e in range(k + 1):
            if trace.exits[model][i, cap, e] <= due:
                accuracy, met = trace.profile.exits[model][e][1], True
    rest = max(due - latency, 0.0) if due < math.inf else 0.0
    full = energy + trace.profile.idle_power * rest
    return Outcome(
        latency=latency, active=energy, energy=full, accuracy=accuracy, met=met, place=configuration
    )


def table(trace: alert.Trace, i: int, due: float, goal: alert.Goal) -> list[Outcome]:
    return [outcome(trace, i, due, goal.q_fail, c) for c in configurations(trace)]


def best_for(options: list[Outcome], goal: alert.Goal) -> Outcome:
    """Follow the rules of choice in words: give up what matters least until something is left."""
    bounds: dict[str, Callable[[Outcome], bool]] = {}
    if goal.probability:
        bounds["latency"] = lambda o: o["met"]
    if goal.accuracy is not None:
        bounds["accuracy"] = lambda o: o["accuracy"] >= goal.accuracy
    if goal.energy is not None:
        bounds["energy"] = lambda o: o["energy"] <= goal.energy
    rank: dict[str, Callable[[Outcome], tuple[float, ...]]] = {
        "latency": lambda o: (o["latency"], o["energy"]),
        "accuracy": lambda o: (-o["accuracy"], o["energy"]),
        "energy": lambda o: (o["energy"],),
    }
    decides = goal.objective.partition("_")[2]
    asked = sorted(bounds, key=goal.priority.index)
    while not (left := [o for o in options if all(bounds[b](o) for b in asked)]):
        given_up = asked.pop()
        if given_up != "latency":
            decides = min(decides, given_up, key=goal.priority.index)
    return min(left, key=rank[decides])


def groups(trace: alert.Trace) -> Iterator[list[int]]:
    for _, members in itertools.groupby(range(len(trace)), key=lambda i: trace.group[i]):
        yield list(members)


def play(trace: alert.Trace, goal: alert.Goal, choose: Any) -> list[Outcome]:
    """Play word by word; of a sentence only the last word is followed by idle time."""
    done = []
    for members in groups(trace):
        left = goal.deadline * len(members)
        for k, i in enumerate(members):
            due = max(left / (len(members) - k), 0.0)
            chosen = choose(table(trace, i, due, goal))
            left -= chosen["latency"]
            if k < len(members) - 1:
                chosen["energy"] = chosen["active"]
            done.append(chosen)
    return done


def assert_played(found: Replay, expected: list[Outcome]) -> None:
    assert found.inputs is not None
    places = [(o["place"]) for o in expected]
    np.testing.assert_array_equal(
        np.stack([found.inputs[name] for name in ("cap", "model", "exit")], axis=1), places
    )
    for name in ("energy", "accuracy", "latency", "met"):
        np.testing.assert_allclose(found.inputs[name], [o[name] for o in expected], rtol=1e-12)
