"""The policies: what each chooses, on a machine without clock."""

from __future__ import annotations

from typing import Any

import pytest
from simulation import profile
from tenants import account, request

import alert
from alert.serving.account import Account
from alert.serving.admission import Admission
from alert.serving.policies import AccuracyScaling, Policy, find, loss_of_delay
from alert.serving.requests import Queue, Request
from alert.serving.view import View

SECONDS = {"small": 0.01, "large": 0.03}  # under the highest cap


def view(*waiting: Request, now: float = 0.0, price: float = 0.0) -> View:
    queue = Queue()
    for each in waiting:
        queue.add(each)
    return View(now, queue, profile(), price, None, Admission(SECONDS["small"]))


def camera() -> Account:
    goal = alert.Goal.max_accuracy(0.2)
    return Account("camera", 0, goal, alert.Scheduler(profile(), goal, history=0))


def test_a_dear_machine_makes_a_tenant_without_bounds_faster() -> None:
    waiting = request(camera(), 0.0, 0.2)
    cheap = view(waiting).decide(0, 0.0)
    dear = view(waiting).decide(0, 1e5)
    assert profile().models[cheap.model] == "large"
    assert (profile().models[dear.model], dear.power_cap) == ("small", 40.0)


def test_a_dear_machine_makes_a_tenant_that_saves_faster() -> None:
    a = account()
    cheap = view(request(a, 0.0, 0.2)).decide(0, 0.0)
    dear = view(request(a, 0.0, 0.2)).decide(0, 1e5)
    assert cheap.power_cap == 10.0
    assert dear.power_cap == 40.0


def test_a_delay_costs_nothing_where_nobody_waits_or_all_have_time() -> None:
    assert loss_of_delay(view(request(camera(), 0.0, 0.2))) == 0.0
    easy = [request(camera(), 0.0, 50.0 + n) for n in range(3)]
    assert loss_of_delay(view(*easy)) == pytest.approx(0.0, abs=1.0)


def test_a_delay_costs_the_more_the_more_requests_are_tight() -> None:
    losses = []
    for count in (1, 2, 4):
        tight = [request(camera(), 0.0, 0.05 + 0.011 * n) for n in range(count + 1)]
        losses.append(loss_of_delay(view(*tight)))
    assert 1.0 < losses[0] < losses[1] < losses[2]


@pytest.mark.parametrize(
    ("rate", "models"),
    [(1.0, {"large"}), (25.0, {"large"}), (50.0, {"small", "large"}), (200.0, {"small"})],
)
def test_accuracy_scaling_carries_the_demand(rate: float, models: set[str]) -> None:
    scaling = AccuracyScaling(profile())
    arrivals = [n / rate for n in range(int(3.0 * rate))]
    for now in arrivals:
        scaling.arrived(now)
    shown: Any = view(request(account(), 0.0, 9.0), now=3.0)
    chosen = [scaling(shown)[1] for _ in range(400)]
    assert {profile().models[decision.model] for decision in chosen} == models  # type: ignore[union-attr]
    if len(models) == 2:  # so that the mean time of a request is the one that demand leaves
        large = sum(decision.model == 1 for decision in chosen) / 400  # type: ignore[union-attr]
        mean = large * SECONDS["large"] + (1 - large) * SECONDS["small"]
        assert mean == pytest.approx(1.0 / (1.05 * rate), rel=0.07)


def test_giving_up_early_needs_the_order_of_deadlines() -> None:
    with pytest.raises(ValueError, match="gives_up: expected 'late' or 'never'"):
        Policy(lambda view: (0, None), "arrival")


def test_a_policy_may_be_given_as_it_is() -> None:
    made = Policy(lambda view: (0, None))
    assert find(made, profile()) is made
