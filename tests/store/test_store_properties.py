"""Whatever several threads do with a store: it keeps to its budget, and every output is right."""

from __future__ import annotations

import gc
import math
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from stores import loading_threads, network, save, size
from threads import at_once

import alert
from alert.store import building, entry, weights

WIDTHS = {"a": 4, "b": 5, "c": 6, "d": 8, "anytime": 5}
LARGEST = size(max(WIDTHS.values()))
X = torch.ones(8)


class RefusedError(Exception):
    """A network could not be built."""


class Network(torch.nn.Module):
    """Gives its name away. Counts the bytes of all networks that are in memory."""

    in_memory = 0
    most = 0

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.linear = network(WIDTHS[name])
        self.counted = 0

    def count(self) -> None:
        self.counted = size(WIDTHS[self.name])
        Network.in_memory += self.counted
        Network.most = max(Network.most, Network.in_memory)

    def __del__(self) -> None:
        Network.in_memory -= self.counted

    def forward(self, x: torch.Tensor) -> Any:
        result = self.linear(x[: WIDTHS[self.name]])
        return iter([result, result]) if self.name == "anytime" else result


class Counted(entry.Entry):
    """Notes the most that was ever reserved."""

    total = 0
    most = 0

    @property
    def reserved(self) -> int:
        return self._reserved

    @reserved.setter
    def reserved(self, value: int) -> None:
        Counted.total += value - getattr(self, "_reserved", 0)
        Counted.most = max(Counted.most, Counted.total)
        self._reserved = value


class Step(NamedTuple):
    act: str
    name: str
    other: str


steps = st.builds(
    Step,
    st.sampled_from(["call", "call", "call", "prefetch", "delay", "load", "break", "mend"]),
    st.sampled_from(list(WIDTHS)),
    st.sampled_from(list(WIDTHS)),
)
threads = st.lists(st.lists(steps, max_size=12), min_size=1, max_size=4)


class Bench:
    def __init__(self, folder: Path, budget: int) -> None:
        self.broken: set[str] = set()
        self.expected = {}
        models = {}
        for name in WIDTHS:
            torch.manual_seed(WIDTHS[name])
            net = Network(name).eval()
            save(folder / f"{name}.safetensors", net.state_dict())
            output = net(X)
            self.expected[name] = next(output) if name == "anytime" else output
            models[name] = (lambda name=name: self.build(name)), folder / f"{name}.safetensors"
        self.store = alert.Store(models, budget)

    def build(self, name: str) -> Network:
        if name in self.broken:
            raise RefusedError(name)
        return Network(name)

    def take(self, step: Step) -> None:
        act, name, other = step
        model = self.store[name]
        try:
            if act == "call":
                output = model(X)
                found = list(output) if name == "anytime" else [output]
                assert all(torch.equal(f, self.expected[name]) for f in found)
            elif act == "prefetch":
                model.prefetch(self.store[other])
            elif act == "delay":
                assert 0.0 <= model.delay() <= math.inf
            elif act == "load":
                model.load()
            elif act == "break":
                self.broken.add(name)
            else:
                self.broken.discard(name)
        except RefusedError:
            pass


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pieces be small, and everything in memory be counted."""
    monkeypatch.setattr(entry, "Entry", Counted)
    monkeypatch.setattr(weights, "PIECE", 50)
    complete = building.Building.complete

    def completed(self: building.Building) -> torch.nn.Module:
        module = complete(self)
        assert isinstance(module, Network)
        module.count()
        return module

    monkeypatch.setattr(building.Building, "complete", completed)


@pytest.mark.usefixtures("counted")
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(threads=threads, room=st.floats(1.0, 3.5))
@example(threads=[[Step("call", n, n) for n in "abcd" * 3] for _ in range(4)], room=1.0)
@example(threads=[[Step("prefetch", n, "a") for n in "dcbd" * 3] for _ in range(4)], room=1.5)
def test_whatever_threads_do(
    threads: list[list[Step]], room: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    Counted.total = Counted.most = Network.in_memory = Network.most = 0
    budget = int(room * LARGEST)
    bench = Bench(tmp_path_factory.mktemp("store"), budget)

    def work(steps: list[Step]) -> None:
        for step in steps:
            bench.take(step)
            assert bench.store.used <= budget

    at_once(*((lambda steps=steps: work(steps)) for steps in threads))
    store = bench.store
    if store._memory._thread is not None:
        store._memory._thread.join(60)
    assert Counted.most <= budget
    assert Network.most <= budget
    sizes = {name: size(width) for name, width in WIDTHS.items()}
    assert store.used == sum(sizes[name] for name in store.resident)
    assert all(not e.users and e.load is None for e in store._memory.entries.values())
    bench.broken.clear()
    for name in WIDTHS:
        bench.take(Step("call", name, name))
        assert name in store.resident
    store.close()
    gc.collect()
    assert (store.used, Network.in_memory, loading_threads()) == (0, 0, [])
