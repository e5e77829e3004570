"""The runner and inputs of different sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from simulation import CAPS, Machine, Package

import alert
from alert.running.runner import Runner

GOAL = alert.Goal.min_energy(deadline=0.1, accuracy=0.5)


class Batch:
    """Takes 2 ms, and 8 ms for each example, at full power."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def __call__(self, x: list[int]) -> list[int]:
        self.machine.work(0.002 + 0.008 * len(x))
        return x


def bench() -> tuple[Runner, Machine]:
    machine = Machine()
    package = Package(machine)
    models = {"net": Batch(machine)}
    profile = alert.Profile.measure(
        models,
        [1],
        accuracy={"net": 0.6},
        power=package,
        power_caps=CAPS,
        sizes={3: [1] * 3},
        progress=False,
        clock=machine.clock,
        sleep=machine.sleep,
    )
    return Runner(models, profile, GOAL, package, clock=machine.clock), machine


def test_batches_of_one_and_six_in_turn_are_no_slowdown() -> None:
    runner, _ = bench()
    with runner:
        for n in range(60):
            runner([1] * (6 if n % 2 else 1), size=6 if n % 2 else 1)
        history = runner.history
    np.testing.assert_allclose(history["slowdown"], 1.0, rtol=1e-6)
    assert (history["lateness"] < 0.0).all()
    assert set(history["power_cap"][0::2]) == {10.0}  # 40 ms
    assert set(history["power_cap"][1::2]) == {40.0}  # 50 ms; 100 ms under 20 W


def test_a_size_goes_with_an_arrival_a_deadline_and_a_goal() -> None:
    runner, machine = bench()
    with runner:
        runner([1] * 6, size=6, arrival=machine.now - 0.02, deadline=0.3)
        runner([1] * 6, size=6, goal=alert.Goal.min_energy(deadline=0.3, accuracy=0.5))
        runner([1])
        assert runner.scheduler.decision.latency < 0.1
        history = runner.history
    assert history["expected_latency"][:2] == pytest.approx([0.2, 0.2], rel=0.1)
    assert history["power_cap"].tolist()[:2] == [10.0, 10.0]
    assert history["deadline"][:2] == pytest.approx([0.28, 0.3])
    np.testing.assert_allclose(history["slowdown"], 1.0, rtol=1e-6)


@pytest.mark.parametrize(
    ("size", "kind", "message"),
    [
        (0, ValueError, "size: expected a number > 0, from 1e-9 to 1e9, got 0"),
        ("6", TypeError, "size: expected a number or None, got str"),
    ],
)
def test_a_bad_size_is_refused(size: Any, kind: type[Exception], message: str) -> None:
    runner, _ = bench()
    with runner:
        with pytest.raises(kind, match=f"^{message}"):
            runner([1], size=size)
        assert runner([1]) == [1]
        assert len(runner.history) == 1
