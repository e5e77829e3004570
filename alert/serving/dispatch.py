"""The dispatch: requests come in, decisions and refusals go out. No thread, no clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from operator import index
from typing import Any, TypeAlias

import numpy as np

from alert._arguments import Floats
from alert._core import Decision
from alert._text import shown
from alert.profile import Profile
from alert.serving.account import Last
from alert.serving.admission import CAREFUL, Admission
from alert.serving.batches import fit
from alert.serving.bounds import usual_worth
from alert.serving.budget.demand import Demand
from alert.serving.machine_price import MachinePrice
from alert.serving.overloaded import Overloaded
from alert.serving.policies import Choose, Policy, find
from alert.serving.requests import Queue, Request
from alert.serving.view import View, decision_of, highest_within

# Requests that may wait, those of all tenants together.
_MOST_WAITING = 10_000

# A batch is looked for among so many requests, and pays where so much of a latency is fixed.
_LOOKS_AT = 32
_LEAST_SHARE = 0.1

Refusal: TypeAlias = "tuple[Request, BaseException]"


@dataclass(frozen=True, slots=True)
class Job:
    """What runs now: one request, or several as a batch.

    Attributes
    ----------
    requests : tuple of Request
        The first is the one that the decision was made for.
    decision : Decision
        What runs, and what would be expected of it for the first request alone.
    since : float
        When that was decided, on the clock.
    fixed_share : float
        Share of a latency that a batch takes once, not for every request.
    """

    requests: tuple[Request, ...]
    decision: Decision
    since: float
    fixed_share: float = 1.0

    @property
    def growth(self) -> float:
        """Latency of the batch, relative to that of one request."""
        return self.fixed_share + (1.0 - self.fixed_share) * len(self.requests)

    @property
    def request(self) -> Request:
        """The first request."""
        return self.requests[0]


class Dispatch:
    """Decides for one machine who is next, what runs, and who is given up.

    Parameters
    ----------
    profile : Profile
    policy : str, callable or Policy
        See `alert.serving.policies.find`.
    batch : int, default 1
        Requests that may run together.
    """

    def __init__(
        self, profile: Profile, policy: str | Choose | Policy = "price", batch: int = 1
    ) -> None:
        self.profile = profile
        self.batch = batch
        self.policy = find(policy, profile)
        self.queue = Queue(self.policy.order)
        self._latency = profile.latency.min(axis=1)  # of each model
        self.admission = Admission(float(self._latency.min()), self._gain())
        self.price = MachinePrice(profile.idle_power)
        self._worth = usual_worth(profile)
        self.power_cap: float | None = None
        self.demand: Demand | None = None
        self._power_limit: float | None = None
        self._free_at = math.inf  # when the machine is free as expected, or has been since
        self._running: Job | None = None

    @property
    def power_limit(self) -> float | None:
        """Watts that no cap exceeds; None for no limit."""
        return self._power_limit

    @power_limit.setter
    def power_limit(self, watts: float | None) -> None:
        self._power_limit = watts
        within = highest_within(self.profile, watts) + 1
        self._latency = self.profile.latency[:, :within].min(axis=1)
        self._plan_with(self.admission.offsets)

    def _plan_with(self, offsets: Floats | None) -> None:
        """Plan with models that are off their profile by such factors; None for not at all."""
        self.admission.offsets = offsets
        latency = self._latency if offsets is None else offsets * self._latency
        self.admission.fastest = float(latency.min())

    def _gain(self) -> float:
        """Return what one request more takes in a full batch, relative to a request alone."""
        shares = self.profile.fixed_share
        if self.batch == 1 or shares is None or not self.policy.by_price:
            return 1.0
        share = float(shares[self.profile.latency.min(axis=1).argmin()])
        return 1.0 if share < _LEAST_SHARE else 1.0 - share * (1.0 - 1.0 / self.batch)

    # ------------------------------------------------------------------------------------ coming

    def submit(self, request: Request, now: float) -> list[Refusal]:
        """Take a request in; return those that are given up for it, itself perhaps."""
        if self._running is None and not self.queue:
            self.price.idle(max(now - self._free_at, 0.0))
            self._free_at = now
        self.policy.arrived(now)
        if self.demand is not None:
            self.demand.count(request, now, self.price.watts)
        place = self.queue.add(request)
        if len(self.queue) <= _MOST_WAITING:
            return self._relieve(now, place)
        victim = self.admission.last_of_most(self.queue)
        self.queue.remove(victim)
        given_up = [self._give_up(victim, now)]
        if victim is not request:
            given_up += self._relieve(now, self.queue.place(request))
        return given_up

    def withdraw(self, request: Request) -> None:
        """Take a request out that was cancelled."""
        if self.queue.remove(request):
            request.account.tally.cancelled += 1

    def expire(self, now: float) -> list[Refusal]:
        """Give up the requests that have become hopeless."""
        given_up = []
        while self.queue and self.next_expiry() <= now:
            given_up.append(self._give_up(self.queue.pop(), now))
            self.price.count(in_time=False)
        return given_up

    def next_expiry(self) -> float:
        """Return when the next request becomes hopeless, on the clock; `math.inf` for never."""
        if self.policy.gives_up != "early" or not self.queue:
            return math.inf
        return self.admission.hopeless_at(self.queue.head)

    def _relieve(self, now: float, start: int = 0) -> list[Refusal]:
        """Give up requests until those from this place on can be in time."""
        given_up = self.expire(now)
        if self.policy.gives_up == "early":
            start = max(start - len(given_up), 0)
            for request in self.admission.victims(self.queue, self._free_from(now), start):
                given_up.append(self._give_up(request, now))
                self.price.count(in_time=False)
        return given_up

    def _free_from(self, now: float) -> float:
        return max(now, self._free_at) if self._running else now

    def _give_up(self, request: Request, now: float) -> Refusal:
        account = request.account
        account.tally.refused += 1
        account.tally.accuracy += account.goal.q_fail
        account.scheduler.missed()
        after = self.admission.retry_after(request, self.queue, self._free_from(now))
        return request, Overloaded(account.name, after)

    # ------------------------------------------------------------------------------------- going

    def next(self, now: float) -> tuple[list[Refusal], Job | None]:
        """Choose what the free machine runs now; return also the requests that are given up."""
        refused = self._relieve(now)
        while self.queue:
            if self.policy.gives_up == "late" and self.queue.head.due <= now:
                refused.append(self._give_up(self.queue.pop(), now))
                continue
            try:
                request, decision = self._choose(now)
                free_at = now if decision is None else now + decision.latency
            except Exception as error:
                request = self.queue.pop()
                request.account.tally.failed += 1
                refused.append((request, error))
                continue
            self.queue.remove(request)
            if decision is None:
                refused.append(self._give_up(request, now))
                continue
            self._running = self._with_others(Job((request,), decision, now))
            self._free_at = now + (free_at - now) * self._running.growth
            return refused, self._running
        return refused, None

    def _choose(self, now: float) -> tuple[Request, Decision | None]:
        """Ask the policy, and check its answer."""
        view = self._view(now)
        chosen = self.policy.choose(view)
        if not isinstance(chosen, tuple) or len(chosen) != 2:
            raise TypeError(f"policy: expected a request and an option, got {shown(chosen)}")
        request = _row("request", chosen[0], len(self.queue))
        option = chosen[1]
        if option is None or isinstance(option, Decision):
            return self.queue[request], option
        options = view.options[request]
        return self.queue[request], decision_of(options[_row("option", option, len(options))])

    def _view(self, now: float) -> View:
        return View(
            now,
            self.queue,
            self.profile,
            self.price.watts,
            self.power_cap,
            self.admission,
            self._power_limit,
            self._worth,
        )

    def _with_others(self, job: Job) -> Job:
        """Let requests behind the first run with it: those that would choose the same model.

        A batch pays where a model takes a fixed time for any number of examples. All of the batch
        have to be in time, at the pace that the plan expects.
        """
        shares, decision = self.profile.fixed_share, job.decision
        if self.batch == 1 or not self.policy.by_price or shares is None:
            return job
        job = replace(job, fixed_share=float(shares[decision.model]))
        if job.fixed_share < _LEAST_SHARE or decision.exit is not None:
            return job
        for other in self.queue.first(_LOOKS_AT):
            larger = replace(job, requests=(*job.requests, other))
            end = job.since + CAREFUL * decision.latency * larger.growth
            if len(larger.requests) > self.batch or end > min(r.due for r in larger.requests):
                break
            if fit(job.request.call, other.call) and self._agrees(other, job):
                self.queue.remove(other)
                job = larger
        return job

    def _agrees(self, other: Request, job: Job) -> bool:
        """Tell whether a request that waits would choose the model of a job."""
        place = self.queue.place(other)
        view = self._view(job.since)
        return view.decide(place, self.price.watts).model == job.decision.model

    def finish(
        self,
        job: Job,
        now: float,
        latency: float,
        energy: float | None,
        *,
        idle_power: float | None = None,
        exit: int | None = None,
        sure: bool = False,
        power_cap: float | None = None,
    ) -> None:
        """Learn from a request whose output is out.

        Parameters
        ----------
        job : Job
        now : float
            When the output was out, on the clock.
        latency, energy, idle_power, exit, sure, power_cap
            As for `Scheduler.step`.
        """
        self._leave(job, now, latency)
        alone = latency / job.growth  # of one request
        share = None if energy is None else energy / len(job.requests)
        counts = self._exit_in_time(job, latency, exit) if sure else exit
        ran = job.decision.model, counts
        drawn = self._by_profile(job, latency) if share is None else share
        for request in job.requests:
            scheduler = request.account.scheduler
            if request.context is not None:  # others may have been looked at meanwhile
                scheduler.context = request.context
                scheduler.decide()
            request.ticket = scheduler.decision.ticket
            scheduler.step(
                alone,
                share,
                idle_power=idle_power,
                exit=exit,
                sure=sure,
                model=job.decision.model,
                power_cap=job.decision.power_cap if power_cap is None else power_cap,
            )
            self._count(request, now, latency, drawn, ran)
            allowed = request.due - request.arrival
            request.account.last = Last(job.decision, exit, now - request.arrival, allowed)
        scheduler = job.request.account.scheduler
        self.admission.learn(scheduler.slowdown)
        self._plan_with(scheduler.offsets)

    def _by_profile(self, job: Job, latency: float) -> float:
        """Return the joules of one request by the profile, as if they were read; 0 if unknown."""
        profile, (model, power_cap) = self.profile, job.decision
        if not profile.knows_power:
            return 0.0
        cap = np.searchsorted(profile.power_caps, math.inf if power_cap is None else power_cap)
        return float(profile.power[model, cap]) * latency / len(job.requests)

    def _exit_in_time(self, job: Job, latency: float, exit: int | None) -> int | None:
        """Return what a sure output counts as: the last exit, up to that chosen, in time."""
        last = job.decision.exit
        if exit is None or last is None:
            return exit
        exits = self.profile.exits[job.decision.model]
        pace = latency / exits[exit][0]
        due = job.request.due - job.since
        return max([exit, *(k for k in range(exit, last + 1) if pace * exits[k][0] <= due)])

    def _count(
        self,
        request: Request,
        now: float,
        latency: float,
        energy: float,
        ran: tuple[int, int | None],
    ) -> None:
        """Count a request that is answered; `ran` is a model, and the exit that it reached."""
        in_time = now <= request.due
        tally = request.account.tally
        tally.answered += 1
        tally.late += not in_time
        tally.waited += now - latency - request.arrival
        tally.energy += energy
        tally.accuracy += self._accuracy(request, *ran) if in_time else request.account.goal.q_fail
        self.price.count(in_time)

    def fail(self, job: Job, now: float) -> None:
        """Note that the model of a request has raised; nothing is learnt from it."""
        for request in job.requests:
            request.account.tally.failed += 1
        self._leave(job, now, now - job.since)

    def drop(self, job: Job, request: Request, now: float) -> Job | None:
        """Take a request out of a job that was cancelled before it began; return what is left."""
        request.account.tally.cancelled += 1
        rest = tuple(other for other in job.requests if other is not request)
        if not rest:
            self._leave(job, now, 0.0)
            return None
        return replace(job, requests=rest)

    def is_urgent_before(self, request: Request) -> bool:
        """Tell whether a request with an earlier deadline than this one waits."""
        return (
            self.policy.order == "deadline"
            and bool(self.queue)
            and self.queue.head.due < request.due
        )

    def _leave(self, job: Job, now: float, latency: float) -> None:
        for request in job.requests:
            self.admission.usage.add(request.account, latency / len(job.requests), now)
        self._running = None
        self._free_at = now

    def _accuracy(self, request: Request, model: int, exit: int | None) -> float:
        """Return the accuracy of the output at an exit, as far as it is known."""
        last = float(self.profile.accuracy[model])
        published = last if exit is None else self.profile.exits[model][exit][1]
        if request.ticket is None or last == 0.0:
            return published
        mean, _ = request.account.scheduler.accuracies(request.context)
        return min(float(mean[model]) * published / last, 1.0)


def _row(name: str, given: Any, rows: int) -> int:
    try:
        row = index(given)
    except TypeError:
        raise TypeError(f"policy: expected the row of a {name}, got {shown(given)}") from None
    if not 0 <= row < rows:
        raise ValueError(f"policy: expected the row of a {name}, below {rows}, got {row}")
    return row
