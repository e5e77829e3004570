"""The demonstration of a server: three applications, real networks, one machine, two policies."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from alert import _progress, power
from alert._arguments import Floats
from alert.demo import plan
from alert.demo.live import confined
from alert.power.device import Device
from alert.power.opening import open_or_emulate
from alert.profile import Profile
from alert.serving.overloaded import Overloaded
from alert.serving.policies import Policy, find
from alert.serving.report import ServerReport
from alert.serving.server import Server
from alert.workloads import contention, efficientnet, photographs

_PRECISION = 0.03
_MAX_SECONDS = 1.5

# Of the time that the smallest network would need at full power for all requests on a quiet
# machine, so much is left for what runs beside it.
_LOAD = 0.45

# Photographs that are shown in turn.
_PHOTOGRAPHS = 40

PHASE = 6.0
"""Seconds of a phase, quiet or not."""

# What tenants ask for: deadlines in latencies of the smallest network at full power, accuracy as
# that of the middle network, energy in joules of the middle network at full power.
_CAMERA, _ARCHIVE, _BATTERY = 3.4, 13.6, 8.5
_ACCURATE = 0.997
_SAVING = 0.75


@dataclass(frozen=True)
class Asked:
    """A tenant of the demonstration: its name, its share of the requests, and its bounds."""

    name: str
    share: float
    max_latency: float
    min_accuracy: float | None = None
    max_energy: float | None = None

    def bounds(self) -> dict[str, Any]:
        """Return the bounds as `Server.tenant` takes them."""
        given = asdict(self)
        names = ("max_latency", "min_accuracy", "max_energy")
        return {name: given[name] for name in names if given[name] is not None}


@dataclass(frozen=True)
class Plan:
    """The tenants, their requests, and what runs beside them."""

    tenants: tuple[Asked, ...]
    time: Floats
    """Seconds from the start to each request."""
    tenant: Sequence[int]
    """Index of the tenant of each request."""
    environments: Sequence[contention.Environment]
    """For every phase, what runs beside the networks."""


@dataclass(frozen=True)
class Outcome:
    """What came of one policy.

    Attributes
    ----------
    name : str
    report : ServerReport
    response : ndarray
        Seconds from each request to its output, in deadlines; NaN where it was given up.
    """

    name: str
    report: ServerReport
    response: Floats

    @property
    def missed(self) -> float:
        """Share of the requests that were late or given up."""
        tenants = self.report.tenants
        return sum(t.late + t.refused for t in tenants) / sum(t.requests for t in tenants)

    @property
    def energy(self) -> float | None:
        """Joules a request, idle time between the first and the last included."""
        drawn = self.report.energy
        return None if drawn is None else drawn / len(self.response)

    @property
    def accuracy(self) -> float:
        """Mean accuracy delivered; what was not in time counts as 0."""
        tenants = self.report.tenants
        return sum(t.accuracy * t.requests for t in tenants) / sum(t.requests for t in tenants)


def make(profile: Profile, seconds: float, seed: int) -> Plan:
    """Draw the requests: what is asked for follows from the profile of the quiet machine."""
    fastest = float(profile.latency[:, -1].min())
    middle = int(np.argsort(profile.accuracy)[len(profile.models) // 2])
    joules = float(profile.latency[middle, -1] * profile.power[middle, -1])
    tenants = (
        Asked("camera", 0.4, _CAMERA * fastest),
        Asked("archive", 0.4, _ARCHIVE * fastest, _ACCURATE * float(profile.accuracy[middle])),
        Asked("battery", 0.2, _BATTERY * fastest, max_energy=_SAVING * joules),
    )
    random = np.random.default_rng(seed)
    gaps = random.exponential(fastest / _LOAD, int(2 * seconds * _LOAD / fastest) + 10)
    time_ = np.cumsum(gaps)
    time_ = time_[time_ < seconds]
    tenant = random.choice(len(tenants), len(time_), p=[each.share for each in tenants])
    phases = contention.schedule(int(seconds / PHASE) + 1, seed, 1, 1, ("compute",))
    return Plan(tenants, time_, tenant.tolist(), phases)


def run(
    seconds: float = 30.0, seed: int = 0, kind: power.Kind = "auto", progress: bool = True
) -> tuple[Plan, Profile, list[Outcome]]:
    """Profile the networks, and serve the same requests under two policies.

    Parameters
    ----------
    seconds : float, default 30.0
        That each policy serves.
    seed : int, default 0
        Draws requests and photographs.
    kind : str, default "auto"
        Power device, as for `alert.power.open`.
    progress : bool, default True
        Show bars, where somebody watches.
    """
    models = efficientnet.load()
    with ExitStack() as stack:
        stack.enter_context(confined())
        device = stack.enter_context(open_or_emulate(kind))
        beside = stack.enter_context(contention.Contention())
        shown = [picture.pixels for picture in photographs.stream(_PHOTOGRAPHS, seed)]
        profile = Profile.measure(
            models,
            shown[0],
            accuracy=efficientnet.ACCURACY,
            power=device,
            power_caps=plan.power_caps(device),
            precision=_PRECISION,
            max_seconds=_MAX_SECONDS,
            progress=progress,
        )
        made = make(profile, seconds, seed)
        middle = profile.models[int(np.argsort(profile.accuracy)[len(profile.models) // 2])]
        fifo = replace(find(f"fixed:{middle}", profile), order="arrival")
        in_order = f"FIFO, {middle.removeprefix('EfficientNet-')}"
        policies: dict[str, str | Policy] = {"ALERT": "price", in_order: fifo}
        bar = stack.enter_context(
            _progress.bar(2 * len(made.time), "request", shown=progress, leave=False)
        )
        outcomes = []
        for name, policy in policies.items():
            bar.set_description(name)
            outcomes.append(_serve(name, policy, made, profile, models, device, shown, beside, bar))
    return made, profile, outcomes


def _serve(
    name: str,
    policy: str | Policy,
    made: Plan,
    profile: Profile,
    models: Any,
    device: Device,
    shown: Sequence[torch.Tensor],
    beside: contention.Contention,
    bar: Any,
) -> Outcome:
    """Send every request when its time has come, and wait for all answers."""
    answers, done = [], np.full(len(made.time), np.nan)
    with Server(models, profile, device, policy=policy) as server:
        tenants = [server.tenant(asked.name, **asked.bounds()) for asked in made.tenants]
        start = time.perf_counter() + 0.1
        try:
            for n, (at, who) in enumerate(zip(made.time.tolist(), made.tenant, strict=True)):
                beside.switch(made.environments[int(at / PHASE)])
                while (left := start + at - time.perf_counter()) > 0.0:
                    time.sleep(left)
                answer = tenants[who].submit(shown[n % len(shown)])
                answer.add_done_callback(partial(_note, done, n))
                answers.append(answer)
                bar.update()
        finally:
            beside.switch("quiet")
        for answer in answers:
            error = answer.exception()
            if error is not None and not isinstance(error, Overloaded):
                raise error
    allowed = np.array([asked.max_latency for asked in made.tenants])[list(made.tenant)]
    return Outcome(name, server.report(), (done - start - made.time) / allowed)


def _note(done: Floats, n: int, answer: Future[Any]) -> None:
    """Note when an output came; a request that was given up has none."""
    if answer.exception() is None:
        done[n] = time.perf_counter()
