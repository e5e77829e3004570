"""Models that come and go: the mapping, the budget, what goes first, and who loads when."""

from __future__ import annotations

import gc
import math
import os
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from forking import in_child
from stores import Gate, Nets, loading_threads, network, save, there

import alert
from alert.store.place import CpuMemory


@pytest.fixture
def nets(tmp_path: Path) -> Nets:
    return Nets(tmp_path, "a", "b", "c")


# ------------------------------------------------------------------------------------- a mapping


def test_is_a_mapping_of_names_to_models_that_run(nets: Nets) -> None:
    store = nets.store(3)
    assert list(store) == ["a", "b", "c"]
    assert len(store) == 3
    assert "a" in store
    assert "d" not in store
    with pytest.raises(KeyError):
        store["d"]
    for name in store:
        nets.check(store, name)
    assert store["a"] is store["a"]


def test_says_what_is_in_memory(nets: Nets) -> None:
    store = nets.store(2)
    assert (store.resident, store.used, store.budget) == ((), 0, 2 * nets.size)
    assert repr(store) == "<alert.Store of 3 models, 0 B of 576 B; in memory: none>"
    nets.check(store, "b")
    assert (store.resident, store.used) == (("b",), nets.size)
    assert (store.loads, store.waits) == (1, 1)
    nets.check(store, "b")
    assert (store.loads, store.waits) == (1, 1)
    store.load("c")
    store.load("c")
    assert (store.resident, store.loads, store.waits) == (("b", "c"), 2, 2)
    assert repr(store["b"]) == "<'b' of an alert.Store>"


