"""What the runner measures and reports."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from simulation import CHEAP, Bench, Machine, Package, profile

import alert
from alert.running.runner import Runner

# --------------------------------------------------------------------------------------- read by us


def test_a_report_is_80_columns_wide() -> None:
    goal = alert.Goal.max_accuracy(1 / 30, energy=1 / 3, probability=0.95, q_fail=0.001, window=100)
    bench = Bench(goal)
    for _ in range(5):
        bench.runner("x")
    lines = repr(bench.runner.report()).splitlines()
    assert max(map(len, lines)) <= 80
    first = next(k for k, line in enumerate(lines) if line.startswith("  goal"))
    assert lines[first].startswith(
        "  goal        Goal.max_accuracy(deadline=0.03333, energy=0.3333,"
    )
    assert lines[first + 1].startswith(" " * 14)  # goes on below
    assert "deadline=0.03333," in bench.runner._repr_html_()
    assert repr(goal).startswith("Goal.max_accuracy(deadline=0.03333333333333333, ")


def test_without_inputs_there_is_nothing_to_report() -> None:
    lines = repr(Bench().runner.report()).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["goal", "kept"]


# ---------------------------------------------------------------------------------------- measuring


def test_measures_its_own_overhead() -> None:
    bench = Bench(read_cost=0.003)  # before and after the model
    assert bench.runner.scheduler.overhead == 0.0
    for _ in range(3):
        bench.runner("x")
        assert bench.runner.scheduler.overhead == pytest.approx(0.006, rel=1e-9)
    bench.package.read_cost = 0.011
    bench.runner("x")
    assert bench.runner.scheduler.overhead == pytest.approx(0.006 + 0.016 / 16, rel=1e-9)
    for _ in range(200):
        bench.runner("x")
    assert bench.runner.report().overhead == pytest.approx(0.022, rel=1e-3)
    assert bench.runner.history["latency"][0] == pytest.approx(0.04, rel=1e-9)
    assert bench.runner.history["response"][0] == pytest.approx(0.046, rel=1e-9)


def test_an_overhead_given_stays() -> None:
    bench = Bench(read_cost=0.003, overhead=0.05)
    bench.runner("x")
    assert bench.runner.scheduler.overhead == 0.05
    assert bench.runner.report().overhead == pytest.approx(0.006, rel=1e-9)


def test_measures_idle_power_over_gaps_that_are_long_enough() -> None:
    bench = Bench()
    idle = []
    for gap in (0.0, 0.0499, 0.0501, 2.0):
        bench.machine.now += gap
        bench.runner("x")
        idle.append(bench.runner.history["idle_power"][-1])
    assert idle == pytest.approx([math.nan, math.nan, 4.0, 4.0], rel=1e-6, nan_ok=True)


def test_measures_no_idle_power_over_a_failure() -> None:
    bench = Bench()
    bench.runner("x")
    bench.models["small"].raises = RuntimeError("no")
    with pytest.raises(RuntimeError):
        bench.runner("x")
    bench.models["small"].raises = None
    bench.machine.now += 1.0
    bench.runner("x")
    assert np.isnan(bench.runner.history["idle_power"]).all()


def test_waits_longer_for_a_slower_counter_or_as_told() -> None:
    machine = Machine()
    for options, tick, expected in (
        ({}, 0.1, 5.0),
        ({}, 1e-4, 0.05),
        ({"idle_gap": 0.3}, 0.1, 0.3),
        ({"idle_gap": math.inf}, 0.0, math.inf),
    ):
        package = Package(machine, tick=tick)
        runner = Runner([str, str], profile(), CHEAP, package, clock=machine.clock, **options)  # type: ignore[arg-type]
        assert runner._machine._idle_gap == expected
    with pytest.raises(ValueError, match="idle_gap: expected seconds >= 0, got -1"):
        Runner([str, str], profile(), CHEAP, Package(machine), idle_gap=-1.0)


def test_goes_on_without_energy() -> None:
    bench = Bench()
    bench.package.readable = False
    bench.runner("x")
    bench.machine.now += 1.0
    bench.runner("x")
    assert np.isnan(bench.runner.history["energy"]).all()
    assert np.isnan(bench.runner.history["idle_power"]).all()
    report = bench.runner.report()
    assert report.estimated
    assert report.energy == pytest.approx(2 * 0.4 + 1.0 * Package.IDLE, rel=1e-9)  # by the profile
    assert "4.8 J estimated, 2.4 J per input" in repr(report)


# ---------------------------------------------------------------------------------------- reporting


def test_reports_what_it_did() -> None:
    bench = Bench()
    begin = bench.machine.now
    bench.machine.now += 3.0  # before the first input: not its business
    bench.runner("x")
    bench.machine.now += 0.5
    bench.runner("x", deadline=0.012)
    bench.runner("x")
    report = bench.runner.report()
    assert report.inputs == 3
    assert report.choices == {("small", 10.0): 2, ("small", 40.0): 1}
    assert report.energy == pytest.approx(3 * 0.4 + 0.5 * 4.0, rel=1e-9)
    assert bench.machine.now == pytest.approx(begin + 3.0 + 0.04 + 0.5 + 0.01 + 0.04, rel=1e-12)
    assert report.misses == 0
    assert report.cap_changes == 2
    assert report.accuracy == pytest.approx(bench.runner.history["expected_accuracy"].mean())
    assert (report.power, report.emulated) == ("simulated", True)
    text = repr(report)
    assert "3 inputs, power: simulated" in text
    assert "3.2 J emulated, 1.07 J per input" in text
    assert "2 x small under 10 W emulated" in text
    assert "<td>energy</td><td>3.2 J emulated" in report._repr_html_()
    with pytest.raises(AttributeError):
        report.inputs = 4  # type: ignore[misc]


def test_reports_before_the_first_input() -> None:
    report = Bench().runner.report()
    assert (report.inputs, report.energy, report.misses, report.choices) == (0, None, 0, {})
    assert math.isnan(report.accuracy)
    assert "0 inputs" in repr(report)
    assert len(Bench().runner.history) == 0
    assert "0 inputs" in repr(Bench().runner)


def test_marks_as_emulated_only_what_is() -> None:
    bench = Bench()
    bench.package.emulated = False
    bench.runner("x")
    assert "emulated" not in repr(bench.runner.report())


def test_remembers_the_last_inputs() -> None:
    bench = Bench(history=4)
    starts = []
    for i in range(11):
        bench.machine.now += 0.001 * i
        starts.append(bench.machine.now)
        bench.runner("x")
    assert bench.runner.history["input"].tolist() == [7, 8, 9, 10]
    assert bench.runner.history["start"].tolist() == starts[-4:]
    assert bench.runner.report().inputs == 11
    assert set(alert.Scheduler(profile(), CHEAP).history.dtype.names or ()) < set(
        bench.runner.history.dtype.names or ()
    )


def test_passes_options_on_to_the_scheduler() -> None:
    bench = Bench(constants={"q0": 0.2})
    assert pickle.loads(pickle.dumps(bench.runner.scheduler))._constants == {"q0": 0.2}
    with pytest.raises(ValueError, match="method"):
        Bench(method="guess")
