"""A device whose caps cost time and act late: what the runner and the profiler make of it."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
from simulation import ACCURACY, CAPS, SECONDS, Machine, Network, Package, profile

import alert
from alert.running.runner import Runner

COST = 0.015


class Card(Package):
    """As a GPU: a change of its cap takes time, and acts only after a while."""

    def __init__(self, machine: Machine, *, cost: float = COST, lag: float = 0.0) -> None:
        super().__init__(machine)
        self.cost = cost
        self.lag = lag
        self.switch_cost = cost
        self.settle = lag
        self.acting = self.cap
        self.acts_at = -math.inf
        self.changed_at: list[float] = []

    def set_cap(self, watts: float, /) -> None:
        self._book()
        self.machine.now += self.cost
        self.working = True  # it draws what it may meanwhile
        self._book()
        self.working = False
        super().set_cap(watts)
        self.acts_at = self.machine.now + self.lag
        self.changed_at.append(self.machine.now)

    def begin(self) -> None:
        super().begin()
        if self.machine.now >= self.acts_at:
            self.acting = self.cap

    def pace(self) -> None:
        asked, self.cap = self.cap, self.acting
        super().pace()
        self.cap = asked


class Stream:
    """Inputs at a steady pace on a `Card`, among noise."""

    PERIOD = 0.05
    GOAL = alert.Goal.min_energy(deadline=PERIOD, accuracy=0.55)

    def __init__(self, card: Card, machine: Machine, **options: Any) -> None:
        self.machine = machine
        self.card = card
        models = {name: Network(machine, name, s) for name, s in SECONDS.items()}
        self.runner = Runner(
            models,
            profile(),
            self.GOAL,
            card,
            clock=machine.clock,
            history=99_999,
            method="paper",
            **options,
        )

    def run(self, inputs: int, *, noise: float = 0.35, phases: int = 0) -> None:
        """`phases`: contention comes and goes every so many inputs."""
        random = Random(1)
        arrival = self.machine.now
        for i in range(inputs):
            contended = phases > 0 and i // phases % 2 == 1
            self.machine.contention = random.lognormvariate(0.9 if contended else 0.1, noise)
            self.runner("x")
            arrival = max(arrival + self.PERIOD, self.machine.now)
            self.machine.now = arrival

    @property
    def joules(self) -> float:
        joules = self.card.energy()
        assert joules is not None
        return joules


def stream(*, states: bool = True, **options: Any) -> Stream:
    """`states`: the device says what a change costs."""
    machine = Machine()
    card = Card(machine)
    if not states:
        card.switch_cost = card.settle = 0.0
    return Stream(card, machine, **options)


def test_reckons_with_what_the_device_states() -> None:
    machine = Machine()
    for card, options, expected in (
        (Card(machine), {}, (COST, 6)),  # 20 x 15 ms, at 20 inputs a second
        (Card(machine, lag=1.0), {}, (COST, 20)),
        (Card(machine, cost=0.0), {}, (0.0, 1)),
        (Card(machine), {"dwell": 0.5}, (COST, 10)),
        (Card(machine), {"dwell": 0.0}, (COST, 1)),
    ):
        scheduler = Stream(card, machine, **options).runner.scheduler
        assert (scheduler.switch_cost, scheduler.hold_inputs) == expected
    for dwell in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="dwell: expected a finite number of seconds >= 0"):
            stream(dwell=dwell)


def test_a_dwell_is_so_many_seconds_at_any_pace() -> None:
    busy = stream(dwell=1.0)
    for period, inputs in ((0.05, 20), (0.1, 10), (0.2, 5), (0.05, 20)):
        for _ in range(60):
            until = busy.machine.now + period
            busy.runner("x")
            busy.machine.now = until
        assert busy.runner.scheduler.hold_inputs == pytest.approx(inputs, abs=1)
    busy.machine.now += 3600.0  # a pause
    busy.runner("x")
    assert busy.runner.scheduler.hold_inputs > 10


@pytest.mark.parametrize("noise", [0.2, 0.35])
def test_never_changes_caps_more_often_than_the_dwell_allows(noise: float) -> None:
    calm = stream(dwell=0.5)
    calm.run(2000, noise=noise, phases=100)
    history = calm.runner.history
    changes = np.flatnonzero(history["cap_changed"])
    caps = history["power_cap"]
    lowered = [(a, b) for a, b in pairwise(changes) if caps[b] < caps[a]]
    assert len(lowered) > 5
    for a, b in lowered:
        assert history["start"][b] - history["start"][a] >= 0.9 * 0.5
    # In between it can only rise, which it does where the bounds would not be met otherwise.
    seconds = len(history) * Stream.PERIOD
    assert len(changes) <= len(CAPS) * seconds / 0.5 / 2


@pytest.mark.parametrize("phases", [0, 100])
def test_saves_energy_and_misses_where_changes_cost(phases: int) -> None:
    ignorant, wise, stubborn = stream(states=False), stream(), stream(dwell=0.0)
    for one in (ignorant, wise, stubborn):
        one.run(2000, noise=0.2, phases=phases)
    assert wise.runner.report().cap_changes < ignorant.runner.report().cap_changes / 3
    assert wise.runner.report().misses < ignorant.runner.report().misses / 3
    assert wise.joules < 0.98 * ignorant.joules
    # Charged to one input alone, lowering the cap never pays.
    assert wise.joules < 0.99 * stubborn.joules


def test_the_cost_is_not_overhead_as_well() -> None:
    one = stream()
    one.run(300, noise=0.35, phases=50)
    report = one.runner.report()
    assert report.cap_changes > 10
    assert report.overhead == pytest.approx(0.0, abs=1e-9)
    dearer = stream()
    dearer.card.cost = COST + 0.01  # than it states
    dearer.run(300, noise=0.35, phases=50)
    assert dearer.runner.report().cap_changes > 10
    assert 0.0 < dearer.runner.report().overhead < 0.01


# -------------------------------------------------------------------------------------- profiling


def measure(card: Card, machine: Machine, **options: Any) -> alert.Profile:
    models: Any = {name: Network(machine, name, s) for name, s in SECONDS.items()}
    return alert.Profile.measure(
        models,
        "x",
        accuracy=ACCURACY,
        power=card,
        power_caps=CAPS,
        progress=False,
        clock=machine.clock,
        sleep=machine.sleep,
        **options,
    )


def test_a_profile_is_measured_once_a_new_cap_acts() -> None:
    machine = Machine()
    found = measure(Card(machine, lag=2.0), machine)
    np.testing.assert_allclose(found.latency, profile().latency, rtol=1e-9)
    np.testing.assert_allclose(found.power, profile().power, rtol=1e-9)
    hasty = measure(Card(machine, lag=2.0), machine, settle=0.0, warmup=0)
    assert not np.allclose(hasty.latency, profile().latency, rtol=0.1)
