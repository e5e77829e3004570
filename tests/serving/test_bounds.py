"""Bounds of tenants, and the goals that they make."""

from __future__ import annotations

from typing import Any

import pytest

import alert
from alert.serving.bounds import AGES, Bounds


@pytest.mark.parametrize(
    ("bounds", "goal"),
    [
        ({}, alert.Goal.max_accuracy(AGES)),
        ({"max_latency": 0.1}, alert.Goal.max_accuracy(0.1)),
        ({"min_accuracy": 0.7}, alert.Goal.min_energy(AGES, 0.7)),
        ({"max_latency": 0.1, "min_accuracy": 0.7}, alert.Goal.min_energy(0.1, 0.7)),
        ({"max_energy": 2.0}, alert.Goal.max_accuracy(AGES, 2.0)),
        ({"max_latency": 0.1, "max_energy": 2.0}, alert.Goal.max_accuracy(0.1, 2.0)),
        (
            {"min_accuracy": 0.7, "max_energy": 2.0},
            alert.Goal.min_latency(accuracy=0.7, energy=2.0, deadline=AGES),
        ),
        (
            {"max_latency": 0.1, "min_accuracy": 0.7, "max_energy": 2.0},
            alert.Goal.min_energy(0.1, 0.7),
        ),
        (
            {"max_latency": 0.1, "min_accuracy": 0.7, "optimise": "accuracy"},
            alert.Goal.max_accuracy(0.1),
        ),
        (
            {"max_latency": 0.1, "min_accuracy": 0.7, "optimise": "latency"},
            alert.Goal.min_latency(accuracy=0.7, deadline=0.1),
        ),
    ],
)
def test_bounds_make_a_goal(bounds: Any, goal: alert.Goal) -> None:
    assert Bounds(**bounds).goal() == goal


def test_energy_is_optimised_under_an_accuracy_only() -> None:
    with pytest.raises(ValueError, match="optimise: expected min_accuracy beside 'energy'"):
        Bounds(max_latency=0.1, optimise="energy").goal()


def test_a_request_replaces_single_bounds() -> None:
    tenant = Bounds(max_latency=0.1, min_accuracy=0.7)
    assert tenant.with_others(0.2, None, None) == Bounds(max_latency=0.2, min_accuracy=0.7)
    assert tenant.with_others(None, 0.8, 2.0) == Bounds(0.1, 0.8, 2.0)
