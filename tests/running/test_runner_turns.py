"""One input at a time: threads that share a runner, models that use their own, interrupts."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simulation
import torch
from forking import in_child
from programs import PACKAGES
from simulation import CHEAP, AnytimeBench, Bench, Machine, Package, profile, state

import alert
from alert import power
from alert.running.runner import Runner

ACCURATE = alert.Goal.min_energy(deadline=0.2, accuracy=0.75)


def run_in_thread(act: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


# ------------------------------------------------------------------------------------- threads


def test_a_call_from_another_thread_waits_for_its_turn() -> None:
    bench = Bench()
    entered, go = threading.Event(), threading.Event()
    order: list[str] = []

    def slow(x: Any) -> Any:
        if x == "first":
            entered.set()
            assert go.wait(60)
        order.append(x)
        bench.machine.work(0.01)
        return x

    bench.runner._machine.execution.models[:] = [slow, slow]
    first = run_in_thread(lambda: bench.runner("first"))
    assert entered.wait(60)
    second = run_in_thread(lambda: bench.runner("second"))
    time.sleep(0.02)  # it may, and must not, begin
    assert order == []
    go.set()
    first.join(60)
    second.join(60)
    assert order == ["first", "second"]
    history = bench.runner.history
    # 10 ms under each of the two caps, joules of that input alone.
    assert history["latency"] == pytest.approx(0.01 * Package.PEAK / history["power_cap"])
    assert history["energy"] == pytest.approx(history["latency"] * history["power_cap"])
    assert bench.runner.report().inputs == 2


def test_the_wait_for_its_turn_is_taken_off_the_deadline() -> None:
    bench = Bench()
    entered, called = threading.Event(), threading.Event()
    small = bench.models["small"]

    def slow(x: Any) -> Any:
        if x == "first":
            entered.set()
            assert called.wait(60)
        return small(x)

    bench.runner._machine.execution.models[0] = slow
    clock = bench.machine.clock

    def noted() -> float:
        if threading.current_thread().name == "second":
            called.set()
        return clock()

    bench.runner._clock = noted
    first = run_in_thread(lambda: bench.runner("first"))
    assert entered.wait(60)
    second = threading.Thread(target=lambda: bench.runner("second"), name="second")
    second.start()
    first.join(60)
    second.join(60)
    latency = bench.runner.history["latency"]
    assert bench.runner.history["deadline"] == pytest.approx([0.2, 0.2 - latency[0]], rel=1e-9)
    assert bench.runner.history["arrival"][1] == bench.runner.history["start"][0]
    assert bench.runner.history["response"][1] == pytest.approx(latency.sum(), rel=1e-9)


def test_no_thread_is_left_in_inference_mode() -> None:
    seen: list[bool] = []
    left: list[bool] = []

    def model(x: Any) -> Any:
        seen.append(torch.is_inference_mode_enabled())
        time.sleep(0.001)
        return x

    table = alert.Profile([[0.001]], [[20.0]], [0.7], [20.0], 5.0)
    goal = alert.Goal.min_energy(deadline=0.05, accuracy=0.6)
    with power.open("emulated") as device, Runner([model], table, goal, device) as runner:

        def work() -> None:
            for _ in range(20):
                runner(1)
                left.append(torch.is_inference_mode_enabled())

        threads = [run_in_thread(work) for _ in range(4)]
        for thread in threads:
            thread.join(60)
        report = runner.report()
        history = runner.history
    assert seen == [True] * 80
    assert left == [False] * 80
    assert report.inputs == len(history) == 80
    assert (np.diff(history["start"]) >= history["latency"][:-1]).all()
    assert report.energy is not None
    assert history["energy"].sum() <= report.energy


def test_a_thread_may_watch_while_another_runs() -> None:
    bench = Bench()
    seen: list[int] = []
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        worker = run_in_thread(lambda: [bench.runner(n) for n in range(3000)])
        while worker.is_alive():
            history, report = bench.runner.history, bench.runner.report()
            seen.append(report.inputs)
            assert (history["input"][1:] - history["input"][:-1] == 1).all()
            assert sum(report.choices.values()) <= 3000
        worker.join(60)
    finally:
        sys.setswitchinterval(interval)
    assert seen == sorted(seen)
    assert bench.runner.report().inputs == 3000


def test_closing_lets_the_input_of_another_thread_finish() -> None:
    bench = Bench()
    entered, go = threading.Event(), threading.Event()

    def slow(x: Any) -> Any:
        entered.set()
        assert go.wait(60)
        return x

    bench.runner._machine.execution.models[0] = slow
    bench.runner._machine._opened = True
    returned: list[Any] = []
    first = run_in_thread(lambda: returned.append(bench.runner("x")))
    assert entered.wait(60)
    closing = run_in_thread(bench.runner.close)
    time.sleep(0.02)
    assert not bench.package.closed
    go.set()
    first.join(60)
    closing.join(60)
    assert returned == ["x"]
    assert bench.package.closed


def test_a_forked_child_has_its_turn() -> None:
    bench = Bench()
    entered, go = threading.Event(), threading.Event()
    small = bench.models["small"]

    def slow(x: Any) -> Any:
        if x == "parent":
            entered.set()
            assert go.wait(60)
        return small(x)

    bench.runner._machine.execution.models[0] = slow
    parent = run_in_thread(lambda: bench.runner("parent"))
    assert entered.wait(60)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if bench.runner("child") == ("small", "child") else 1)
    done = 0
    for _ in range(2000):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        time.sleep(0.01)
    else:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    go.set()
    parent.join(60)
    assert done
    assert status == 0


def test_a_forked_child_hears_at_its_first_input_that_it_may_not_cap() -> None:
    table = alert.Profile([[0.02, 0.01]], [[10.0, 20.0]], [0.8], [10.0, 20.0], 1.0)
    with alert.Runner([lambda x: x], table, CHEAP, power="emulated") as runner:
        runner("parent")

        def work() -> None:
            with pytest.raises(power.PowerPermissionError, match="make the Runner, in the forked"):
                runner("child")

        assert in_child(work) == 0
        runner("parent")
        assert runner.report().cap_changes == 0


def test_a_forked_child_serves_where_there_is_no_cap_to_choose() -> None:
    table = alert.Profile([[0.01]], [[20.0]], [0.8], [None], 1.0)
    with alert.Runner([lambda x: x], table, CHEAP, power="emulated") as runner:
        runner("parent")

        def work() -> None:
            assert runner("child") == "child"

        assert in_child(work) == 0


def test_a_runner_says_that_it_cannot_be_sent_to_another_process() -> None:
    with Bench().runner as runner, pytest.raises(TypeError, match=r"^a Runner cannot be copied"):
        pickle.dumps(runner)
    with pytest.raises(TypeError, match=r"^a Runner cannot be copied"):
        copy.copy(runner)


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
        threads.append(run_in_thread(set_goal))
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


# ------------------------------------------------------------------------------------- interrupts


def test_an_interrupt_between_step_and_books_moves_no_other_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    add = bench.runner._loop.ledger.add
    for n in range(6):
        bench.machine.contention = 1.0 + n
        if n == 3:

            def interrupted(*_: Any) -> None:
                raise KeyboardInterrupt

            monkeypatch.setattr(type(bench.runner._loop.ledger), "add", interrupted)
            with pytest.raises(KeyboardInterrupt):
                bench.runner(n)
            monkeypatch.undo()
            assert bench.runner._loop.ledger.add == add
        else:
            bench.runner(n)
    history = bench.runner.history
    assert history["input"].tolist() == [0, 1, 2, 3, 4, 5]
    entered = np.arange(6) != 3
    assert history["response"][entered] == pytest.approx(history["latency"][entered], rel=1e-9)
    assert np.isnan(history["response"][3])
    assert history["energy_source"].tolist() == ["measured"] * 3 + [""] + ["measured"] * 2


def test_an_interrupt_after_the_books_counts_no_input_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    bench.runner("x")
    ledger = bench.runner._loop.ledger
    add = type(ledger).add

    def late(*arguments: Any) -> None:
        add(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(ledger), "add", late)
    with pytest.raises(KeyboardInterrupt):
        bench.runner("x")
    monkeypatch.undo()
    bench.runner("x")
    history = bench.runner.history
    assert history["response"] == pytest.approx(history["latency"], rel=1e-9)
    assert bench.runner.report().inputs == 3


STORM = f"""
import random, signal, sys, threading
sys.path[:0] = {[str(PACKAGES), str(Path(simulation.__file__).parent)]!r}
import numpy as np, torch
from simulation import Bench

def interrupt(*_):
    raise KeyboardInterrupt

def storm(seconds):
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            while True:
                bench.runner("x")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        pass

signal.signal(signal.SIGALRM, interrupt)
bench, rng = Bench(history=1_000_000), random.Random(1)
for n in range(3000):
    bench.machine.contention = 1.0 + n % 7
    storm(rng.uniform(2e-5, 4e-4))
    assert not torch.is_inference_mode_enabled()
history = bench.runner.history
assert history["input"].tolist() == list(range(len(history)))
entered = ~np.isnan(history["response"])
assert entered.mean() > 0.9
np.testing.assert_allclose(history["response"][entered], history["latency"][entered], rtol=1e-6)
outputs = []
other = threading.Thread(target=lambda: outputs.append(bench.runner("x")), daemon=True)
other.start()
other.join(60)
assert len(outputs) == 1
"""


def test_interrupts_at_any_moment_leave_a_runner_that_works() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STORM], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr


def test_inputs_that_wait_have_a_simulated_clock() -> None:
    """Guards the tests above: nothing else moves the clock."""
    machine = Machine()
    runner = Runner([str, str], profile(), CHEAP, Package(machine), clock=machine.clock)
    runner("x")
    assert machine.now == 100.0
