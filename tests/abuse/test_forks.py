"""fork, multiprocessing, DataLoader workers, event loops, notebooks: a scheduler in each."""

from __future__ import annotations

import asyncio
import copy
import importlib
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch.utils.data
from forking import in_child
from programs import has_gil

import alert
from alert import power

PROFILE = alert.Profile(
    latency=[[0.040, 0.020], [0.080, 0.040]],
    power=[[10.0, 20.0], [11.0, 21.0]],
    accuracy=[0.70, 0.80],
    power_caps=[10.0, 20.0],
    idle_power=5.0,
)
GOAL = alert.Goal.min_energy(deadline=0.1, accuracy=0.69)


def drive(scheduler: alert.Scheduler, inputs: int = 50) -> list[tuple[float, ...]]:
    return [tuple(scheduler.step(0.03 + 0.001 * (i % 7), 0.5)) for i in range(inputs)]


def drive_pickled(state: bytes) -> list[tuple[float, ...]]:
    return drive(pickle.loads(state))


INPUT = np.full((1, 2, 2), 0.03)  # seconds and joules of both models under both caps
# Everything that a scheduler does; the second one is nobody else's.
USES: dict[str, Callable[[alert.Scheduler, alert.Scheduler, bytes], object]] = {
    "step": lambda s, _, __: s.step(0.03, 0.5),
    "decide": lambda s, _, __: s.decide(0.1),
    "share": lambda s, _, __: s.share(0.2, 2),
    "goal": lambda s, _, __: setattr(s, "goal", GOAL),
    "overhead": lambda s, _, __: s.overhead,
    "set overhead": lambda s, _, __: setattr(s, "overhead", 0.001),
    "switch cost": lambda s, _, __: s.switch_cost,
    "hold_inputs": lambda s, _, __: s.hold_inputs,
    "switching": lambda s, _, __: s.set_switching(0.01, 2),
    "decision": lambda s, _, __: s.decision,
    "slowdown": lambda s, _, __: s.slowdown,
    "history": lambda s, _, __: s.history,
    "save": lambda s, _, __: s._save()[0],
    "copy": lambda s, _, __: copy.copy(s),
    "restore": lambda s, _, state: s._restore(state),
    "replay": lambda s, _, __: s._replay(INPUT, INPUT, 5.0),
    "replay under its caps": lambda s, free, _: free._replay(INPUT, INPUT, 5.0, None, s),
}


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
class TestFork:
    def test_a_child_goes_on_from_where_its_parent_was(self) -> None:
        scheduler = alert.Scheduler(PROFILE, GOAL)
        drive(scheduler, 20)
        twin = pickle.loads(pickle.dumps(scheduler))
        expected = drive(twin)

        def check() -> None:
            assert drive(scheduler) == expected

        assert in_child(check) == 0
        assert len(scheduler.history) == 20

    def test_a_fork_while_another_thread_steps_leaves_no_child_hanging(self) -> None:
        """The child's copy may be half stepped: it says so, and every other scheduler works."""
        busy = [alert.Scheduler(PROFILE, GOAL, history=0) for _ in range(20_000)]
        free = alert.Scheduler(PROFILE, GOAL)
        latencies = np.full(len(busy), 0.03)
        state = busy[0]._save()[0]
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                alert.step_many(busy, latencies, None)

        def check() -> None:
            drive(free)
            if has_gil():
                assert busy[0].goal is GOAL  # what another one can be made with
            for name, use in USES.items():
                try:
                    use(busy[0], free, state)
                except RuntimeError as error:
                    assert "forked" in str(error)  # noqa: PT017
                    told.write(f"{name}\n".encode())
            drive(free)  # let go of by the replay that could not have both
            try:
                alert.step_many(busy, latencies, None)
            except RuntimeError as error:
                assert "forked" in str(error)  # noqa: PT017

        reading, writing = os.pipe()
        thread = threading.Thread(target=work)
        thread.start()
        codes = []
        with os.fdopen(reading, "rb") as answers, os.fdopen(writing, "wb", 0) as told:
            try:
                codes = [in_child(check) for _ in range(10)]
            finally:
                stop.set()
                thread.join()
            told.close()
            assert set(answers.read().decode().splitlines()) == set(USES)
        assert codes == [0] * 10

    def test_a_fork_while_another_thread_uses_a_device_leaves_no_child_hanging(self) -> None:
        device = power.open("emulated", compute=1.0)
        device.set_cap(device.cap_range[0])
        waiting = threading.Event()

        def work() -> None:
            device.begin()
            end = time.perf_counter() + 0.3
            while time.perf_counter() < end:
                pass
            waiting.set()
            device.pace()  # waits, with the lock held

        def check() -> None:
            device.energy()
            device.close()

        thread = threading.Thread(target=work)
        thread.start()
        waiting.wait()
        time.sleep(0.05)
        assert in_child(check) == 0
        thread.join()
        device.close()

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_multiprocessing(self, method: str) -> None:
        scheduler = alert.Scheduler(PROFILE, GOAL)
        drive(scheduler, 10)
        state = pickle.dumps(scheduler)
        with multiprocessing.get_context(method).Pool(2) as pool:
            results = pool.map(drive_pickled, [state] * 4)
        assert results == [drive(scheduler)] * 4


