"""The policies: which request is next, and what runs for it."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from alert._core import Decision
from alert._text import shown
from alert.profile import Profile
from alert.serving.requests import Order
from alert.serving.view import View

Choice: TypeAlias = "tuple[int, Decision | int | None]"
"""Row of a request, and what runs for it: a decision, a row of its options, or None to give up."""

Choose: TypeAlias = Callable[[View], Choice]

# The look-ahead asks what so many requests would lose by a delay of so many seconds.
_LOOKS_AT = 16
_DELAY = 0.02

NAMES = ("price", "look-ahead", "edf", "fifo", "accuracy-scaling", "fixed:NAME")


@dataclass(frozen=True)
class Policy:
    """Says who is next and what runs.

    Attributes
    ----------
    choose : callable
        Takes a `View` of at least one request, and returns a `Choice`.
    order : {"deadline", "arrival"}
        Of the queue.
    gives_up : {"early", "late", "never"}
        When requests are given up that will not be in time: as soon as that is known, when their
        turn comes and they are late, or not at all.
    arrived : callable
        Called with the time of each request that comes.
    by_price : bool
        Requests behind the chosen one may run with it, where they would choose the same model by
        the price of the machine.
    """

    choose: Choose
    order: Order = "deadline"
    gives_up: Literal["early", "late", "never"] = "early"
    arrived: Callable[[float], object] = lambda now: None
    by_price: bool = False

    def __post_init__(self) -> None:
        if self.order == "arrival" and self.gives_up == "early":
            raise ValueError("gives_up: expected 'late' or 'never' in the order of arrivals")


def find(policy: str | Choose | Policy, profile: Profile) -> Policy:
    """Look a policy up, or make one of a function.

    Raises
    ------
    ValueError
        There is no policy of this name, or no model.
    TypeError
        It is neither a name nor callable.
    """
    if isinstance(policy, Policy):
        return policy
    if callable(policy):
        return Policy(policy)
    if not isinstance(policy, str):
        kind = type(policy).__name__
        raise TypeError(f"policy: expected a name or a callable, got {kind}")
    if policy.startswith("fixed:"):
        return _fixed(policy.removeprefix("fixed:"), profile)
    if policy == "accuracy-scaling":
        scaling = AccuracyScaling(profile)
        return Policy(scaling, "arrival", "late", scaling.arrived)
    if policy in _NAMED:
        return _NAMED[policy]
    raise ValueError(f"policy: expected one of {', '.join(NAMES)}, got {shown(policy)}")


def by_price(view: View) -> Choice:
    """Run the earliest deadline; the price of the machine is the learnt one."""
    return 0, view.decide(0, view.price)


def by_look_ahead(view: View) -> Choice:
    """Run the earliest deadline; the price is what the others lose by a delay, if that is more."""
    return 0, view.decide(0, max(view.price, loss_of_delay(view)))


def loss_of_delay(view: View) -> float:
    """Return what those behind the first request lose by waiting longer, in joules a second.

    They wait for their turn while those before them run as fast as can be. A delay lowers the
    accuracy that they can expect, lateness counted.
    """
    lost = 0.0
    for place in range(1, min(len(view), _LOOKS_AT)):
        slack = view.slack(place) - place * view.service
        now, later = (
            float(view.options_with(place, left)["accuracy"].max())
            for left in (slack, slack - _DELAY)
        )
        lost += (now - later) / _DELAY
    return lost * view.worth


def alone(view: View) -> Choice:
    """Run the next request as if it had the machine for itself until its deadline."""
    return 0, view.decide(0)


_NAMED = {
    "price": Policy(by_price, by_price=True),
    "look-ahead": Policy(by_look_ahead, by_price=True),
    "edf": Policy(alone, gives_up="late"),
    "fifo": Policy(alone, "arrival", "late"),
}


def _fixed(name: str, profile: Profile) -> Policy:
    """Make the policy that always runs the same model, under the highest cap."""
    if name not in profile.models:
        raise ValueError(f"policy: expected fixed: and one of {profile.models}, got {shown(name)}")
    model = profile.models.index(name)
    cap = len(profile.power_caps) - 1
    return Policy(lambda view: (0, view.fixed(model, cap)), gives_up="late")


class AccuracyScaling:
    """Scales accuracy with demand, after Proteus (ASPLOS 2024).

    Once a second it finds the accuracy that carries the demand of the last three seconds. It mixes
    the two models around it at random, under the highest cap. Requests run as they come.

    Parameters
    ----------
    profile : Profile
    seed : int, default 0
        Draws which of the two models runs.
    """

    _SECONDS = 3.0
    _PERIOD = 1.0
    _RESERVE = 1.05

    def __init__(self, profile: Profile, seed: int = 0) -> None:
        self._cap = len(profile.power_caps) - 1
        latency = profile.latency[:, self._cap]
        self._models = _frontier(latency.tolist(), profile.accuracy.tolist())
        self._latency = [float(latency[model]) for model in self._models]
        self._arrivals: deque[float] = deque()
        self._first: float | None = None
        self._next = -np.inf
        self._mix = (len(self._models) - 1, 0.0)  # a model, and the share of the one above
        self._random = np.random.default_rng(seed)

    def arrived(self, now: float) -> None:
        """Note that a request has come."""
        self._first = now if self._first is None else self._first
        self._arrivals.append(now)

    def __call__(self, view: View) -> Choice:
        """Run the request that came first."""
        if view.now >= self._next:
            self._plan(view.now, view.slowdown)
        place, share = self._mix
        model = self._models[place + (self._random.random() < share)]
        return 0, view.fixed(model, self._cap)

    def _plan(self, now: float, slowdown: float) -> None:
        while self._arrivals and self._arrivals[0] <= now - self._SECONDS:
            self._arrivals.popleft()
        assert self._first is not None
        over = min(self._SECONDS, max(now - self._first, self._PERIOD))
        demand = self._RESERVE * len(self._arrivals) / over
        seconds = [slowdown * latency for latency in self._latency]
        time = 1.0 / demand if demand else np.inf  # that each request may take
        place = bisect_left(seconds, time) - 1
        if place < 0:
            self._mix = (0, 0.0)
        elif place == len(seconds) - 1:
            self._mix = (place, 0.0)
        else:
            step = seconds[place + 1] - seconds[place]
            self._mix = (place, (time - seconds[place]) / step)
        self._next = now + self._PERIOD


def _frontier(latency: list[float], accuracy: list[float]) -> list[int]:
    """List the models that are more accurate than every faster one, the fastest first."""
    found: list[int] = []
    for model in sorted(range(len(latency)), key=lambda i: (latency[i], -accuracy[i])):
        if not found or accuracy[model] > accuracy[found[-1]]:
            found.append(model)
    return found
