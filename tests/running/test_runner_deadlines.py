"""The runner and time: lateness, deadlines of an input's own, deadlines that are shared."""

from __future__ import annotations

import math

import pytest
from simulation import Bench, state

import alert

# ---------------------------------------------------------------------------------------- deadlines


def test_waiting_eats_into_the_deadline() -> None:
    bench = Bench()
    arrival = bench.machine.now
    bench.machine.now += 0.15
    bench.runner("x", arrival=arrival)
    assert bench.runner.history["deadline"][0] == pytest.approx(0.05, rel=1e-9)
    assert bench.runner.history["power_cap"][0] > Bench().runner.scheduler.decision.power_cap
    latency = bench.runner.history["latency"][0]
    assert bench.runner.history["arrival"][0] == arrival
    assert bench.runner.history["start"][0] == arrival + 0.15
    assert bench.runner.history["response"][0] == pytest.approx(0.15 + latency, rel=1e-9)
    assert bench.runner.history["lateness"][0] == pytest.approx(latency - 0.05, rel=1e-9)
    bench.runner("y")
    assert bench.runner.history["deadline"][1] == 0.2


def test_an_input_out_of_time_still_gets_its_output() -> None:
    bench = Bench()
    arrival = bench.machine.now
    bench.machine.now += 7.0
    assert bench.runner("x", arrival=arrival)[1] == "x"
    assert not bench.runner.history["feasible"][0]
    assert bench.runner.history["lateness"][0] > 6.8
    assert bench.runner.report().misses == 1
    assert bench.runner.report().infeasible == 1


def test_a_queue_of_late_inputs_drains() -> None:
    goal = alert.Goal.min_energy(deadline=0.1, accuracy=0.75)
    bench = Bench(goal, method="calibrated")
    begun, period = bench.machine.now, 0.035
    for n in range(80):
        arrival = begun + n * period
        bench.machine.now = max(bench.machine.now, arrival)
        bench.machine.contention = 30.0 if n == 20 else 1.0
        bench.runner("x", arrival=arrival)
    late = bench.runner.history["lateness"] > 0.0
    assert late[20:25].all()
    assert not late[60:].any()


def test_a_deadline_of_its_own_holds_for_one_input() -> None:
    bench = Bench()
    bench.runner("x", deadline=0.02)
    bench.runner("x")
    bench.runner("x", deadline=0.3, arrival=bench.machine.now - 0.1)
    bench.runner("x")
    assert bench.runner.history["deadline"] == pytest.approx([0.02, 0.2, 0.2, 0.2], rel=1e-9)
    assert bench.runner.history["power_cap"][0] > bench.runner.history["power_cap"][1]


def test_a_goal_changed_meanwhile_holds_for_the_next_input() -> None:
    bench = Bench()
    bench.runner("x")
    bench.runner.scheduler.goal = alert.Goal.max_accuracy(deadline=0.5, energy=99.0)
    assert bench.runner("x")[0] == "large"
    assert bench.runner.history["deadline"].tolist() == [0.2, 0.5]
    assert bench.runner.history["lateness"][1] == pytest.approx(
        bench.runner.history["response"][1] - 0.5, rel=1e-9
    )


@pytest.mark.parametrize("late", [0.0, 1e-9, math.nan, math.inf, -math.inf])
def test_refuses_an_arrival_that_is_none(late: float) -> None:
    bench = Bench()
    bench.runner("x")
    before = state(bench.runner)
    arrival = bench.machine.now + late if late != 0.0 else 1.7e9  # 0.0: someone used time.time()
    for call in (
        lambda: bench.runner("x", arrival=arrival),
        lambda: bench.runner.share(1.0, 2, arrival=arrival),
    ):
        with pytest.raises(ValueError, match=r"arrival: expected seconds of time.perf_counter"):
            call()
    assert state(bench.runner) == before
    assert len(bench.runner.history) == 1


@pytest.mark.parametrize("deadline", [0.0, -1.0, math.nan, math.inf])
def test_refuses_a_deadline_that_is_none(deadline: float) -> None:
    bench = Bench()
    bench.runner("x")
    before = state(bench.runner)
    for call in (
        lambda: bench.runner("x", deadline=deadline),
        lambda: bench.runner.share(deadline, 2),
    ):
        with pytest.raises(ValueError, match=r"deadline: expected a finite number of seconds > 0"):
            call()
    assert state(bench.runner) == before


# --------------------------------------------------------------------------------- shared deadlines


def test_the_words_of_a_sentence_share_its_deadline() -> None:
    bench = Bench()
    start = bench.machine.now
    bench.runner.share(0.3, 3)
    for gap in (0.0, 0.06, 0.0):
        bench.machine.now += gap
        bench.runner("word")
    bench.runner("after")
    history = bench.runner.history
    left = start + 0.3 - history["start"][:3]
    assert history["deadline"] == pytest.approx([*left / [3, 2, 1], 0.2], rel=1e-9)
    outputs = history["arrival"] + history["response"]
    assert history["lateness"][:3] == pytest.approx(outputs[:3] - (start + 0.3), abs=1e-9)