class Photographs(torch.utils.data.Dataset[float]):
    """A data set whose every item is chosen by a scheduler of its own worker's."""

    def __init__(self, scheduler: alert.Scheduler) -> None:
        self.scheduler = scheduler

    def __len__(self) -> int:
        return 32

    def __getitem__(self, index: int) -> float:
        model, power_cap = self.scheduler.step(0.03, 0.5)
        return model + power_cap


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_data_loader_workers(method: str) -> None:
    scheduler = alert.Scheduler(PROFILE, GOAL)
    loader: Any = torch.utils.data.DataLoader(
        Photographs(scheduler), batch_size=4, num_workers=2, multiprocessing_context=method
    )
    with power.open("emulated") as device:  # the workers inherit it, and own nothing of it
        values = [float(value) for batch in loader for value in batch]
        assert device.energy() is not None
    assert len(values) == 32
    assert all(value in (10.0, 11.0, 20.0, 21.0) for value in values)
    assert len(scheduler.history) == 0


def test_event_loops() -> None:
    """Steps of many tasks, in one loop after the other."""
    scheduler = alert.Scheduler(PROFILE, GOAL)

    async def one() -> None:
        await asyncio.sleep(0)
        scheduler.step(0.03, 0.5)
        await asyncio.to_thread(scheduler.step, 0.03, 0.5)

    async def all_of_them() -> None:
        await asyncio.gather(*(one() for _ in range(50)))

    for _ in range(3):
        asyncio.run(all_of_them())
    assert int(scheduler.history["input"][-1]) == 299


# ---------------------------------------------------------------------------------- notebooks


@pytest.fixture
def reloaded() -> Iterator[None]:
    """Give the modules back as they were, for the tests that come later."""
    saved = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "alert"}
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "alert"]:
        del sys.modules[name]
    sys.modules.update(saved)


def test_a_cell_that_is_run_again() -> None:
    first = alert.init(PROFILE, GOAL)
    alert.step(0.03, 0.5)
    second = alert.init(PROFILE, GOAL)
    alert.step(0.03, 0.5)
    assert len(first.history) == len(second.history) == 1


@pytest.mark.usefixtures("reloaded")
def test_reload() -> None:
    before = alert.Scheduler(PROFILE, GOAL)
    again = importlib.reload(importlib.import_module("alert"))
    again.init(PROFILE, GOAL)
    assert again.step(0.03, 0.5) == before.step(0.03, 0.5)
    importlib.reload(importlib.import_module("alert._core"))
    drive(before)


@pytest.mark.usefixtures("reloaded")
def test_two_imports_side_by_side() -> None:
    """A second import has types of its own: objects of the first are refused, not misread."""
    old = alert.Scheduler(PROFILE, GOAL)
    for name in [name for name in sys.modules if name.split(".")[0] == "alert"]:
        del sys.modules[name]
    new = importlib.import_module("alert")
    assert new.Scheduler is not alert.Scheduler
    profile = new.Profile([[0.1]], [[1.0]], [0.5], [1.0], 0.0)
    fresh = new.Scheduler(profile, new.Goal.min_energy(deadline=0.1, accuracy=0.4))
    with pytest.raises(TypeError, match=r"schedulers\[1\]"):
        new.step_many([fresh, old], [0.1, 0.1], None)
    with pytest.raises(TypeError, match="profile"):
        new.Scheduler(PROFILE, GOAL)
    assert len(new.step_many([fresh], [0.1], None)) == 1
    drive(old)


def test_subinterpreters_are_refused() -> None:
    """NumPy works in the main interpreter only, and so does this; the refusal is an ImportError."""
    inner = """
import sys
sys.path[:] = PATH
try:
    import alert._core
except ImportError:
    pass
else:
    raise SystemExit("imported")
"""
    script = f"""
import alert
try:
    import _interpreters as interpreters  # from Python 3.13 on
except ImportError:
    import _xxsubinterpreters as interpreters
failure = interpreters.run_string(interpreters.create(), {inner.replace("PATH", repr(sys.path))!r})
assert failure is None, failure
scheduler = alert.Scheduler(
    alert.Profile([[0.1]], [[1.0]], [0.5], [1.0], 0.0),
    alert.Goal.min_energy(deadline=0.1, accuracy=0.4),
)
scheduler.step(0.1, 1.0)
"""
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
