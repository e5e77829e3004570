"""The ledger of a budget: what machines may have in force never exceeds it."""

from __future__ import annotations

import math
from random import Random

import pytest
from budgets import random_loss

from alert.serving.budget.demand import Loss
from alert.serving.budget.ledger import Ledger, Share, Stated

LEASE = 10.0
CAPS = (10.0, 20.0, 40.0)
BUSY = Loss(CAPS, (30.0, 10.0, 0.0))
IDLE = Loss(CAPS, (0.0, 0.0, 0.0))


class Machine:
    """A machine as a member keeps it, on the clock of the test."""

    def __init__(self, name: str, loss: Loss) -> None:
        self.name, self.loss = name, loss
        self.limit = self.in_force = 0.0  # 0: it is not in the budget yet, and does nothing
        self.ends = math.inf

    def take(self, share: Share, asked: float) -> None:
        self.ends = asked + share.seconds
        if share.watts > 0.0:
            self.limit = share.watts
            self.in_force = max(self.in_force, self.limit)  # a run may keep its cap

    def pass_time(self, now: float, runs: bool) -> None:
        if now >= self.ends:
            self.limit = min(self.limit, self.loss.watts[0])
        if not runs or now >= self.ends + LEASE / 4:  # a run is shorter than that
            self.in_force = self.limit


def test_the_budget_holds_whatever_is_lost() -> None:
    """Reports and answers get lost, runs go on under their caps, the ledger itself is lost."""
    grants = 0
    for seed in range(60):
        random = Random(seed)
        machines = [Machine(f"{n}", random_loss(random, 4)) for n in range(8)]
        lowest = math.fsum(each.loss.watts[0] for each in machines)
        budget = lowest * random.uniform(1.0, 3.0)
        ledger, now = Ledger(budget, LEASE), 0.0
        for _ in range(400):
            now += random.expovariate(8.0)
            machine = random.choice(machines)
            for each in machines:
                each.pass_time(now, runs=random.random() < 0.5)
            what = random.random()
            if what < 0.005:
                ledger = Ledger(budget, LEASE, forgetful_until=now + LEASE)
                for each in machines:  # all that live are heard of before the old leases end
                    ledger.report(each.name, each.loss, max(each.limit, each.in_force), now)
            elif what < 0.02:
                now += random.uniform(0.0, 1.5 * LEASE)
                for each in machines:
                    each.pass_time(now, runs=False)
            elif what < 0.9:
                held = max(machine.limit, machine.in_force)
                share = ledger.report(machine.name, machine.loss, held, now)
                if random.random() < 0.85:  # else the answer is lost
                    machine.take(share, now)
                    grants += share.watts > machine.loss.watts[0]
            if random.random() < 0.05:
                machine.loss = Loss(machine.loss.watts, random_loss(random, 4).loss)
            drawn = math.fsum(max(each.limit, each.in_force) for each in machines)
            assert drawn <= budget + 1e-6, seed
    assert grants > 1000


def settle(ledger: Ledger, machines: list[Machine], now: float, rounds: int = 10) -> float:
    """Let all report so often, a second after each other."""
    for _ in range(rounds):
        now += 1.0
        for machine in machines:
            machine.take(ledger.report(machine.name, machine.loss, machine.limit, now), now)
            machine.in_force = machine.limit
    return now


def test_watts_follow_the_load() -> None:
    a, b = Machine("a", BUSY), Machine("b", IDLE)
    ledger = Ledger(50.0, LEASE)
    now = settle(ledger, [a, b], 0.0)
    assert (a.limit, b.limit) == (40.0, 10.0)
    a.loss, b.loss = IDLE, BUSY
    now = settle(ledger, [a, b], now, rounds=3)
    assert (a.limit, b.limit) == (10.0, 40.0)
    assert ledger.shares(now) == {"a": 10.0, "b": 40.0}


def test_a_machine_gives_its_watts_away_only_once_it_has_said_so() -> None:
    a, b = Machine("a", BUSY), Machine("b", IDLE)
    ledger = Ledger(50.0, LEASE)
    now = settle(ledger, [a, b], 0.0) + 1.0
    b.loss = BUSY
    assert ledger.report("b", BUSY, 10.0, now).watts == 10.0
    assert ledger.report("a", IDLE, 40.0, now + 1.0).watts == 10.0  # it has yet to obey
    assert ledger.report("b", BUSY, 10.0, now + 2.0).watts == 10.0
    assert ledger.report("a", IDLE, 10.0, now + 3.0).watts == 10.0
    assert ledger.report("b", BUSY, 10.0, now + 4.0).watts == 40.0