def test_a_word_may_have_waited_and_a_sentence_too() -> None:
    bench = Bench()
    start = bench.machine.now
    bench.machine.now += 0.1
    bench.runner.share(0.3, 2, arrival=start)
    assert bench.runner.scheduler.decision.latency < 0.1
    bench.runner("word", arrival=start + 0.05)
    assert bench.runner.history["deadline"][0] == pytest.approx(0.1, rel=1e-9)
    assert bench.runner.history["arrival"][0] == start + 0.05
    bench.runner("word", deadline=0.07)
    assert bench.runner.history["deadline"][1] == pytest.approx(0.07, rel=1e-9)
    bench.runner("after")
    assert bench.runner.history["deadline"][2] == 0.2


def test_a_sentence_out_of_time_goes_on() -> None:
    bench = Bench()
    bench.runner.share(0.1, 3, arrival=bench.machine.now - 1.0)
    for _ in range(3):
        bench.runner("word")
    assert bench.runner.report().misses == 3
    bench.runner("after")
    assert bench.runner.report().misses == 3


def test_another_sentence_replaces_one_that_ended_early() -> None:
    bench = Bench()
    bench.runner.share(0.3, 30)
    bench.runner("word")
    bench.runner.share(0.4, 2)
    bench.runner("word")
    assert bench.runner.history["deadline"][1] == pytest.approx(0.2, rel=1e-9)


def test_refuses_a_sentence_without_words() -> None:
    bench = Bench()
    before = state(bench.runner)
    with pytest.raises(ValueError, match="inputs"):
        bench.runner.share(1.0, 0)
    assert state(bench.runner) == before
    bench.runner("x")
    assert bench.runner.history["deadline"][0] == 0.2


def test_without_a_deadline_no_input_is_late() -> None:
    bench = Bench(alert.Goal.min_latency(accuracy=0.7), dwell=1.0)
    for arrival in (None, bench.machine.now - 50.0):
        name, _ = bench.runner("x", arrival=arrival)
        assert name == "large"
        assert bench.package.cap == 40.0
    bench.runner("x", deadline=0.02)  # for this input only
    bench.runner("x")
    assert list(bench.runner.history["model"]) == [1, 1, 0, 1]
    assert list(bench.runner.history["deadline"]) == [math.inf, math.inf, 0.02, math.inf]
    assert bench.runner.report().misses == 0


# ----------------------------------------------------------------------- a goal for a single input

BEST = alert.Goal.max_accuracy(deadline=0.06)


def test_an_input_may_have_a_goal_of_its_own() -> None:
    bench = Bench()
    names = [bench.runner("x", goal=goal)[0] for goal in (None, BEST, bench.runner.scheduler.goal)]
    assert names == ["small", "large", "small"]
    assert list(bench.runner.history["deadline"]) == [0.2, 0.06, 0.2]
    assert bench.runner.scheduler.goal == Bench().runner.scheduler.goal


def test_its_deadline_counts_from_its_arrival_unless_another_is_given() -> None:
    bench = Bench()
    arrival = bench.machine.now
    bench.machine.now += 0.02
    bench.runner("x", goal=BEST, arrival=arrival)
    assert bench.runner.history["deadline"][-1] == pytest.approx(0.04)
    bench.runner("x", goal=BEST, deadline=0.5)
    assert bench.runner.history["deadline"][-1] == 0.5
    bench.runner("x", goal=alert.Goal.min_latency(accuracy=0.7), arrival=arrival)
    assert bench.runner.history["deadline"][-1] == math.inf
    assert bench.runner.history["lateness"][-1] == -math.inf


def test_it_counts_as_one_of_the_inputs_that_share_a_deadline() -> None:
    bench = Bench()
    bench.runner.share(0.6, 3)
    for goal in (None, BEST, None, None):
        bench.runner("x", goal=goal)
    left = 0.6 - bench.runner.history["latency"][:2].sum()
    wanted = [0.2, 0.06, left, 0.2]
    assert list(bench.runner.history["deadline"]) == pytest.approx(wanted)


def test_a_model_that_fails_takes_its_goal_along() -> None:
    bench = Bench()
    bench.models["large"].raises = OSError("gone")
    with pytest.raises(OSError, match="gone"):
        bench.runner("x", goal=BEST)
    assert bench.runner("x")[0] == "small"
    assert list(bench.runner.history["deadline"]) == [0.2]


def test_something_else_is_no_goal() -> None:
    bench = Bench()
    before = state(bench.runner)
    with pytest.raises(TypeError, match="goal: expected a Goal, got float"):
        bench.runner("x", goal=0.1)  # type: ignore[arg-type]
    assert state(bench.runner) == before
