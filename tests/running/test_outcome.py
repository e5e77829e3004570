"""What a runner says of each input: the attribute `last`, and the callback `on_input`."""

from __future__ import annotations

import pytest
from simulation import CHEAP, AnytimeBench, Bench

import alert


def test_nothing_is_last_before_the_first_input() -> None:
    assert Bench().runner.last is None


def test_last_says_what_ran_and_what_it_took() -> None:
    bench = Bench()
    decision = bench.runner.scheduler.decision
    bench.runner("x")
    assert bench.runner.last is not None
    model, reached, power_cap, latency, energy, source, lateness, why = bench.runner.last
    assert (model, reached, power_cap, source) == ("small", None, 10.0, "measured")
    assert (latency, energy, lateness) == pytest.approx((0.04, 0.4, 0.04 - 0.2))
    assert why == decision
    assert isinstance(bench.runner.last, alert.Outcome)
    assert bench.runner.last.decision.probability == decision.probability
    bench.runner("x", deadline=0.005)
    late = bench.runner.last
    assert (late.model, late.power_cap) == ("small", 40.0)
    assert late.lateness == pytest.approx(0.01 - 0.005)


def test_last_agrees_with_the_history() -> None:
    bench = Bench()
    for contention in (1.0, 3.0, 1.5):
        bench.machine.contention = contention
        bench.runner("x")
        last, row = bench.runner.last, bench.runner.history[-1]
        assert last is not None
        for name in ("latency", "energy", "energy_source", "lateness", "power_cap"):
            assert getattr(last, name) == row[name]


def test_last_names_the_exit_that_was_reached() -> None:
    bench = AnytimeBench(alert.Goal.max_accuracy(deadline=0.025, energy=10.0))
    bench.machine.contention = 1.2
    bench.runner("x")
    assert bench.runner.last is not None
    assert bench.runner.last.exit == bench.runner.history[-1]["exit"] == 1


def test_energy_that_is_not_read_is_none() -> None:
    bench = Bench()
    bench.package.readable = False
    bench.runner("x")
    assert bench.runner.last is not None
    assert bench.runner.last.energy is None
    assert bench.runner.last.energy_source == "profile"


def test_on_input_hears_of_every_input_in_order() -> None:
    heard: list[alert.Outcome] = []
    bench = Bench(on_input=heard.append)
    for _ in range(3):
        bench.runner("x")
        assert heard[-1] == bench.runner.last
    assert [outcome.latency for outcome in heard] == bench.runner.history["latency"].tolist()


def test_the_time_of_on_input_belongs_to_no_input() -> None:
    bench: Bench = Bench(on_input=lambda outcome: bench.machine.sleep(0.5))
    for _ in range(3):
        bench.runner("x")
    assert bench.runner.scheduler.overhead == 0.0
    assert bench.runner.history["response"] == pytest.approx(0.04)
    assert bench.runner.history["energy"] == pytest.approx(0.4)
    assert bench.runner.history["idle_power"][1:] == pytest.approx(4.0)  # as between two calls


def test_an_exception_of_on_input_comes_out_and_the_input_counts() -> None:
    def fail(outcome: alert.Outcome) -> None:
        raise OSError("the disk is full")

    bench, calm = Bench(on_input=fail), Bench()
    for _ in range(3):
        with pytest.raises(OSError, match="the disk is full"):
            bench.runner("x")
        calm.runner("x")
    assert repr(bench.runner.history) == repr(calm.runner.history)
    assert bench.runner.last == calm.runner.last
    assert repr(bench.runner.report()) == repr(calm.runner.report())


def test_on_input_may_set_the_goal_but_not_run_an_input() -> None:
    other = alert.Goal.min_energy(deadline=0.2, accuracy=0.7)

    def change(outcome: alert.Outcome) -> None:
        bench.runner.scheduler.goal = other
        with pytest.raises(RuntimeError, match="one input runs at a time"):
            bench.runner("y")

    bench = Bench(on_input=change)
    bench.runner("x")
    bench.runner("x")
    assert bench.runner.last is not None
    assert bench.runner.last.model == "large"
    assert len(bench.runner.history) == 2


def test_on_input_must_be_a_callable() -> None:
    with pytest.raises(TypeError, match="on_input: expected a callable"):
        Bench(on_input="print")


def test_the_history_goes_round() -> None:
    for remembered in (0, 1, 3, 1024):
        bench = Bench(CHEAP, history=remembered)
        for _ in range(7):
            bench.runner("x")
        numbers = list(range(7))[-remembered:] if remembered else []
        history = bench.runner.history
        assert history["input"].tolist() == numbers
        assert history["response"] == pytest.approx(0.04)
        assert set(history["energy_source"]) <= {"measured"}
