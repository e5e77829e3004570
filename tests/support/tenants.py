"""Accounts and requests of made-up tenants, for tests that need no server."""

from __future__ import annotations

import math

from simulation import profile

import alert
from alert.serving.account import Account
from alert.serving.requests import Request

GOAL = alert.Goal.min_energy(deadline=0.2, accuracy=0.5)


def account(name: str = "a", number: int = 0, weight: float = 1.0) -> Account:
    scheduler = alert.Scheduler(profile(), GOAL, history=0)
    return Account(name, number, GOAL, scheduler, weight)


def request(of: Account, arrival: float = 0.0, allowed: float = math.inf) -> Request:
    return Request(of, arrival, arrival + allowed)
