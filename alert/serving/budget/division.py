"""The division of a budget: watts go where they save most, until the price is the same everywhere.

A machine runs under one of its caps. A higher cap saves so many joules a second for each watt more.
The machine that saves most for a watt has its turn first (water-filling). A machine climbs the
lower convex hull of its losses: a step that pays little may lead to one that pays much. A step that
no longer fits is replaced by the best one that does. Among few machines one such step matters:
there each machine is tried at its other caps, and the rest divided anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np

from alert._arguments import Floats
from alert.serving.budget.demand import Loss

# Machines up to which that is done, and the share of the loss that it has to save.
_FEW = 16
_WORTH = 1e-9


class Division(NamedTuple):
    """Shares of a budget.

    Attributes
    ----------
    watts : dict
        By name: the cap that a machine may have.
    price : float
        Joules that one watt more would save in a second; 0 where it would save none.
    """

    watts: dict[str, float]
    price: float


class _Step(NamedTuple):
    """From the cap that a machine has so far to a higher one. The best step sorts first."""

    lost: float  # by each watt that is not given, in joules a second; negated
    machine: int
    watts: float
    cap: int


def divide(budget: float, machines: Mapping[str, Loss]) -> Division:
    """Divide a budget so that the machines lose least together.

    Parameters
    ----------
    budget : float
        Watts, no less than all the lowest caps together.
    machines : mapping of str to Loss
        By name; all caps are finite.
    """
    found = _fill(budget, machines)
    return _exchange(budget, machines, found) if len(machines) <= _FEW else found


def _exchange(budget: float, machines: Mapping[str, Loss], found: Division) -> Division:
    """Hold one machine at another cap and divide the rest, as long as this saves."""
    best, tried = _lost(machines, found), False
    while not tried:
        tried = True
        for name, loss in machines.items():
            least = _least(budget, machines, name)
            for watts, bound in zip(loss.watts, least.tolist(), strict=True):
                if bound >= best - _WORTH * abs(best):
                    continue
                other = _fill(budget, {**machines, name: Loss((watts,), (0.0,))})
                if (lost := _lost(machines, other)) < best - _WORTH * abs(best):
                    best, tried = lost, False
                    found = Division(other.watts, found.price)
    return found


def _least(budget: float, machines: Mapping[str, Loss], held: str) -> Floats:
    """Bound from below what all lose together, for each cap at which one machine is held.

    The bound lets the last step that the others take be a part of one. It is infinite for caps
    that the budget does not allow.
    """
    others = [loss for name, loss in machines.items() if name != held]
    left = budget - math.fsum(loss.watts[0] for loss in others) - np.array(machines[held].watts)
    steps = sorted(step for n in range(len(others)) for step in _climb(others, n))
    watts = np.cumsum([0.0, *(step.watts for step in steps)])
    lost = np.cumsum([0.0, *(step.lost * step.watts for step in steps)])
    lost += math.fsum(loss.loss[0] for loss in others)
    return np.where(left < 0.0, math.inf, machines[held].loss + np.interp(left, watts, lost))


def _climb(losses: list[Loss], machine: int) -> Iterator[_Step]:
    """Yield the steps that a machine takes while all of them fit: each pays less than the last."""
    step = _best(losses, machine, 0, math.inf)
    while step:
        yield step
        step = _best(losses, machine, step.cap, math.inf)


def _lost(machines: Mapping[str, Loss], division: Division) -> float:
    """Return the joules a second that the machines lose together."""
    shares = division.watts
    return math.fsum(each.loss[each.watts.index(shares[name])] for name, each in machines.items())


def _fill(budget: float, machines: Mapping[str, Loss]) -> Division:
    """Take the step that saves most for a watt, again and again."""
    losses = list(machines.values())
    caps = [0] * len(losses)
    left = budget - math.fsum(loss.watts[0] for loss in losses)
    price = 0.0
    steps = [_best(losses, n, 0, math.inf) for n in range(len(losses))]
    heap = [step for step in steps if step]
    heapify(heap)
    while heap:
        step = heappop(heap)
        n = step.machine
        if step.watts <= left:
            left -= step.watts
            caps[n] = step.cap
            following = _best(losses, n, step.cap, math.inf)
        else:
            price = max(price, -step.lost)
            following = _best(losses, n, caps[n], left)
        if following:
            heappush(heap, following)
    shares = (loss.watts[cap] for loss, cap in zip(losses, caps, strict=True))
    return Division(dict(zip(machines, shares, strict=True)), price)


def _best(losses: list[Loss], machine: int, cap: int, most: float) -> _Step | None:
    """Return the step that saves most for a watt, of at most so many watts; None: none saves."""
    watts, loss = losses[machine]
    best = None
    least = 0.0
    for higher in range(cap + 1, len(watts)):
        more = watts[higher] - watts[cap]
        if more > most:
            break
        lost = (loss[higher] - loss[cap]) / more
        if lost <= least and lost < 0.0:
            least, best = lost, _Step(lost, machine, more, higher)
    return best
