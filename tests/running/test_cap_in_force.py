"""A cap that somebody else writes while a runner runs: noticed, said once, and reckoned with."""

from __future__ import annotations

import warnings

import pytest
from simulation import Machine, Network, Package, profile

import alert
from alert.power import PowerWarning
from alert.running.cap_in_force import CapInForce
from alert.running.runner import Runner

SECONDS = {"small": 0.004, "large": 0.008}


class Real(Package):
    """A package that somebody else may write to. Reading its cap takes `cost` seconds."""

    emulated = False

    def __init__(self, machine: Machine, cost: float = 0.0) -> None:
        self._watts, self.looks, self.cost = self.PEAK, 0, cost
        super().__init__(machine)

    @property
    def cap(self) -> float:
        self.looks += 1
        self.machine.now += self.cost
        return self._watts

    @cap.setter
    def cap(self, watts: float) -> None:
        self._watts = watts


class Line:
    """A runner on a package that is no emulated one."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.package = Real(self.machine)
        models = {name: Network(self.machine, name, s) for name, s in SECONDS.items()}
        goal = alert.Goal.min_energy(deadline=0.5, accuracy=0.5)
        self.runner = Runner(
            models, profile(SECONDS), goal, self.package, clock=self.machine.clock, method="paper"
        )

    def run(self, inputs: int) -> list[str]:
        """Return what was warned of."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(inputs):
                self.runner("x")
        assert all(w.category is PowerWarning for w in caught)
        return [str(w.message) for w in caught]


@pytest.mark.parametrize("written", [40.0, 27.0])
def test_another_cap_is_told_once_and_inputs_are_judged_by_it(written: float) -> None:
    line = Line()
    assert line.run(50) == []
    chosen = line.runner.scheduler.decision.power_cap
    assert chosen < 25.0
    line.package.cap = written
    (said,) = line.run(200)
    assert f"a power cap of {written:g} W is in force, not the {chosen:g} W" in said
    history = line.runner.history
    caps = profile(SECONDS).power_caps
    assert set(history["power_cap"][-100:]) == {caps[caps <= written].max()}
    assert set(history["power_cap"][:50]) == {chosen}
    if written in caps:
        assert history["slowdown"][-1] == pytest.approx(1.0)  # not chosen / written
        assert line.runner.scheduler.slowdown[0] == pytest.approx(1.0, abs=0.01)


def test_a_cap_that_was_put_back_counts_again() -> None:
    line = Line()
    line.run(50)
    chosen = line.runner.scheduler.decision.power_cap
    line.package.cap = 40.0
    assert len(line.run(50)) == 1
    line.package.cap = chosen
    assert line.run(50) == []
    line.package.cap = 40.0
    assert line.run(50) == []  # it has been said
    assert line.runner.history["power_cap"][-1] == 40.0


def test_rounding_is_no_difference() -> None:
    line = Line()
    line.run(50)
    line.package.cap = line.runner.scheduler.decision.power_cap + 0.4
    assert line.run(100) == []


@pytest.mark.parametrize(("cost", "most"), [(0.0, 100), (1e-4, 100), (0.02, 5)])
def test_looks_are_few(cost: float, most: int) -> None:
    """Ten a second at the most, and no more than a hundredth of the time."""
    machine = Machine()
    package = Real(machine, cost)
    in_force = CapInForce(package, machine.clock)
    until = machine.now + 10.0
    while machine.now < until:
        machine.now += 0.001
        assert in_force.other_than(package.PEAK, machine.now) is None
    assert most / 2 <= package.looks <= most + 1


def test_caps_that_are_emulated_are_not_looked_at() -> None:
    machine = Machine()
    in_force = CapInForce(Package(machine), machine.clock)
    assert in_force.other_than(1.0, machine.now + 1e6) is None


def test_the_scheduler_takes_the_cap_in_force() -> None:
    scheduler = alert.Scheduler(profile(SECONDS), alert.Goal.min_energy(0.5, 0.5))
    caps = scheduler.profile.power_caps
    for in_force, counts in (
        (1.0, caps[0]),
        (caps[1], caps[1]),
        (caps[1] + 0.1, caps[1]),
        (1e6, caps[-1]),
    ):
        scheduler.step(0.01, None, power_cap=in_force)
        assert scheduler.history["power_cap"][-1] == counts
        model, j = scheduler.history["model"][-1], list(caps).index(counts)
        expected = 0.01 / scheduler.profile.latency[model, j]
        assert scheduler.history["slowdown"][-1] == pytest.approx(expected)
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="power_cap: expected"):
            scheduler.step(0.01, None, power_cap=wrong)
