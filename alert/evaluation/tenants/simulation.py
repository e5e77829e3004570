"""The simulation of one machine: what runs takes as long as it took when it was recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.schemes.schedulers import traditional_models
from alert.evaluation.tenants.arrivals import KINDS, Arrivals, Kind
from alert.profile import Profile
from alert.scheduler import Scheduler
from alert.serving.account import Account, Tally
from alert.serving.dispatch import Dispatch
from alert.serving.policies import Policy
from alert.serving.requests import Request
from alert.trace import Trace


@dataclass(frozen=True)
class Machine:
    """The configurations of a trace's traditional models, and what each took on every input."""

    outputs: OutputTrace

    @classmethod
    def of(cls, trace: Trace) -> Machine:
        """Leave out the anytime models of a trace."""
        outputs = OutputTrace.of(trace)
        caps = range(len(trace.profile.power_caps))
        return cls(outputs.cut(traditional_models(trace.profile), list(caps)))

    @property
    def profile(self) -> Profile:
        """The profile of these configurations."""
        return self.outputs.profile


@dataclass(frozen=True)
class Outcome:
    """What came of a simulation.

    Attributes
    ----------
    tallies : list of Tally
        One for each tenant.
    energy : float
        Joules a request, idle time included.
    """

    tallies: list[Tally]
    energy: float

    @property
    def requests(self) -> int:
        """Number of all requests."""
        return sum(tally.requests for tally in self.tallies)

    @property
    def missed(self) -> float:
        """Share of all requests that were late or given up."""
        return sum(tally.missed for tally in self.tallies) / self.requests

    @property
    def accuracy(self) -> float:
        """Mean accuracy delivered; what was not in time counts as 0."""
        return sum(tally.accuracy for tally in self.tallies) / self.requests


def simulate(
    machine: Machine,
    arrivals: Arrivals,
    policy: Callable[[Profile], str | Policy],
    kinds: Sequence[Kind] = KINDS,
) -> Outcome:
    """Serve all arrivals; the inputs of the trace follow in the order in which they start.

    Parameters
    ----------
    machine : Machine
    arrivals : Arrivals
    policy : callable
        Takes the profile, and returns what `Dispatch` takes.
    kinds : sequence of Kind
    """
    profile, outputs = machine.profile, machine.outputs
    dispatch = Dispatch(profile, policy(profile))
    accounts = [
        Account(kind.name, number, kind.goal, Scheduler(profile, kind.goal, history=0))
        for number, kind in enumerate(kinds)
    ]
    cap_of = {cap: j for j, cap in enumerate(profile.power_caps.tolist())}
    coming = [
        Request(accounts[who], time, time + kinds[who].goal.deadline)
        for time, who in zip(arrivals.time.tolist(), arrivals.tenant.tolist(), strict=True)
    ]
    coming.reverse()
    now = busy = joules = 0.0
    inputs = 0
    while coming or dispatch.queue:
        if not dispatch.queue:
            now = max(now, coming[-1].arrival)
        while coming and coming[-1].arrival <= now:
            request = coming.pop()
            dispatch.submit(request, request.arrival)
        job = dispatch.next(now)[1]
        if job is None:
            continue
        place = inputs % len(outputs), job.decision.model, cap_of[job.decision.power_cap]
        took, drew = float(outputs.latency[place]), float(outputs.energy[place])
        inputs += 1
        end = now + took
        while coming and coming[-1].arrival <= end:
            request = coming.pop()
            dispatch.submit(request, request.arrival)
        now = end
        busy, joules = busy + took, joules + drew
        dispatch.finish(job, now, took, drew)
    joules += outputs.idle_power * max(now - busy, 0.0)
    return Outcome([account.tally for account in accounts], joules / len(arrivals.time))
