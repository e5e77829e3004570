"""Waiting for a GPU, on a faked one: this runs no CUDA, it checks who waits for what and when."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from simulation import CHEAP, EXITS, Machine, Package, profile

import alert
from alert.running.models import waiter
from alert.running.runner import Runner


class Gpu:
    """Takes work at once, and has done it later."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.done = {0: machine.now, 1: machine.now}  # of each card: when its work is done
        self.streams: list[int] = []  # asked for

    def launch(self, seconds: float, card: int = 0) -> None:
        self.done[card] = max(self.done[card], self.machine.now) + seconds

    def current_stream(self, device: str) -> int:
        card = int(device.rpartition(":")[2])
        self.streams.append(card)
        return card


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    machine = Machine()
    gpu = Gpu(machine)

    class Event:
        until = 0.0

        def record(self, stream: int) -> None:
            self.until = gpu.done[stream]

        def synchronize(self) -> None:
            machine.now = max(machine.now, self.until)

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", gpu.current_stream)
    return gpu


class OnGpu(torch.nn.Module):
    """A module with parameters on cards; it returns before its work is done."""

    def __init__(self, gpu: Gpu, seconds: float, cards: tuple[int, ...] = (0,)) -> None:
        super().__init__()
        self.gpu = gpu
        self.seconds = seconds
        self.cards = cards

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        for card in self.cards:
            yield SimpleNamespace(device=Card(card))

    def forward(self, x: Any) -> Any:
        for card in self.cards:
            self.gpu.launch(self.seconds, card)
        return x


class Card:
    type = "cuda"

    def __init__(self, index: int) -> None:
        self.index = index

    def __str__(self) -> str:
        return f"cuda:{self.index}"


class StaircaseOnGpu(OnGpu):
    def forward(self, x: Any) -> Iterator[Any]:
        for k in range(3):
            self.gpu.launch(self.seconds)
            yield k


def test_latency_lasts_until_the_gpu_is_done(gpu: Gpu) -> None:
    models = [OnGpu(gpu, 0.01), OnGpu(gpu, 0.03)]
    runner = Runner(models, profile(), CHEAP, Package(gpu.machine), clock=gpu.machine.clock)
    gpu.launch(0.5)  # by someone else, before: not this model's latency
    start = gpu.machine.now
    runner("x")
    assert runner.history["power_cap"][0] == 10.0
    assert runner.history["latency"][0] == pytest.approx(0.04, rel=1e-9)
    assert runner.history["energy"][0] == pytest.approx(0.4, rel=1e-9)
    assert runner.history["start"][0] == pytest.approx(start + 0.5, rel=1e-12)
    assert runner.history["response"][0] == pytest.approx(0.54, rel=1e-9)


def test_every_exit_lasts_until_the_gpu_is_done(gpu: Gpu) -> None:
    table = profile({"large": 0.03}, {"large": 0.8}, EXITS)
    goal = alert.Goal.max_accuracy(deadline=0.1, energy=99.0)
    model = StaircaseOnGpu(gpu, 0.04)  # 40, 80 and 120 ms
    runner = Runner(
        [model], table, goal, Package(gpu.machine), clock=gpu.machine.clock, method="paper"
    )
    assert runner("x") == 1
    assert runner.history["latency"][0] == pytest.approx(0.08, rel=1e-9)


def test_waits_for_every_card_of_a_model(gpu: Gpu) -> None:
    wait = waiter(OnGpu(gpu, 0.0, cards=(1, 0, 1)))
    assert wait is not None
    gpu.launch(0.2, card=1)
    start = gpu.machine.now
    wait()
    assert gpu.machine.now == start + 0.2
    assert gpu.streams == [0, 1]


def test_profiles_until_the_gpu_is_done(gpu: Gpu) -> None:
    table = alert.Profile.measure(
        {"net": OnGpu(gpu, 0.01)},
        "x",
        accuracy=[0.7],
        power=Package(gpu.machine),
        power_caps=[20.0, 40.0],
        progress=False,
        clock=gpu.machine.clock,
        sleep=gpu.machine.sleep,
    )
    assert table.latency == pytest.approx(table.latency * 0 + [[0.02, 0.01]], rel=1e-9)


def test_models_on_the_cpu_wait_for_nothing() -> None:
    assert waiter(torch.nn.Linear(2, 2)) is None
    assert waiter(str) is None


def test_a_plain_callable_waits_once_cuda_is_in_use(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    wait = waiter(str)
    assert wait is not None
    gpu.launch(0.2, card=1)
    start = gpu.machine.now
    wait()
    assert gpu.machine.now == start + 0.2
    assert waiter(torch.nn.Linear(2, 2)) is None
