"""The price of a second of the machine."""

from __future__ import annotations

import random

import pytest

from alert.serving.machine_price import MachinePrice


def test_rises_fast_and_falls_slowly() -> None:
    price = MachinePrice(10.0)
    price.count(in_time=False)
    assert price.watts == pytest.approx(10.0 * 1.6405, rel=1e-3)
    for _ in range(99):
        price.count(in_time=True)
    assert price.watts == pytest.approx(10.0, rel=1e-3)


def test_settles_where_one_request_in_a_hundred_is_late() -> None:
    """Of a made-up machine on which fewer are late the higher the price is."""
    draw, price, late = random.Random(1), MachinePrice(5.0), 0
    for n in range(30_000):
        is_late = draw.random() < 4.0 / price.watts
        price.count(in_time=not is_late)
        late += is_late and n >= 10_000
    assert late / 20_000 == pytest.approx(0.01, abs=0.002)


def test_stays_within_its_range() -> None:
    price = MachinePrice(0.0)
    assert price.watts == 1.0
    for _ in range(100):
        price.count(in_time=False)
    assert price.watts == 3000.0
    for _ in range(10_000):
        price.count(in_time=True)
    assert price.watts == 1.0


def test_a_rest_takes_it_down_to_idle_power_and_no_further() -> None:
    price = MachinePrice(5.0)
    for _ in range(10):
        price.count(in_time=False)
    high = price.watts
    price.idle(100.0)
    assert price.watts == pytest.approx(max(high / 2.718282, 5.0), rel=1e-6)
    price.idle(1e6)
    assert price.watts == 5.0
    for _ in range(100):
        price.count(in_time=True)
    low = price.watts
    price.idle(1e6)
    assert price.watts == low
