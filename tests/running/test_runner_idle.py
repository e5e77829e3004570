"""Before the first input and between inputs: warming up, and giving the cap back in a pause."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from rapl_tree import read
from simulation import CHEAP, AnytimeBench, Bench, Machine, Package, profile, state

import alert
from alert import power
from alert.running.pause import Pause
from alert.running.runner import Runner

# ----------------------------------------------------------------------------------- warming up


def test_a_warm_up_runs_every_model_and_teaches_nothing() -> None:
    bench = Bench()
    calls: list[tuple[str, Any]] = []
    modes: list[bool] = []

    def noting(name: str) -> Any:
        def model(x: Any, *, mask: Any) -> Any:
            calls.append((name, (x, mask)))
            modes.append(torch.is_inference_mode_enabled())
            return bench.models[name](x)

        return model

    bench.runner._machine.execution.models[:] = [noting("small"), noting("large")]
    before, decision = state(bench.runner), bench.runner.scheduler.decision
    bench.runner.warmup("x", mask=1)
    assert calls == [("small", ("x", 1))] * 3 + [("large", ("x", 1))] * 3
    assert all(modes)
    assert state(bench.runner) == before
    assert bench.runner.scheduler.decision == decision
    assert bench.runner.report().inputs == len(bench.runner.history) == 0
    assert bench.package.caps_set == [10.0]
    bench.runner(alert.Call("y", mask=2))
    bench.machine.now += 1.0
    bench.runner.warmup(alert.Call("y", mask=2))
    bench.runner("y", mask=2)
    history = bench.runner.history
    assert history["energy"] == pytest.approx(history["latency"] * 10.0, rel=1e-9)
    assert history["idle_power"].tolist() == pytest.approx([float("nan")] * 2, nan_ok=True)


def test_a_warm_up_runs_all_exits() -> None:
    bench = AnytimeBench(CHEAP)
    bench.runner.warmup("x")
    assert bench.model.begun == 9
    assert bench.model.closed == 3


def test_a_warm_up_that_fails_leaves_the_runner_as_it_was() -> None:
    bench = Bench()
    before = state(bench.runner)
    bench.models["large"].raises = RuntimeError("no")
    with pytest.raises(RuntimeError, match="no"):
        bench.runner.warmup("x")
    bench.models["large"].raises = None
    assert state(bench.runner) == before
    assert bench.runner("x") == ("small", "x")


# ------------------------------------------------------------------------- giving the cap back


def test_the_cap_that_was_found_is_back_while_nothing_runs() -> None:
    bench = Bench(release_after=3600.0)
    assert bench.package.caps_set == [10.0]
    bench.runner._give_back()
    assert bench.package.caps_set == [10.0, 40.0]
    bench.runner("x")
    bench.runner("x")
    assert bench.package.caps_set == [10.0, 40.0, 10.0]
    assert bench.runner.history["cap_changed"].tolist() == [True, False]
    bench.runner.close()
    bench.runner._give_back()
    assert bench.package.caps_set == [10.0, 40.0, 10.0]


def test_the_cap_stays_while_a_model_runs() -> None:
    bench = Bench(release_after=3600.0)

    def model(x: Any) -> Any:
        thread = threading.Thread(target=bench.runner._give_back)
        thread.start()
        thread.join(60)
        return x

    bench.runner._machine.execution.models[0] = model
    bench.runner("x")
    assert bench.package.caps_set == [10.0]


def test_a_cap_that_cannot_be_given_back_is_said(recwarn: pytest.WarningsRecorder) -> None:
    bench = Bench(release_after=3600.0)
    bench.package.refuses = PermissionError("no")
    with pytest.warns(UserWarning, match="could not be put back while nothing runs: no"):
        bench.runner._give_back()
    bench.package.refuses = None
    bench.runner("x")
    assert bench.package.cap == 10.0


def test_a_cap_that_cannot_be_given_back_ends_no_thread_where_warnings_are_errors() -> None:
    bench = Bench(release_after=3600.0)
    bench.package.refuses = PermissionError("no")
    bench.runner._give_back()
    bench.package.refuses = None
    bench.runner._give_back()
    assert bench.package.cap == 40.0


def test_a_pause_gives_the_cap_of_a_real_device_back() -> None:
    table = alert.Profile([[0.001]], [[12.0]], [0.7], [12.0], 5.0)
    goal = alert.Goal.min_energy(deadline=0.05, accuracy=0.6)
    with power.open("emulated") as device:
        found = device.cap
        assert found != 12.0
        with Runner([str], table, goal, device, release_after=0.01) as runner:
            for _ in range(2):
                until = time.monotonic() + 60.0
                while device.cap != found and time.monotonic() < until:
                    time.sleep(0.002)
                assert device.cap == found
                seen: list[float] = []
                runner._machine.execution.models[0] = lambda x, seen=seen: seen.append(device.cap)
                runner("x")
                assert seen == [12.0]


def test_a_pause_gives_the_limits_of_a_package_back(client: Path, directory: Path) -> None:
    table = alert.Profile([[0.001]], [[12.0]], [0.7], [12.0], 5.0)
    goal = alert.Goal.min_energy(deadline=0.05, accuracy=0.6)
    files = sorted(client.glob("intel-rapl/intel-rapl:*/constraint_*_power_limit_uw"))
    found = [read(path) for path in files]
    with power.open("rapl", root=client) as device:
        runner = Runner([str], table, goal, device, release_after=3600.0)
        runner("x")
        assert device.cap == 12.0
        capped = [read(path) for path in files]
        assert min(capped) < min(found)
        runner._give_back()
        assert [read(path) for path in files] == found
        runner("x")
        assert [read(path) for path in files] == capped
        runner.close()
    assert [read(path) for path in files] == found


def watchers(expected: int) -> int:
    """Count the threads that wait for a pause, once those that end have ended."""
    until = time.monotonic() + 60.0
    while True:
        gc.collect()
        count = sum(thread.name == "alert.Runner pause" for thread in threading.enumerate())
        if count == expected or time.monotonic() > until:
            return count
        time.sleep(0.002)


def test_no_pause_without_a_release_and_no_thread_after_the_runner() -> None:
    assert watchers(0) == 0
    machine = Machine()
    Runner([str, str], profile(), CHEAP, Package(machine), clock=machine.clock)
    assert watchers(0) == 0
    closed = Bench(release_after=3600.0).runner
    assert watchers(1) == 1
    closed.close()
    assert watchers(0) == 0
    dropped = Bench(release_after=3600.0)
    gone = weakref.ref(dropped.runner)
    assert watchers(1) == 1
    del dropped
    assert watchers(0) == 0
    assert gone() is None


def test_a_pause_calls_once() -> None:
    called: list[float] = []

    class Thing:
        def act(self) -> None:
            called.append(time.monotonic())

    thing = Thing()
    pause = Pause(0.01, thing.act)
    for n in (1, 2):
        begun = time.monotonic()
        pause.begin()
        while len(called) < n and time.monotonic() < begun + 60.0:
            time.sleep(0.002)
        time.sleep(0.05)
        assert len(called) == n
        assert called[-1] - begun >= 0.01
    pause.end()