def test_the_watts_of_a_machine_that_is_lost_are_free_when_its_lease_ends() -> None:
    a, b = Machine("a", BUSY), Machine("b", BUSY)
    b.loss = Loss(CAPS, (3.0, 1.0, 0.0))
    ledger = Ledger(50.0, LEASE)
    now = settle(ledger, [a, b], 0.0)
    assert (a.limit, b.limit) == (40.0, 10.0)
    b.loss = Loss(CAPS, (300.0, 100.0, 0.0))
    assert ledger.report("b", b.loss, 10.0, now + LEASE - 0.1).watts == 10.0
    assert ledger.report("b", b.loss, 10.0, now + LEASE + 0.5).watts == 40.0
    ledger.leave("a")
    assert ledger.shares(now + LEASE + 0.6) == {"b": 40.0}
    ledger.leave("a")  # again


def test_who_is_new_waits_until_watts_are_free() -> None:
    a, b = Machine("a", BUSY), Machine("b", BUSY)
    ledger = Ledger(40.0, LEASE)
    now = settle(ledger, [a], 0.0)
    assert a.limit == 40.0
    assert ledger.report("b", BUSY, 0.0, now + 1.0).watts == 0.0
    now = settle(ledger, [a, b], now + 1.0, rounds=3)
    assert (a.limit, b.limit) == (20.0, 20.0)


def test_a_ledger_that_forgot_gives_nobody_more_than_he_holds() -> None:
    ledger = Ledger(100.0, LEASE, forgetful_until=LEASE)
    assert ledger.report("a", BUSY, 20.0, 1.0).watts == 20.0
    assert ledger.report("b", BUSY, 0.0, 1.0).watts == 0.0
    assert ledger.report("a", BUSY, 20.0, LEASE).watts == 40.0


def test_shares_that_were_forgotten_may_be_held() -> None:
    ledger = Ledger(100.0, LEASE, forgetful_until=LEASE)
    assert ledger.is_held(0.9 * LEASE)
    assert not ledger.is_held(LEASE)
    ledger.report("a", IDLE, 0.0, LEASE)
    assert ledger.is_held(LEASE)
    ledger.leave("a")
    assert not ledger.is_held(LEASE)


def test_a_budget_below_the_lowest_caps_is_refused() -> None:
    ledger = Ledger(25.0, LEASE)
    ledger.report("a", BUSY, 0.0, 0.0)
    ledger.report("b", BUSY, 0.0, 0.0)
    message = "budget: expected at least 30 W, for the lowest caps of 3 machines, got 25 W"
    with pytest.raises(ValueError, match=message):
        ledger.report("c", BUSY, 0.0, 0.0)
    assert set(ledger.shares(0.0)) == {"a", "b"}


def test_a_smaller_budget_is_kept_even_by_machines_that_hold_all_of_it() -> None:
    a, b = Machine("a", BUSY), Machine("b", BUSY)
    ledger = Ledger(80.0, LEASE)
    now = settle(ledger, [a, b], 0.0)
    assert (a.limit, b.limit) == (40.0, 40.0)
    ledger.change(40.0)
    now = settle(ledger, [a, b], now, rounds=2)
    assert (a.limit, b.limit) == (20.0, 20.0)
    ledger.change(60.0)
    settle(ledger, [a, b], now, rounds=2)
    assert a.limit + b.limit == 60.0


def test_a_change_to_less_than_the_lowest_caps_is_refused() -> None:
    ledger = Ledger(40.0, LEASE)
    for name in ("a", "b"):
        ledger.report(name, BUSY, 0.0, 0.0)
    message = "budget: expected at least 20 W, for the lowest caps of 2 machines, got 19 W"
    with pytest.raises(ValueError, match=message):
        ledger.change(19.0)
    with pytest.raises(ValueError, match="watts: expected a finite number > 0, got"):
        ledger.change(-1.0)
    ledger.change(20.0)


def test_machines_tell_a_ledger_that_forgot_what_the_budget_is() -> None:
    ledger = Ledger(80.0, LEASE)
    ledger.change(40.0, at=5.0)
    heard = ledger.report("a", BUSY, 0.0, 0.0).budget
    other = Ledger(80.0, LEASE, forgetful_until=LEASE)
    other.report("a", BUSY, 20.0, 1.0, heard)
    assert (other.watts, other.budget) == (40.0, Stated(40.0, 5.0))
    other.change(60.0, at=6.0)
    other.report("b", BUSY, 0.0, 2.0, heard)  # who has not heard of that
    assert other.watts == 60.0


@pytest.mark.parametrize("watts", [0.0, -1.0, math.nan, math.inf])
def test_bad_budgets_are_refused(watts: float) -> None:
    with pytest.raises(ValueError, match=r"watts: expected a finite number > 0, got"):
        Ledger(watts)
