"""One input at a time: threads that share a runner, and forked processes."""

from __future__ import annotations

import copy
import os
import pickle
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from forking import in_child
from simulation import CHEAP, Bench, Package
from threads import in_thread

import alert
from alert import power
from alert.running.runner import Runner


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
    first = in_thread(lambda: bench.runner("first"))
    assert entered.wait(60)
    second = in_thread(lambda: bench.runner("second"))
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
    first = in_thread(lambda: bench.runner("first"))
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

        threads = [in_thread(work) for _ in range(4)]
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
        worker = in_thread(lambda: [bench.runner(n) for n in range(3000)])
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
    first = in_thread(lambda: returned.append(bench.runner("x")))
    assert entered.wait(60)
    closing = in_thread(bench.runner.close)
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
    parent = in_thread(lambda: bench.runner("parent"))
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