def test_models_are_in_evaluation_mode(nets: Nets) -> None:
    modes = []

    class Net(torch.nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            modes.append(self.training)
            return super().forward(input)

    nets.check(nets.store(3, a=lambda: Net(8, 8)), "a")
    assert modes == [False]


def test_a_model_loaded_in_inference_mode_serves_outside_of_it(nets: Nets) -> None:
    store = nets.store(3)
    with torch.inference_mode():
        store["a"](nets.x)
    x = nets.x.clone().requires_grad_()
    store["a"](x).sum().backward()  # refused for tensors that were made in inference mode
    assert x.grad is not None


# -------------------------------------------------------------------------------------- the budget


def test_the_least_recently_used_goes(nets: Nets) -> None:
    store = nets.store(2)
    for name in ("a", "b", "a", "c"):
        nets.check(store, name)
    assert store.resident == ("a", "c")
    nets.check(store, "b")
    assert store.resident == ("b", "c")
    assert store.used == 2 * nets.size


def test_what_was_wished_last_goes_last(nets: Nets) -> None:
    store = nets.store(2)
    assert store.prefetch("a")
    there(store, "a")
    for name in ("b", "c", "b", "c"):
        nets.check(store, name)
    assert store.resident == ("a", "c")
    store.prefetch("c")  # wished now: a is like any other
    nets.check(store, "b")
    assert store.resident == ("b", "c")


def test_a_model_that_goes_is_freed_at_once(nets: Nets) -> None:
    modules = []

    def build() -> torch.nn.Module:
        module = network(8)
        modules.append(weakref.ref(module))
        return module

    store = nets.store(1, a=build)
    nets.check(store, "a")
    assert modules[-1]() is not None
    gc.disable()
    try:
        nets.check(store, "b")
        assert modules[-1]() is None
    finally:
        gc.enable()


def test_a_model_is_fresh_until_it_has_run(nets: Nets) -> None:
    store = nets.store(1)
    for _ in range(2):
        store.load("a")
        assert store["a"].is_fresh
        nets.check(store, "a")
        assert not store["a"].is_fresh
        nets.check(store, "b")  # a goes


def test_a_running_model_stays(nets: Nets) -> None:
    inside, on = threading.Event(), threading.Event()

    class Net(torch.nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            inside.set()
            assert on.wait(60)
            return super().forward(input)

    store = nets.store(1, a=lambda: Net(8, 8))
    runs = threading.Thread(target=nets.check, args=(store, "a"))
    runs.start()
    assert inside.wait(60)
    assert not store.prefetch("b")
    waits = threading.Thread(target=nets.check, args=(store, "b"))
    waits.start()
    while not store._memory._waiting:
        time.sleep(0.001)
    assert store.resident == ("a",)
    on.set()
    for thread in (runs, waits):
        thread.join(60)
    assert store.resident == ("b",)


def test_a_model_larger_than_the_budget_is_refused_at_once(nets: Nets) -> None:
    with pytest.raises(ValueError, match="budget: expected at least 288 B, which 'a' alone takes"):
        nets.store(0.99)


def test_bytes_that_no_file_has_count_too(nets: Nets) -> None:
    class Net(torch.nn.Linear):
        def __init__(self) -> None:
            super().__init__(8, 8)
            self.register_buffer("table", torch.arange(10), persistent=False)

    store = nets.store(2, a=Net)
    nets.check(store, "b")
    nets.check(store, "a")  # both fit by their files only
    assert (store.resident, store.used) == (("a",), nets.size + 80)
    with pytest.raises(ValueError, match="budget: expected at least 368 B"):
        nets.store(1, a=Net)["a"](nets.x)


def test_a_thread_does_not_wait_for_itself(nets: Nets) -> None:
    class Outer(torch.nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = store["b"](input)
            return result

    store = nets.store(1, a=lambda: Outer(8, 8))
    with pytest.raises(RuntimeError, match="b: does not fit into the budget of 288 B beside a"):
        store["a"](nets.x)
    nets.check(store, "b")


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


# ---------------------------------------------------------------------------------------- failures


def test_a_failed_load_raises_at_the_call_and_others_go_on(nets: Nets) -> None:
    store = nets.store(2)
    path = nets.models["b"][1]
    raw = path.read_bytes()
    path.unlink()
    nets.check(store, "a")
    with pytest.raises(FileNotFoundError):
        store["b"](nets.x)
    nets.check(store, "a")
    assert store.used == nets.size
    assert list(store.failed) == ["b"]
    assert store.delay("b") == math.inf
    path.write_bytes(raw)
    nets.check(store, "b")
    assert not store.failed


def test_a_load_that_failed_beside_is_tried_again_by_the_call(nets: Nets) -> None:
    store = nets.store(2)
    save(nets.models["b"][1], torch.nn.Linear(3, 3).state_dict())
    assert store.prefetch("b")
    there(store, "b")
    assert isinstance(store.failed["b"], RuntimeError)
    nets.check(store, "a")
    with pytest.raises(RuntimeError, match=r"Linear.*\n.*size mismatch for weight"):
        store["b"](nets.x)
    assert store.used == nets.size


def test_an_interrupted_load_leaves_nothing(nets: Nets) -> None:
    def build() -> torch.nn.Module:
        raise KeyboardInterrupt

    store = nets.store(1, a=build)
    with pytest.raises(KeyboardInterrupt):
        store["a"](nets.x)
    assert (store.used, store.failed) == (0, {})
    nets.check(store, "b")


def test_a_model_that_raises_is_let_go(nets: Nets) -> None:
    store = nets.store(1)
    with pytest.raises(RuntimeError):
        store["a"](torch.ones(3))
    nets.check(store, "b")


# ----------------------------------------------------------------------------------- anytime models


class Staircase(torch.nn.Linear):
    def forward(self, input: torch.Tensor) -> Iterator[torch.Tensor]:  # type: ignore[override]
        for _ in range(2):
            yield super().forward(input)


@pytest.mark.parametrize("end", ["exhausted", "closed", "dropped", "never begun"])
def test_an_anytime_model_stays_until_its_last_output(nets: Nets, end: str) -> None:
    store = nets.store(1, a=lambda: Staircase(8, 8))
    outputs = store["a"](nets.x)
    if end != "never begun":
        assert torch.equal(next(outputs), nets.expected["a"])
    assert not store.prefetch("b")
    if end == "exhausted":
        assert len(list(outputs)) == 1
    elif end == "closed":
        outputs.close()
        outputs.close()
    del outputs
    nets.check(store, "b")


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


# --------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("models", "budget", "device", "error", "message"),
    [
        ([], 1, "cpu", TypeError, "models: expected a dict of pairs"),
        ({}, 1, "cpu", ValueError, "models: expected at least one model, got none"),
        ({3: (len, "f")}, 1, "cpu", TypeError, "models: expected names that are str, got 3"),
        ({"a": len}, 1, "cpu", TypeError, r"models\['a'\]: expected a pair .*, got builtin"),
        ({"a": ("f", len)}, 1, "cpu", TypeError, r"models\['a'\]\[0\]: expected a callable"),
        ({"a": (torch.nn.ReLU(), "f")}, 1, "cpu", TypeError, "builds the module, got a ReLU"),
        ({"a": (len, 3)}, 1, "cpu", TypeError, "path: expected a str"),
        ({"a": (len, "f")}, 0, "cpu", ValueError, "budget: expected an integer >= 1"),
        ({"a": (len, "f")}, "2 dogs", "cpu", ValueError, "budget: expected bytes, or a text"),
        ({"a": (len, "f")}, 1, "cpu", FileNotFoundError, "'f'"),
        (None, "1 GB", "meta", ValueError, "device: expected 'cpu' or 'cuda', got 'meta'"),
    ],
)
def test_refuses(
    nets: Nets, models: object, budget: object, device: str, error: type[Exception], message: str
) -> None:
    given: object = nets.models if models is None else models
    with pytest.raises(error, match=message):
        alert.Store(given, budget, device=device)  # type: ignore[arg-type]


def test_refuses_what_builds_no_module(nets: Nets) -> None:
    store = nets.store(1, a=lambda: 3)  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match=r"expected it to build a torch\.nn\.Module, got int"):
        store["a"](nets.x)
