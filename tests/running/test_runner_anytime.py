"""The runner and anytime models: where it stops."""

from __future__ import annotations

import pytest
from simulation import AnytimeBench, Package, state

import alert


def test_stops_at_the_exit_chosen() -> None:
    bench = AnytimeBench(alert.Goal.min_energy(deadline=1.0, accuracy=0.65))
    decision = bench.runner.scheduler.decision
    assert decision.exit == 1
    assert bench.runner("x") == (1, "x")
    assert (bench.model.begun, bench.model.closed) == (2, 1)
    assert bench.runner.history["exit"][0] == 1
    paced = 0.02 * Package.PEAK / decision.power_cap
    assert bench.runner.history["latency"][0] == pytest.approx(paced, rel=1e-9)
    assert bench.runner.history["energy"][0] == pytest.approx(paced * decision.power_cap, rel=1e-9)
    assert bench.runner.history["slowdown"][0] == pytest.approx(1.0, rel=1e-9)


def test_leaves_out_an_exit_that_would_come_late() -> None:
    bench = AnytimeBench(alert.Goal.max_accuracy(deadline=0.1, energy=99.0))
    decision = bench.runner.scheduler.decision
    assert (decision.exit, decision.power_cap) == (2, 40.0)
    bench.machine.contention = 4.0  # exits at 40, 80 and 120 ms
    assert bench.runner("x") == (1, "x")
    assert (bench.model.begun, bench.model.closed) == (2, 1)
    history = bench.runner.history[0]
    assert history["exit"] == 1
    assert history["latency"] == pytest.approx(0.08, rel=1e-9)
    assert history["slowdown"] == pytest.approx(4.0, rel=1e-9)
    assert history["accuracy"] == 0.7
    assert bench.runner.report().misses == 0


def test_goes_on_to_an_exit_that_is_just_in_time() -> None:
    bench = AnytimeBench(alert.Goal.max_accuracy(deadline=0.1201, energy=99.0))
    bench.machine.contention = 4.0
    assert bench.runner("x") == (2, "x")
    assert bench.runner.report().misses == 0


def test_stops_when_the_deadline_came_unforeseen() -> None:
    bench = AnytimeBench(alert.Goal.max_accuracy(deadline=0.1, energy=99.0))

    def between(k: int) -> None:
        bench.machine.contention = 20.0 if k == 1 else 1.0

    bench.model.between = between
    assert bench.runner("x") == (1, "x")  # out at 10 + 200 ms; the third is not begun
    assert bench.model.begun == 2
    history = bench.runner.history[0]
    assert history["exit"] == 1
    assert history["lateness"] == pytest.approx(0.11, rel=1e-9)
    assert bench.runner.report().misses == 1


def test_gives_the_first_exit_of_an_input_out_of_time() -> None:
    bench = AnytimeBench(alert.Goal.max_accuracy(deadline=0.1, energy=99.0))
    assert bench.runner("x", arrival=bench.machine.now - 5.0) == (0, "x")
    assert bench.model.begun == 1
    assert bench.runner("x") == (2, "x")


def test_a_word_stops_when_its_share_is_over() -> None:
    bench = AnytimeBench(alert.Goal.max_accuracy(deadline=0.1, energy=99.0))
    bench.machine.contention = 4.0
    bench.runner.share(0.2, 2)
    assert bench.runner("word") == (1, "word")
    assert bench.runner.history["lateness"][0] == pytest.approx(0.08 - 0.2, rel=1e-9)


def test_refuses_an_anytime_model_that_is_none() -> None:
    bench = AnytimeBench(alert.Goal.max_accuracy(deadline=1.0, energy=99.0))
    before = state(bench.runner)
    bench.runner._machine.execution.models[0] = lambda x: [1, 2, 3]
    with pytest.raises(TypeError, match=r"large: an anytime model yields .* got list"):
        bench.runner("x")
    bench.runner._machine.execution.models[0] = lambda x: iter([1, 2])
    with pytest.raises(ValueError, match="large: expected at least 3 exits, got 2"):
        bench.runner("x")
    bench.runner._machine.execution.models[0] = lambda x: iter(())
    with pytest.raises(ValueError, match="large: expected at least 3 exits, got 0"):
        bench.runner("x")
    assert state(bench.runner) == before
    bench.runner._machine.execution.models[0] = bench.model
    assert bench.runner("x") == (2, "x")
