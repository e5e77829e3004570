"""Models that come and go: the mapping, the budget, what goes first, and what fails."""

from __future__ import annotations

import gc
import math
import threading
import time
import weakref
from collections.abc import Iterator

import pytest
import torch
from stores import Nets, network, save, there

import alert

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
