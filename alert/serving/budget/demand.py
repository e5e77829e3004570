"""The demand of a machine for power: what its requests lose where no higher cap is allowed."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from alert._arguments import Floats
from alert.profile import Profile
from alert.serving.bounds import as_deadline, usual_worth
from alert.serving.requests import Request

# Seconds in which a request is forgotten by a factor of e.
_REMEMBERS = 10.0


class Loss(NamedTuple):
    """What a machine loses under limits on its power.

    Attributes
    ----------
    watts : tuple of float
        The limits: the caps of the profile, ascending; the last may be infinite.
    loss : tuple of float
        Joules a second that each limit loses against none, descending to 0.
    """

    watts: tuple[float, ...]
    loss: tuple[float, ...]


class Demand:
    """Averages over the requests of the last seconds what limits on the power would cost them.

    A request costs, with the best configuration under a limit,

        energy + (price - idle power) x latency - worth x min(accuracy, bound)

    by the expectations of its tenant's scheduler, with the learnt price of a second of the machine.

    Parameters
    ----------
    profile : Profile
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._worth = usual_worth(profile)
        self._caps = len(profile.power_caps)
        self._rate: Floats = np.zeros(self._caps)
        self._at = -math.inf

    def count(self, request: Request, now: float, price: float) -> None:
        """Count a request that has just come, where a second of the machine costs `price`."""
        self._forget(now)
        options = request.account.scheduler.options(as_deadline(request.due - now))
        goal = request.goal or request.account.goal
        bound = 1.0 if goal.accuracy is None else goal.accuracy
        cost = np.nan_to_num(options["energy"])  # unknown where the profile knows no power
        cost += (price - self._profile.idle_power) * options["latency"]
        cost -= self._worth * np.minimum(options["accuracy"], bound)
        under = np.minimum.accumulate(cost.reshape(-1, self._caps).min(axis=0))
        self._rate += (under - under[-1]) / _REMEMBERS

    def loss(self, now: float) -> Loss:
        """Return what limits lose."""
        self._forget(now)
        return Loss(tuple(self._profile.power_caps.tolist()), tuple(self._rate.tolist()))

    def _forget(self, now: float) -> None:
        self._rate *= math.exp(min(self._at - now, 0.0) / _REMEMBERS)
        self._at = now
