"""What a policy sees: the requests that wait, and what every configuration would do for each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from alert._core import Decision
from alert.power.device import cap_or_none
from alert.profile import Profile
from alert.serving.admission import Admission
from alert.serving.bounds import as_deadline, is_unbounded, usual_worth
from alert.serving.requests import Queue

REQUEST = np.dtype(
    [
        ("tenant", np.int64),
        ("weight", np.float64),
        ("arrival", np.float64),
        ("due", np.float64),
        ("slack", np.float64),
    ]
)
"""A request that waits. `tenant` is the number of the tenant, `slack` the seconds that are left."""

Options: TypeAlias = NDArray[np.void]


class View:
    """Shows a policy what it chooses from.

    Attributes
    ----------
    now : float
        Seconds on the clock.
    price : float
        Learnt price of a second of the machine, in watts.
    slowdown : float
        Mean slowdown that is expected of the machine.
    service : float
        Seconds that a request takes with the fastest configuration.
    profile : Profile
    worth : float
        What a unit of accuracy is worth where nothing else says so, in joules.
    """

    def __init__(
        self,
        now: float,
        queue: Queue,
        profile: Profile,
        price: float,
        power_cap: float | None,
        admission: Admission,
        power_limit: float | None = None,
        worth: float | None = None,
    ) -> None:
        self.now = now
        self.price = price
        self.slowdown = admission.slowdown
        self.service = admission.service
        self.profile = profile
        self.worth = usual_worth(profile) if worth is None else worth
        self._queue = queue
        self._power_cap = power_cap
        self._power_limit = power_limit
        self._overhead = admission.overhead
        self._offsets = admission.offsets

    def __len__(self) -> int:
        """Count the requests that wait."""
        return len(self._queue)

    @cached_property
    def requests(self) -> NDArray[np.void]:
        """The requests that wait, one `REQUEST` each, in the order of the policy."""
        rows = [
            (r.account.number, r.account.weight, r.arrival, r.due, r.due - self.now)
            for r in self._queue
        ]
        return np.array(rows, REQUEST)

    @cached_property
    def options(self) -> OptionsOfRequests:
        """For the request in row i, ``options[i]`` lists every configuration and what it would do.

        Those under caps above a limit on the power are left out.
        Columns: model, cap (its index), exit (-1 for a traditional model), power_cap, latency,
        energy, accuracy (lateness counted), probability (to be in time). All are expectations.
        """
        return OptionsOfRequests(self)

    def decide(self, request: int = 0, price: float | None = None) -> Decision:
        """Return the choice of the tenant's scheduler.

        Parameters
        ----------
        request : int, default 0
            Row of the request.
        price : float, optional
            Of a second of the machine, in watts. By default the choice is made as if the machine
            had nothing else to do until the request is due.
        """
        waiting = self._queue[request]
        account, goal = waiting.account, waiting.goal or waiting.account.goal
        scheduler = account.scheduler
        scheduler.machine_price = price
        scheduler.power_limit = self._power_limit
        if self._power_cap is not None:
            scheduler.note_cap(self._power_cap)
        if waiting.context is not None:
            scheduler.context = waiting.context
        decision = scheduler.decide(self.slack(request), goal=goal)
        if price is not None and is_unbounded(goal):
            return self._worth_most(request, price)
        return decision

    def _worth_most(self, request: int, price: float) -> Decision:
        """Choose where neither accuracy nor energy is bounded: accuracy is worth so many joules."""
        options = self.options[request]
        second = price - self.profile.idle_power
        cost = second * options["latency"] - self.worth * options["accuracy"]
        if not math.isnan(options["energy"][0]):  # unknown where the profile knows no power
            cost += options["energy"]
        return decision_of(options[cost.argmin()])

    def fixed(self, model: int, cap: int) -> Decision:
        """Return the decision to run this model under the cap of this index, to its last exit.

        Where power is limited, the cap is the highest within the limit, if that is lower.
        """
        p = self.profile
        cap = min(cap, highest_within(p, self._power_limit))
        offset = 1.0 if self._offsets is None else float(self._offsets[model])
        latency = self.slowdown * offset * float(p.latency[model, cap])
        energy = latency * float(p.power[model, cap])
        power_cap = cap_or_none(float(p.power_caps[cap]))
        last = len(p.exits[model]) - 1 if model in p.exits else None
        accuracy = float(p.accuracy[model])
        expected = (last, latency, energy, accuracy, float("nan"), True)
        return Decision((model, power_cap, *expected))

    def slack(self, request: int) -> float:
        """Return the seconds left for the model of a request; a little where none are left."""
        left = self._queue[request].due - self.now - self._overhead
        return as_deadline(left)

    def options_with(self, request: int, slack: float) -> Options:
        """Return the options of a request as they will be when so many seconds are left."""
        options = self._queue[request].account.scheduler.options(as_deadline(slack))
        if self._power_limit is None:
            return options
        within = highest_within(self.profile, self._power_limit)
        return options[options["cap"] <= within]


class OptionsOfRequests:
    """Lists the options of each request, asked for when they are first used."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._known: dict[int, Options] = {}

    def __len__(self) -> int:
        return len(self._view)

    def __getitem__(self, request: int) -> Options:
        if request not in self._known:
            self._known[request] = self._view.options_with(request, self._view.slack(request))
        return self._known[request]

    def __iter__(self) -> Iterator[Options]:
        return (self[request] for request in range(len(self)))


def highest_within(profile: Profile, limit: float | None) -> int:
    """Return the index of the highest cap within a limit in watts."""
    if limit is None:
        return len(profile.power_caps) - 1
    return int(np.searchsorted(profile.power_caps, limit, side="right")) - 1


def decision_of(option: np.void) -> Decision:
    """Make the decision for a row of options."""
    exit = int(option["exit"])
    expected = [float(option[name]) for name in ("latency", "energy", "accuracy", "probability")]
    last = None if exit < 0 else exit
    cap = cap_or_none(float(option["power_cap"]))
    return Decision((int(option["model"]), cap, last, *expected, True))
