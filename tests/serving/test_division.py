"""A budget is divided where watts save most: compared with all divisions there are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from random import Random

import pytest
from budgets import random_loss

from alert.serving.budget import division
from alert.serving.budget.demand import Loss
from alert.serving.budget.division import divide


def lost(machines: dict[str, Loss], shares: dict[str, float]) -> float:
    return sum(each.loss[each.watts.index(shares[name])] for name, each in machines.items())


def least(machines: dict[str, Loss], budget: float) -> float:
    """Look at every division."""
    best = math.inf
    for caps in itertools.product(*(range(len(each.watts)) for each in machines.values())):
        picked = list(zip(machines.values(), caps, strict=True))
        if math.fsum(each.watts[cap] for each, cap in picked) <= budget:
            best = min(best, math.fsum(each.loss[cap] for each, cap in picked))
    return best


def test_no_more_than_the_budget_and_near_the_best_division() -> None:
    """What water-filling loses, one step too large to fit, is found by exchanges."""
    ratios = []
    for seed in range(300):
        random = Random(seed)
        machines = {f"{n}": random_loss(random, random.randint(1, 5)) for n in range(5)}
        lowest, highest = (math.fsum(each.watts[n] for each in machines.values()) for n in (0, -1))
        budget = random.uniform(lowest, highest)
        shares, _ = divide(budget, machines)
        assert math.fsum(shares.values()) <= budget + 1e-9
        most = math.fsum(each.loss[0] for each in machines.values())
        best = most - least(machines, budget)
        assert most - lost(machines, shares) <= best + 1e-9
        if best > 1e-9:
            ratios.append((most - lost(machines, shares)) / best)
    assert len(ratios) > 200
    assert min(ratios) > 0.98
    assert sum(ratio > 1.0 - 1e-9 for ratio in ratios) > 0.98 * len(ratios)


def test_a_machine_climbs_over_a_step_that_pays_nothing() -> None:
    steps = Loss((10.0, 20.0, 30.0), (9.0, 9.0, 0.0))
    even = Loss((10.0, 20.0, 30.0), (8.0, 4.0, 0.0))
    assert divide(50.0, {"steps": steps, "even": even}).watts == {"steps": 30.0, "even": 20.0}


def test_a_step_that_no_longer_fits_gives_way_to_a_smaller_one() -> None:
    large = Loss((10.0, 20.0, 60.0), (50.0, 45.0, 0.0))
    small = Loss((10.0, 15.0), (3.0, 0.0))
    assert divide(36.0, {"large": large, "small": small}).watts == {"large": 20.0, "small": 15.0}


def test_watts_that_save_nothing_stay_in_the_budget() -> None:
    idle = Loss((10.0, 40.0), (0.0, 0.0))
    assert divide(1000.0, {"a": idle, "b": idle}) == ({"a": 10.0, "b": 10.0}, 0.0)


@pytest.mark.parametrize(("budget", "price"), [(30.0, 0.4), (45.0, 0.2), (60.0, 0.0)])
def test_the_price_is_what_one_watt_more_would_save(budget: float, price: float) -> None:
    a = Loss((10.0, 20.0, 30.0), (8.0, 3.0, 1.0))
    b = Loss((10.0, 20.0, 30.0), (6.0, 2.0, 0.0))
    assert divide(budget, {"a": a, "b": b}).price == pytest.approx(price)


def test_what_is_not_tried_would_not_have_saved_anything() -> None:
    """The bound on what a machine at another cap leaves to lose is one, compared with all ways."""
    for seed in range(60):
        random = Random(seed)
        machines = {f"{n}": random_loss(random, random.randint(1, 4)) for n in range(4)}
        lowest, highest = (math.fsum(each.watts[n] for each in machines.values()) for n in (0, -1))
        budget = random.uniform(lowest, highest)
        bounds = division._least(budget, machines, "2").tolist()
        for cap, bound in enumerate(bounds):
            held = Loss((machines["2"].watts[cap],), (machines["2"].loss[cap],))
            found = least({**machines, "2": held}, budget)
            assert bound <= found + 1e-9
            assert math.isinf(bound) == math.isinf(found)


def test_few_ways_are_tried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """16 machines with 60 caps have 960 exchanges; most cannot save anything, by their bounds."""
    tried: list[float] = []
    fill = division._fill

    def counted(budget: float, machines: Mapping[str, Loss]) -> division.Division:
        tried.append(budget)
        return fill(budget, machines)

    monkeypatch.setattr(division, "_fill", counted)
    random = Random(1)
    machines = {f"{n}": random_loss(random, 60) for n in range(16)}
    divide(600.0, machines)
    assert len(tried) < 300
