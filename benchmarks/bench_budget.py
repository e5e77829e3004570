"""A budget of power over many machines: how near the best division, how soon, at what cost.

    python benchmarks/bench_budget.py

Everything is simulated: machines of random profiles with random loads report once a second. The
best division is that of an integer programme (HiGHS), for the largest numbers of machines a lower
bound of it. The last column is the processor time of the budget for one second of the cluster.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

import alert
from alert.serving.account import Account
from alert.serving.budget.demand import Demand, Loss
from alert.serving.budget.ledger import Ledger
from alert.serving.requests import Request

LEASE = 30.0
EXACT = 100  # machines up to which the integer programme is solved
REQUESTS = 20  # that a machine's demand is made of


def random_profile(random: np.random.Generator) -> alert.Profile:
    """Latency falls with the cap, and less so the higher the cap; larger models are better."""
    models, caps = int(random.integers(2, 5)), int(random.integers(3, 9))
    lowest = random.uniform(5.0, 60.0)
    power_caps = lowest * np.linspace(1.0, random.uniform(2.0, 5.0), caps)
    size = np.sort(10.0 ** random.uniform(-3.0, -1.0, models))
    speed = (power_caps / lowest) ** random.uniform(0.3, 0.9)
    draws = power_caps[None, :] * random.uniform(0.7, 1.0, (models, 1))
    accuracy = np.sort(random.uniform(0.6, 0.9, models))
    latency = size[:, None] / speed[None, :]
    return alert.Profile(latency, draws, accuracy, power_caps, 0.3 * lowest)


class Machine:
    """A simulated machine: what it loses under limits, and the share that it has."""

    def __init__(self, name: str, random: np.random.Generator) -> None:
        self.name = name
        self._random = random
        self._profile = random_profile(random)
        self.limit = 0.0
        self.change()

    def change(self) -> None:
        """Take another load; one machine in four has none."""
        random, profile = self._random, self._profile
        demand = Demand(profile)
        if random.random() < 0.75:
            slowest = float(profile.latency.max())
            goal = alert.Goal.min_energy(slowest, float(random.choice(profile.accuracy)))
            price = profile.idle_power * 10.0 ** random.uniform(0.0, 2.0)
            scheduler = alert.Scheduler(profile, goal, history=0, machine_price=price)
            account = Account("a", 0, goal, scheduler)
            for _ in range(REQUESTS):
                allowed = slowest * random.uniform(0.2, 2.0)
                demand.count(Request(account, 0.0, allowed), 0.0, price)
        self.loss = demand.loss(0.0)

    def report(self, ledger: Ledger, now: float) -> None:
        """Report, and obey."""
        share = ledger.report(self.name, self.loss, self.limit, now)
        self.limit = share.watts or self.limit

    @property
    def lost(self) -> float:
        """Joules a second that its share loses against none."""
        return self.loss.loss[self.loss.watts.index(self.limit)]


def least(losses: Sequence[Loss], budget: float) -> float:
    """Return the least that machines can lose together; of many machines a lower bound."""
    cost = np.concatenate([each.loss for each in losses])
    watts = np.concatenate([each.watts for each in losses])
    owner = np.repeat(np.arange(len(losses)), [len(each.watts) for each in losses])
    one_each: Any = sparse.csr_array((np.ones(len(cost)), (owner, np.arange(len(cost)))))
    if len(losses) > EXACT:
        found: Any = linprog(
            cost, watts[None, :], np.array([budget]), one_each, np.ones(len(losses))
        )
    else:
        within = LinearConstraint(watts[None, :], ub=budget)
        chosen = LinearConstraint(one_each, 1.0, 1.0)
        whole = np.ones(len(cost), int)
        found = milp(cost, constraints=[within, chosen], integrality=whole, bounds=Bounds(0, 1))
    return float(found.fun)


def settle(ledger: Ledger, machines: Sequence[Machine], start: float) -> tuple[int, float]:
    """Let all report until no share changes; return the reports of each, and seconds of each."""
    changed, rounds, spent = 0, 20, 0.0
    for n in range(1, rounds + 1):
        before = [machine.limit for machine in machines]
        for k, machine in enumerate(machines):
            begun = time.process_time()
            machine.report(ledger, start + n + k / len(machines))
            spent += time.process_time() - begun
        assert math.fsum(machine.limit for machine in machines) <= ledger.watts * (1 + 1e-9)
        if before != [machine.limit for machine in machines]:
            changed = n
    return changed, spent / rounds


class Outcome(NamedTuple):
    """How a cluster did, at first, with other loads, and without some of its machines."""

    ratios: list[float]  # savings, relative to those of the best division
    reports: list[int]  # of each machine, until no share changed any more
    seconds: float  # of the processor, for one second of the cluster


def run(count: int, seed: int) -> Outcome:
    random = np.random.default_rng(seed)
    machines = [Machine(f"{n}", random) for n in range(count)]
    losses = [machine.loss for machine in machines]
    lowest, highest = (math.fsum(each.watts[n] for each in losses) for n in (0, -1))
    ledger = Ledger(0.6 * lowest + 0.4 * highest, LEASE)
    outcome = Outcome([], [], 0.0)
    for begins in (0.0, 20.0, 40.0):
        reports, seconds = settle(ledger, machines, begins)
        outcome.ratios.append(saved(machines, ledger.watts))
        outcome.reports.append(reports)
        outcome = outcome._replace(seconds=max(seconds, outcome.seconds))
        if begins == 0.0:
            for machine in machines[:: max(count // 5, 1)]:
                machine.change()
        elif begins == 20.0:
            for machine in machines[: max(count // 10, 1)]:
                ledger.leave(machine.name)
            machines = machines[max(count // 10, 1) :]
    return outcome


def row(count: int, seeds: int) -> tuple[str, ...]:
    outcomes = [run(count, seed) for seed in range(seeds)]
    ratios = [ratio for outcome in outcomes for ratio in outcome.ratios]
    return (
        f"{count}",
        f"{min(ratios):.4f}",
        f"{np.mean(ratios):.4f}",
        f"{max(n for outcome in outcomes for n in outcome.reports)}",
        f"{1e3 * max(outcome.seconds for outcome in outcomes):.2f} ms",
    )


def saved(machines: Sequence[Machine], budget: float) -> float:
    """Return what the shares save over the lowest caps, relative to the best division."""
    most = math.fsum(machine.loss.loss[0] for machine in machines)
    best = most - least([machine.loss for machine in machines], budget)
    return (most - math.fsum(machine.lost for machine in machines)) / best if best > 0.0 else 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--machines", type=int, nargs="+", default=[3, 10, 30, 100, 1000, 5000])
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    print("machines    worst     mean  reports to settle  budget, each second")
    for count in given.machines:
        machines, worst, mean, reports, seconds = row(count, given.seeds)
        print(f"{machines:>8}  {worst:>7}  {mean:>7}  {reports:>17}  {seconds:>19}", flush=True)


if __name__ == "__main__":
    main()
