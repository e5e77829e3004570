"""What inputs are said to draw, on counters that step, against what the machine really drew."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from simulation import Bench, Machine, Network, Package, profile

import alert
from alert.running.metering import TICKS, Meter
from alert.running.runner import Runner

TICK = 1e-3
SHORT = {"small": 0.0012, "large": 0.0036}  # seconds under the highest cap: far below 50 ticks


class Stepping(Package):
    """A counter that moves once every `tick`, and counts how often it is read."""

    def __init__(self, machine: Machine, tick: float = TICK) -> None:
        super().__init__(machine, tick=tick)
        self.reads = 0
        self.factor = 1.0  # real power / the profile's
        self.shown = 0.0
        self.step = 0

    def energy(self) -> float | None:
        self.reads += 1
        return self.counter()

    def true(self) -> float:
        self._book()
        return self._joules * self.factor

    def counter(self) -> float | None:
        """Show the joules of the last step that is over."""
        if not self.readable:
            return None
        step = math.floor(self.machine.now / self.tick)
        if step > self.step:
            self.step, self.shown = step, self.true()
        return self.shown


class Line:
    """A runner of short inputs on a counter that steps."""

    def __init__(self, seconds: dict[str, float] = SHORT, *, tick: float = TICK) -> None:
        self.machine = Machine()
        self.package = Stepping(self.machine, tick)
        self.models = {name: Network(self.machine, name, s) for name, s in seconds.items()}
        goal = alert.Goal.min_energy(deadline=1.0, accuracy=0.5)
        self.runner = Runner(
            self.models,
            profile(seconds),
            goal,
            self.package,
            clock=self.machine.clock,
            history=9999,
            method="paper",
        )

    def run(self, inputs: int, gap: float = 0.0, noise: Random | None = None) -> None:
        for _ in range(inputs):
            if noise is not None:
                self.machine.contention = noise.lognormvariate(0, 0.3)
            self.machine.now += gap
            self.runner("x")

    @property
    def energies(self) -> Sequence[float]:
        return self.runner.history["energy"].tolist()  # type: ignore[no-any-return]

    @property
    def sources(self) -> list[str]:
        return self.runner.history["energy_source"].tolist()  # type: ignore[no-any-return]

    def run_to_end_of_window(self, gap: float = 0.0, noise: Random | None = None) -> None:
        self.run(1, gap, noise)
        while not self.runner._machine.meter._rested:
            self.run(1, gap, noise)


def test_long_inputs_and_continuous_counters_are_measured() -> None:
    line = Line({"small": 1.1 * TICKS * TICK, "large": 1.0})
    line.run(3)
    assert line.sources == ["measured"] * 3
    assert line.package.reads == 6
    bench = Bench()
    for _ in range(3):
        bench.runner("x")
    assert bench.runner.history["energy_source"].tolist() == ["measured"] * 3


def test_short_inputs_are_blended_and_the_counter_is_hardly_read() -> None:
    line = Line()
    line.run(1000)
    assert set(line.sources[:10]) == {"profile"}
    assert set(line.sources[50:]) == {"blended"}
    seconds = line.runner.history["latency"].sum()
    assert line.package.reads <= seconds / (TICKS * TICK) + 2


@pytest.mark.parametrize("factor", [1.0, 0.6, 1.7])
@pytest.mark.parametrize("tick", [TICK, 0.02])
def test_all_inputs_together_draw_what_the_counter_says(factor: float, tick: float) -> None:
    line = Line(tick=tick)
    line.package.factor = factor
    noise = Random(3)
    first = line.package.counter()
    assert first is not None
    for _ in range(20):
        line.run_to_end_of_window(noise=noise)
        counted = line.package.counter()
        assert counted is not None
        told = math.fsum(line.energies) + line.runner._machine.meter.owed
        assert told == pytest.approx(counted - first, rel=1e-9)
        assert line.runner.report().energy == pytest.approx(counted - first, rel=1e-9)
    assert (
        abs(line.runner._machine.meter.owed) < 0.1 * told / 20
    )  # the last window's, not the first one's


def test_gaps_between_inputs_are_not_put_down_to_them() -> None:
    line = Line()
    noise = Random(4)
    for _ in range(40):
        line.run_to_end_of_window(gap=0.004, noise=noise)
    spent = (line.runner.history["latency"] * line.runner.history["power_cap"]).sum()
    assert math.fsum(line.energies) == pytest.approx(spent, rel=0.01)
    report = line.runner.report().energy
    assert report == pytest.approx(line.package.true(), rel=0.01)
    assert report > 1.2 * spent


def test_follows_what_the_counter_says_of_the_power() -> None:
    line = Line()
    line.package.factor = 1.6
    line.run(600)
    ratios = line.runner.history["energy"] / line.runner.history["latency"] / line.package.cap
    assert ratios[0] == 1.0  # the profile's
    assert np.median(ratios[200:]) == pytest.approx(1.6, rel=0.05)
    assert (ratios >= 0.0).all()


def test_long_and_short_inputs_mixed() -> None:
    line = Line({"small": 0.0012, "large": 0.08})
    goals = [alert.Goal.min_energy(deadline=1.0, accuracy=accuracy) for accuracy in (0.5, 0.75)]
    random = Random(5)
    for _ in range(300):
        line.runner.scheduler.goal = random.choice(goals)
        line.run(1)
    history = line.runner.history
    long = history["model"] == 1
    assert 50 < long.sum() < 250
    assert set(history["energy_source"][long].tolist()) == {"measured"}
    assert "blended" in history["energy_source"][~long].tolist()
    told = math.fsum(line.energies) + line.runner._machine.meter.owed
    assert told == pytest.approx(line.package.true(), rel=1e-3)


def test_idle_power_is_still_measured() -> None:
    line = Line()
    line.run(200)
    for _ in range(4):
        line.run(1, gap=0.3)
    idle = line.runner.history["idle_power"]
    assert np.isnan(idle[:200]).all()
    measured = idle[200:][~np.isnan(idle[200:])]
    assert len(measured) >= 2
    assert measured == pytest.approx([Package.IDLE] * len(measured), rel=0.05)


def test_a_counter_that_cannot_be_read() -> None:
    line = Line()
    line.package.readable = False
    line.run(5)
    assert line.sources == ["profile"] * 5
    assert np.isnan(line.energies).all()
    assert line.runner.report().estimated


def test_a_counter_that_can_no_longer_be_read() -> None:
    line = Line()
    line.run(200)
    assert line.runner.report().energy is not None
    line.package.readable = False
    line.run(200)
    assert line.sources[-100:] == ["profile"] * 100
    assert np.isnan(line.energies[-100:]).all()
    assert line.runner.report().estimated
    line.package.readable = True
    line.run(200)
    assert not line.runner.report().estimated
    assert line.sources[-1] == "blended"
    assert line.runner.report().energy == pytest.approx(line.package.true(), rel=0.02)


def test_a_failed_input_is_nobodys_energy() -> None:
    line = Line()
    line.run(200)
    line.models["small"].raises = RuntimeError("no")
    line.models["small"].seconds = 5.0  # and it took its time
    with pytest.raises(RuntimeError):
        line.run(1)
    line.models["small"].raises = None
    line.models["small"].seconds = SHORT["small"]
    line.run(200)
    ratios = line.runner.history["energy"] / line.runner.history["latency"] / line.package.cap
    assert ratios[201:].max() < 2.0
    assert line.runner.report().inputs == 400


def test_never_below_zero_when_the_counter_says_less_than_the_profile() -> None:
    line = Line()
    line.package.factor = 0.05
    line.run(400)
    assert min(line.energies) == 0.0  # pays back what the profile said too much
    line.run_to_end_of_window()
    told = math.fsum(line.energies) + line.runner._machine.meter.owed
    counted = line.package.counter()
    assert counted is not None
    assert told == pytest.approx(counted, rel=1e-9)


def test_an_input_that_takes_no_time() -> None:
    machine = Machine()
    package = Stepping(machine)
    meter = Meter(package, profile(), 0.05, machine.clock)
    cap = package.cap
    for _ in range(3):
        meter.begin(0.0)
        assert meter.end(0, cap, machine.now, machine.now)[0] == 0.0
        assert meter.owed == 0.0
    machine.now += 1.0
    meter.begin(0.0)
    assert meter.end(0, cap, machine.now, machine.now)[0] == 0.0


def test_a_short_input_after_a_long_one_starts_a_window() -> None:
    machine = Machine()
    package = Stepping(machine)
    meter = Meter(package, profile(), 0.05, machine.clock)
    cap = package.cap
    for seconds, source in (
        (0.1, "measured"),
        (0.01, "profile"),
        (0.01, "profile"),
        (0.1, "measured"),
    ):
        meter.begin(seconds)
        package.begin()
        start = machine.now
        machine.work(seconds)
        package.pace()
        assert meter.end(0, cap, start, machine.now)[1] == source


def test_no_more_is_repaid_than_is_owed() -> None:
    line = Line()
    line.package.factor = 1.6
    line.run_to_end_of_window(gap=0.02)  # hardly an input in it
    owed = line.runner._machine.meter.owed
    assert owed > 0.0
    line.run(1)
    while not line.runner._machine.meter._rested:
        left = line.runner._machine.meter.owed
        assert 0.0 <= left <= owed
        owed = left
        line.run(1)
    assert owed == 0.0


class Slow(Stepping):
    """A counter that says it steps every millisecond, and steps less often; perhaps never."""

    def __init__(self, machine: Machine, seconds: float) -> None:
        super().__init__(machine, TICK)
        self.seconds = seconds
        self.step = math.floor(machine.now / seconds)

    def counter(self) -> float | None:
        step = math.floor(self.machine.now / self.seconds)
        if step > self.step:
            self.step, self.shown = step, self.true()
        return self.shown


def slow_line(seconds: float, gap: float) -> Line:
    line = Line({"small": 0.06, "large": 0.08})
    line.package = Slow(line.machine, seconds)
    line.runner = Runner(
        line.models,
        profile({"small": 0.06, "large": 0.08}),
        alert.Goal.min_energy(deadline=1.0, accuracy=0.5),
        line.package,
        clock=line.machine.clock,
        history=9999,
        method="paper",
    )
    line.run(400, gap)
    return line


@pytest.mark.parametrize("seconds", [0.3, 0.7, 1.0])
@pytest.mark.parametrize("gap", [0.0, 0.06])
def test_a_counter_slower_than_it_says(seconds: float, gap: float) -> None:
    """No input is said to have drawn nothing, or the joules of many."""
    line = slow_line(seconds, gap)
    true = line.package.true()
    assert "measured" not in line.sources[1:]  # a step may have come during the first input
    assert line.sources[-1] == "blended"
    energies = np.array(line.energies)
    assert energies.min() > 0.5 * np.median(energies)
    assert energies.max() < 2.0 * np.median(energies)
    assert line.runner.report().energy == pytest.approx(true, rel=0.1)
    idle = line.runner.history["idle_power"]
    assert not (idle == 0.0).any()


def test_a_counter_that_never_steps() -> None:
    """Nothing is known but the profile."""
    line = slow_line(math.inf, 0.06)
    assert set(line.sources) == {"profile"}
    assert min(line.energies) > 0.0
