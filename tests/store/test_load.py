"""One load by several threads: nobody waits for one that starves, and every piece is right."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from stores import Gate, network, save

from alert.store import weights
from alert.store.load import Cancelled, Load, Source
from alert.store.place import Arrival, CpuMemory, Tensors
from alert.store.weights import Part, Weights

WIDTH = 16
X = torch.ones(WIDTH)


class Starving(CpuMemory):
    """Lets the thread that reads a certain piece first starve in the middle of it."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.reached = threading.Event()
        self.on = threading.Event()
        self.reads = 0

    def read(self, weights: Weights, piece: Sequence[Part], tensors: Tensors) -> None:
        self.reads += 1
        if self.reads == self.number:
            self.reached.set()
            assert self.on.wait(60)
        super().read(weights, piece, tensors)


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> torch.nn.Module:
    monkeypatch.setattr(weights, "PIECE", 100)
    net = network(WIDTH).eval()
    save(tmp_path / "w.safetensors", net.state_dict())
    return net


def load_of(path: Path, place: CpuMemory, build: Gate | None = None) -> Load:
    source = Source("net", build or (lambda: network(WIDTH)), path / "w.safetensors")
    return Load(source, place, lambda size: None, [], is_beside=False)


def work_in_thread(load: Load) -> threading.Thread:
    thread = threading.Thread(target=load.work)
    thread.start()
    return thread


@pytest.mark.parametrize("number", [1, 5, 11])
def test_what_starves_in_a_piece_is_taken_over(
    tmp_path: Path, net: torch.nn.Module, number: int
) -> None:
    place = Starving(number)
    load = load_of(tmp_path, place)
    thread = work_in_thread(load)
    assert place.reached.wait(60)
    load.work(patience=0.01)  # it never ends the wait of the other
    assert load.module is not None
    assert torch.equal(load.module(X), net(X))
    assert place.reads == 12  # eleven pieces, one of them twice
    place.on.set()
    thread.join(60)
    assert torch.equal(load.module(X), net(X))
    load.close()


def test_what_starves_while_building_is_taken_over(tmp_path: Path, net: torch.nn.Module) -> None:
    gate = Gate(WIDTH)
    load = load_of(tmp_path, CpuMemory(), gate)
    thread = work_in_thread(load)
    assert gate.reached.wait(60)
    gate.reached.clear()
    taking = threading.Thread(target=load.work, kwargs={"patience": 0.01})
    taking.start()
    assert gate.reached.wait(60)  # it builds, too
    gate.open.set()
    taking.join(60)
    thread.join(60)
    assert gate.builds == 2
    assert load.module is not None
    assert torch.equal(load.module(X), net(X))
    load.close()


def test_many_threads_share_a_load(tmp_path: Path, net: torch.nn.Module) -> None:
    for _ in range(20):
        place = Starving(0)
        load = load_of(tmp_path, place)
        threads = [threading.Thread(target=load.work, args=(60.0,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        load.work()
        for thread in threads:
            thread.join(60)
        assert load.module is not None
        assert torch.equal(load.module(X), net(X))
        assert place.reads == 11
        load.close()


def test_an_ended_load_stops_at_the_next_piece(tmp_path: Path, net: torch.nn.Module) -> None:
    place = Starving(3)
    load = load_of(tmp_path, place)
    thread = work_in_thread(load)
    assert place.reached.wait(60)
    load.end(Cancelled())
    place.on.set()
    thread.join(60)
    assert place.reads == 3
    assert load.module is None
    assert isinstance(load.error, Cancelled)
    load.work(patience=60.0)  # at once
    load.close()


def test_what_has_to_go_is_freed_before_anything_is_built(tmp_path: Path) -> None:
    save(tmp_path / "w.safetensors", network(WIDTH).state_dict())
    going = [network(WIDTH)]
    old = weakref.ref(going[0])
    seen = []

    def build() -> torch.nn.Module:
        seen.append(old())
        return network(WIDTH)

    source = Source("net", build, tmp_path / "w.safetensors")
    modules: list[tuple[torch.nn.Module, Arrival | None]] = [(going.pop(), None)]
    load = Load(source, CpuMemory(), lambda size: None, modules, is_beside=False)
    del modules
    load.work()
    assert seen == [None]
    load.close()


def test_who_waits_learns_of_a_failure(tmp_path: Path) -> None:
    save(tmp_path / "w.safetensors", network(3).state_dict())
    load = load_of(tmp_path, CpuMemory())
    waits = threading.Thread(target=load.work, kwargs={"patience": 60.0})
    waits.start()
    load.work()
    waits.join(60)
    assert not waits.is_alive()
    assert isinstance(load.error, RuntimeError)
    load.close()
