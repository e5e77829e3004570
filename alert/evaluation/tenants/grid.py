"""The grid: every policy under every load on every trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import product
from multiprocessing import get_context
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from alert import _progress
from alert.evaluation.tenants.arrivals import KINDS, draw
from alert.evaluation.tenants.simulation import Machine, simulate
from alert.profile import Profile
from alert.serving.policies import Policy, find
from alert.trace import Trace

RATES = (8, 16, 24)
"""Requests a second: the smallest network at full power serves 34 on the quiet machine."""

ARRIVALS = ("poisson", "bursty")
SEEDS = (0, 1, 2)
REQUESTS = 800

FLOOD = 60.0
"""Requests a second that the first tenant sends on top, at the lowest rate, in a flood."""

ROW = np.dtype(
    [
        ("environment", "U32"),
        ("arrivals", "U8"),
        ("rate", np.float64),
        ("flood", np.bool_),
        ("seed", np.int64),
        ("policy", "U20"),
        ("tenant", "U20"),
        ("requests", np.int64),
        ("late", np.int64),
        ("refused", np.int64),
        ("accuracy", np.float64),
        ("energy", np.float64),
        ("machine_energy", np.float64),
    ]
)
"""One tenant in one run. `accuracy` is a mean over its requests. `energy` is in joules for one of
its outputs; `machine_energy` is the machine's in joules for a request of any tenant, idle time
included."""


def _middle(profile: Profile) -> Policy:
    return find(f"fixed:{profile.models[len(profile.models) // 2]}", profile)


def _floor(profile: Profile) -> Policy:
    model, cap = map(int, np.unravel_index(np.argmin(profile.latency), profile.latency.shape))
    return Policy(lambda view: (0, view.fixed(model, cap)))


POLICIES: Mapping[str, Callable[[Profile], str | Policy]] = MappingProxyType(
    {
        "FIFO": lambda profile: replace(_middle(profile), order="arrival"),
        "EDF": _middle,
        "accuracy-scaling": lambda profile: "accuracy-scaling",
        "per request": lambda profile: replace(find("edf", profile), gives_up="never"),
        "price": lambda profile: "price",
        "look-ahead": lambda profile: "look-ahead",
        "floor": _floor,
    }
)
"""FIFO and EDF run the middle network at full power, and drop what is late when its turn comes.
"per request" is ALERT where each request has the machine for itself, in the order of deadlines.
"floor" runs the fastest configuration for all."""

PEERS = ("FIFO", "EDF", "accuracy-scaling")

_Unit: TypeAlias = tuple[Trace, str, float, bool, int, Sequence[str], int]


def run(
    traces: Sequence[Trace],
    policies: Sequence[str] = tuple(POLICIES),
    *,
    requests: int | None = None,
    seeds: Sequence[int] | None = None,
    jobs: int = 1,
    progress: bool = False,
) -> NDArray[np.void]:
    """Simulate every policy under every load.

    Parameters
    ----------
    traces : sequence of Trace
        One machine each, with as many environments.
    policies : sequence of str
        Names out of `POLICIES`.
    requests : int, optional
        Of each run; 800 by default.
    seeds : sequence of int, optional
        Each draws other arrivals; three by default.
    jobs : int, default 1
        Processes.
    progress : bool, default False
        Show a bar, where somebody watches and tqdm is installed.

    Returns
    -------
    structured ndarray
        One `ROW` for each setting, seed, policy and tenant.
    """
    for name in policies:
        if name not in POLICIES:
            raise ValueError(f"policies: expected some of {tuple(POLICIES)}, got {name!r}")
    loads = [*product(ARRIVALS, RATES, (False,)), ("poisson", RATES[0], True)]
    count = REQUESTS if requests is None else requests
    units: list[_Unit] = [
        (trace, *load, seed, policies, count)
        for trace, load, seed in product(traces, loads, SEEDS if seeds is None else seeds)
    ]
    with ExitStack() as stack:
        mapped: Callable[..., Iterator[NDArray[np.void]]] = map
        if jobs > 1:
            # forking a process that has threads is unsafe
            pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
            mapped = stack.enter_context(pool).map
        bar = stack.enter_context(
            _progress.bar(len(units), "load", "simulating", shown=progress, leave=False)
        )
        found = [np.zeros(0, ROW)]
        for rows in mapped(_cell, units):
            found.append(rows)
            bar.update()
    return np.concatenate(found)


def _cell(unit: _Unit) -> NDArray[np.void]:
    """Simulate all policies under one load."""
    trace, process, rate, flood, seed, policies, requests = unit
    machine = Machine.of(trace)
    arrivals = draw(rate, process == "bursty", requests, seed)
    if flood:
        arrivals = arrivals.with_flood(FLOOD)
    rows = []
    for name in policies:
        outcome = simulate(machine, arrivals, POLICIES[name])
        for kind, tally in zip(KINDS, outcome.tallies, strict=True):
            counted = (tally.requests, tally.late, tally.refused)
            accuracy = tally.accuracy / max(tally.requests, 1)
            energy = tally.energy / max(tally.answered, 1)
            place = (trace.environment, process, rate, flood, seed, name, kind.name)
            rows.append((*place, *counted, accuracy, energy, outcome.energy))
    return np.array(rows, ROW)
