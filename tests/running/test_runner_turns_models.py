"""One input at a time: models that use their own runner, and goals set meanwhile."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from simulation import CHEAP, AnytimeBench, Bench, state
from threads import in_thread

import alert
from alert.running.runner import Runner

ACCURATE = alert.Goal.min_energy(deadline=0.2, accuracy=0.75)


# --------------------------------------------------------------------- models that use their runner


@pytest.mark.parametrize(
    "use",
    [
        lambda runner: runner("y"),
        lambda runner: runner.warmup("y"),
        lambda runner: runner.scheduler.decide(0.1),
        lambda runner: runner.scheduler.share(0.1, 2),
    ],
    ids=["call", "warmup", "decide", "share"],
)
def test_a_model_that_uses_its_own_runner_is_told(use: Callable[[Runner], Any]) -> None:
    bench = Bench()
    bench.runner("x")
    before = state(bench.runner)
    small = bench.models["small"]
    bench.runner._machine.execution.models[0] = lambda x: use(bench.runner)
    with pytest.raises(RuntimeError, match=r"runs in thread 'MainThread' uses the Runner"):
        bench.runner("x")
    assert state(bench.runner) == before
    bench.runner._machine.execution.models[0] = small
    assert bench.runner("x") == ("small", "x")


# ----------------------------------------------------------------------- what ran is what is booked


def test_a_goal_that_is_set_by_the_model_that_runs_holds_from_the_next_input_on() -> None:
    bench = Bench()
    small = bench.models["small"]

    def setting(x: Any) -> Any:
        bench.runner.goal = ACCURATE
        assert bench.runner.goal == CHEAP
        return small(x)

    bench.runner._machine.execution.models[0] = setting
    assert bench.runner("x")[0] == "small"
    assert bench.runner.scheduler.goal == bench.runner.goal == ACCURATE
    assert bench.runner("x")[0] == "large"
    assert bench.runner.history["model"].tolist() == [0, 1]
    assert bench.runner.history["slowdown"] == pytest.approx(1.0, rel=1e-9)
    assert set(bench.runner.report().choices) == {("small", 10.0), ("large", 10.0)}


def test_a_goal_that_another_thread_sets_waits_for_the_input() -> None:
    bench = Bench()
    small = bench.models["small"]
    threads: list[threading.Thread] = []

    def set_goal() -> None:
        bench.runner.scheduler.goal = ACCURATE

    def setting(x: Any) -> Any:
        threads.append(in_thread(set_goal))
        threads[0].join(0.02)
        return small(x)

    bench.runner._machine.execution.models[0] = setting
    bench.runner("x")
    threads[0].join(60)
    assert bench.runner.history["model"].tolist() == [0]
    assert bench.runner.scheduler.decision.model == 1
    assert bench.runner("x")[0] == "large"
    assert bench.runner.history["slowdown"] == pytest.approx(1.0, rel=1e-9)


def test_a_goal_set_meanwhile_loses_no_output_of_an_anytime_model() -> None:
    bench = AnytimeBench(alert.Goal.max_accuracy(deadline=1.0, energy=99.0))
    cheap = alert.Goal.min_energy(deadline=1.0, accuracy=0.4)

    def between(k: int) -> None:
        bench.runner.scheduler.goal = cheap

    bench.model.between = between
    assert bench.runner("x") == (2, "x")
    assert bench.runner.history["exit"].tolist() == [2]
    assert bench.runner("x") == (0, "x")


def test_a_goal_that_is_set_by_a_model_that_fails_holds_too() -> None:
    bench = Bench()

    def failing(x: Any) -> Any:
        bench.runner.scheduler.goal = ACCURATE
        raise ZeroDivisionError

    bench.runner._machine.execution.models[0] = failing
    with pytest.raises(ZeroDivisionError):
        bench.runner("x")
    assert bench.runner.scheduler.goal == ACCURATE


def test_a_deadline_that_is_shared_by_the_model_that_runs_is_for_the_next_inputs() -> None:
    bench = Bench()
    small = bench.models["small"]

    def sharing(x: Any) -> Any:
        if x == "sentence":
            bench.runner.share(0.3, 2)
        return small(x)

    bench.runner._machine.execution.models[0] = sharing
    begun = bench.machine.now
    for x in ("sentence", "word", "word", "x"):
        bench.runner(x)
    latency = bench.runner.history["latency"]
    assert bench.runner.history["slowdown"] == pytest.approx(1.0, rel=1e-9)
    left = 0.3 - latency[0]
    expected = [0.2, left / 2, left - latency[1], 0.2]
    assert bench.runner.history["deadline"] == pytest.approx(expected, rel=1e-9)
    assert bench.machine.now == pytest.approx(begun + latency.sum(), rel=1e-9)


def test_a_bad_share_is_refused_where_it_is_asked_for() -> None:
    bench = Bench()
    with pytest.raises(ValueError, match="inputs: expected an integer >= 1, got 0"):
        bench.runner.share(0.3, 0)
    with pytest.raises(TypeError, match=r"inputs: expected an integer, got 1\.5"):
        bench.runner.share(0.3, 1.5)  # type: ignore[arg-type]


def test_copies_of_its_scheduler_belong_to_no_runner() -> None:
    bench = Bench()
    bench.runner("x")
    for twin in (
        copy.copy(bench.runner.scheduler),
        pickle.loads(pickle.dumps(bench.runner.scheduler)),
    ):
        assert type(twin) is alert.Scheduler
        assert twin.decide(0.1) == bench.runner.scheduler.decide(0.1)
        assert twin.step(0.01, 0.1) is not None
