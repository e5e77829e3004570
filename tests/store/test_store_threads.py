"""Models that load beside others: who loads when, who helps, and what is left at the end."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest
import torch
from forking import in_child
from stores import Gate, Nets, loading_threads, network, there

from alert.store.place import CpuMemory

# ------------------------------------------------------------------------------------ loads beside


def test_loads_beside(nets: Nets) -> None:
    gate = Gate()
    store = nets.store(2, b=gate)
    nets.check(store, "a")
    assert store.prefetch("b")
    assert gate.reached.wait(60)
    assert store.prefetch("b")  # on its way
    assert not store.prefetch("c")  # one at a time
    assert (store.resident, store.used) == (("a",), 2 * nets.size)
    nets.check(store, "a")
    gate.open.set()
    there(store, "b")
    nets.check(store, "b")
    assert (store.loads, store.waits) == (2, 1)
    assert gate.builds == 1
    assert store.prefetch("c")  # the next one
    there(store, "c")


def test_the_model_beside_which_another_loads_stays(nets: Nets) -> None:
    store = nets.store(2)
    nets.check(store, "a")
    nets.check(store, "b")
    assert store.prefetch("c", beside="a")
    there(store, "c")
    assert store.resident == ("a", "c")
    assert nets.store(1).prefetch("a", beside="b") is not False


def test_a_call_helps_the_thread_that_loads(nets: Nets) -> None:
    gate = Gate()
    store = nets.store(2, b=gate)
    store.prefetch("b")
    assert gate.reached.wait(60)
    waits = threading.Thread(target=nets.check, args=(store, "b"))
    waits.start()
    gate.open.set()
    waits.join(60)
    assert store.resident == ("b",)


def test_a_call_takes_over_from_a_thread_that_starves(
    nets: Nets, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, on = threading.Event(), threading.Event()
    read = CpuMemory.read

    def starve(self: CpuMemory, *arguments: Any) -> None:
        if threading.current_thread() in loading_threads():
            reached.set()
            assert on.wait(60)
        read(self, *arguments)

    monkeypatch.setattr(CpuMemory, "read", starve)
    store = nets.store(1)
    store.prefetch("b")
    assert reached.wait(60)
    nets.check(store, "b")
    waits = threading.Thread(target=nets.check, args=(store, "a"))
    waits.start()
    while not store._memory._waiting:
        time.sleep(0.001)
    assert store.resident == ("b",)  # the other thread may still write into it
    on.set()
    waits.join(60)
    assert store.resident == ("a",)


def test_room_is_made_by_ending_loads_that_nobody_needs(nets: Nets) -> None:
    gate = Gate()
    store = nets.store(1, b=gate)
    store.prefetch("b")
    assert gate.reached.wait(60)
    waits = threading.Thread(target=nets.check, args=(store, "a"))
    waits.start()
    while not store._memory._waiting:
        time.sleep(0.001)
    gate.open.set()
    waits.join(60)
    assert store.resident == ("a",)
    assert not store.failed


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="needs priorities")
def test_the_thread_that_loads_is_nice_and_no_other(nets: Nets) -> None:
    found = []

    def build() -> torch.nn.Module:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return network(8)

    here = os.getpriority(os.PRIO_PROCESS, 0)
    store = nets.store(1, a=build, b=build)
    store.prefetch("a")
    there(store, "a")
    store["b"](nets.x)
    assert found == [min(here + 10, 19), here]
    assert os.getpriority(os.PRIO_PROCESS, 0) == here


def test_the_thread_that_loads_naps_until_somebody_needs_the_model(
    nets: Nets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it naps, the running model has the GIL."""
    slept: list[bool] = []
    gate = Gate()

    def build() -> torch.nn.Module:
        torch.ones(1)
        slept.clear()
        gate()
        return network(8)

    store = nets.store(3, b=build, c=build)
    monkeypatch.setattr(time, "sleep", lambda seconds: slept.append(seconds > 0.0))
    gate.open.set()
    store.prefetch("b")
    there(store, "b")
    assert len(slept) >= 4  # the weights of the network, and their initialisation
    assert all(slept)
    store.load("c")
    assert slept == []
    gate.open.clear()
    gate.reached.clear()
    store = nets.store(3, b=build, c=build)
    store.prefetch("b")
    assert gate.reached.wait(60)
    waits = threading.Thread(target=store.load, args=("b",))
    waits.start()
    while store._memory.entries["b"].load.workers < 2:  # type: ignore[union-attr]
        pass
    gate.open.set()
    waits.join(60)
    assert slept == []


def test_delay(nets: Nets, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    gate = Gate()

    def build() -> torch.nn.Module:
        now[0] += 4.0
        return network(8)

    store = nets.store(3, a=build, b=gate)
    assert store.delay("a") == pytest.approx(nets.size / 2e8)  # before the first load
    nets.check(store, "a")
    assert store.delay("a") == 0.0
    assert store.delay("b") == pytest.approx(4.0)  # as many bytes
    store.prefetch("b")
    assert gate.reached.wait(60)
    now[0] += 1.0
    assert store.delay("b") == pytest.approx(3.0)
    now[0] += 7.0
    assert store.delay("b") == pytest.approx(0.4)  # overdue
    gate.open.set()
    there(store, "b")
    assert store.delay("b") == 0.0


# --------------------------------------------------------------------------------------- its end


def test_close_leaves_no_thread_and_no_model(nets: Nets) -> None:
    gate = Gate()
    with nets.store(2, b=gate) as store:
        nets.check(store, "a")
        store.prefetch("b")
        assert gate.reached.wait(60)
        threading.Timer(0.05, gate.open.set).start()
    store.close()
    assert loading_threads() == []
    assert (store.resident, store.used) == ((), 0)
    assert repr(store).endswith("closed>")
    for act in (lambda: store["a"](nets.x), lambda: store.prefetch("a")):
        with pytest.raises(RuntimeError, match="this Store is closed"):
            act()


def test_a_load_that_ends_after_close_leaves_nothing(nets: Nets) -> None:
    gate, raised = Gate(), []
    store = nets.store(1, a=gate)

    def call() -> None:
        with pytest.raises(RuntimeError, match="this Store is closed"):
            store["a"](nets.x)
        raised.append(True)

    calls = threading.Thread(target=call)
    calls.start()
    assert gate.reached.wait(60)
    store.close()
    gate.open.set()
    calls.join(60)
    assert raised
    assert (store.resident, store.used) == ((), 0)


def test_where_no_thread_starts_nothing_is_left(
    nets: Nets, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    store = nets.store(1)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            store.prefetch("a")
    assert store.used == 0
    assert store.prefetch("b")
    there(store, "b")
    store.close()


def test_a_forked_child_has_no_thread_and_loads_anew(nets: Nets) -> None:
    gate = Gate()
    store = nets.store(2, b=gate)
    nets.check(store, "a")
    store.prefetch("b")
    assert gate.reached.wait(60)

    def child() -> None:
        assert loading_threads() == []
        assert (store.resident, store.used) == (("a",), nets.size)
        gate.open.set()
        nets.check(store, "b")
        assert store.prefetch("c")
        store.close()

    assert in_child(child) == 0
    gate.open.set()
    there(store, "b")
