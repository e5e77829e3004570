"""Waiting for a GPU, on a faked one: this runs no CUDA, it checks who waits for what and when."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from simulation import CHEAP, EXITS, Machine, Package, profile

import alert
from alert.running import completion
from alert.running.completion import Completion
from alert.running.runner import Runner

LATE = 1e-4  # seconds: so late the end may be seen


class Gpu:
    """Takes work at once, and has done it later."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.done = {0: machine.now, 1: machine.now}  # of each card: when its work is done
        self.streams: list[int] = []  # asked for
        self.busy = 0.0  # seconds of the CPU while waiting

    def launch(self, seconds: float, card: int = 0) -> None:
        self.done[card] = max(self.done[card], self.machine.now) + seconds

    def current_stream(self, device: str) -> int:
        card = int(device.rpartition(":")[2])
        self.streams.append(card)
        return card

    def spend(self, seconds: float) -> None:
        self.machine.now += seconds
        self.busy += seconds

    def sleep(self, seconds: float) -> None:
        """Sleep as Linux does: waking up is late, and takes a few microseconds of the CPU."""
        self.machine.now += seconds + 5e-5
        self.spend(5e-6)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    machine = Machine()
    gpu = Gpu(machine)

    class Event:
        until = 0.0

        def record(self, stream: int) -> None:
            self.until = gpu.done[stream]

        def query(self) -> bool:
            gpu.spend(2e-6)
            return machine.now >= self.until

    time = SimpleNamespace(perf_counter=machine.clock, sleep=gpu.sleep)
    monkeypatch.setattr(completion, "time", time)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", gpu.current_stream)
    return gpu


class OnGpu(torch.nn.Module):
    """A module with parameters on cards; it returns before its work is done."""

    def __init__(self, gpu: Gpu, seconds: float, cards: tuple[int, ...] = (0,)) -> None:
        super().__init__()
        self.eval()
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
    assert runner.history["latency"][0] == pytest.approx(0.04, abs=4 * LATE)  # and the cap waits
    assert runner.history["energy"][0] == pytest.approx(0.4, abs=10 * 4 * LATE)
    assert runner.history["start"][0] == pytest.approx(start + 0.5, abs=LATE)
    assert runner.history["response"][0] == pytest.approx(0.54, abs=5 * LATE)


def test_every_exit_lasts_until_the_gpu_is_done(gpu: Gpu) -> None:
    table = profile({"large": 0.03}, {"large": 0.8}, EXITS)
    goal = alert.Goal.max_accuracy(deadline=0.1, energy=99.0)
    model = StaircaseOnGpu(gpu, 0.04)  # 40, 80 and 120 ms
    runner = Runner(
        [model], table, goal, Package(gpu.machine), clock=gpu.machine.clock, method="paper"
    )
    assert runner("x") == 1
    assert runner.history["latency"][0] == pytest.approx(0.08, abs=2 * LATE)


def test_waits_for_every_card_of_a_model(gpu: Gpu) -> None:
    wait = Completion("net", OnGpu(gpu, 0.0, cards=(1, 0, 1)))
    gpu.launch(0.2, card=1)
    start = gpu.machine.now
    wait()
    assert start + 0.2 <= gpu.machine.now < start + 0.2 + LATE
    assert gpu.streams == [0, 1]


def late(gpu: Gpu, wait: Any, seconds: float) -> float:
    """Return how late a wait sees the end of work."""
    end = gpu.machine.now + seconds
    gpu.launch(seconds)
    wait()
    return gpu.machine.now - end


def test_nothing_to_wait_for_takes_one_look(gpu: Gpu) -> None:
    wait = completion._cuda(torch, ["cuda:0", "cuda:1"])
    wait()
    assert gpu.busy == 2 * 2e-6


@pytest.mark.parametrize("seconds", [1e-3, 5e-3, 2e-2, 0.2])
def test_the_end_is_seen_soon_and_a_core_is_not_kept_busy(gpu: Gpu, seconds: float) -> None:
    wait = completion._cuda(torch, ["cuda:0"])
    before = seconds
    for now in (seconds, 1.05 * seconds, 0.97 * seconds, 0.97 * seconds):
        gpu.busy = 0.0
        assert late(gpu, wait, now) < LATE + abs(now - before) / 16
        before = now
        wait()  # nothing is to be waited for: this tells nothing of the next time
    assert gpu.busy < (0.2 if seconds < 0.01 else 0.06) * seconds  # naps as short as can be: 0.09


def test_work_that_ends_early_or_late_is_seen_with_a_share_of_the_difference(gpu: Gpu) -> None:
    wait = completion._cuda(torch, ["cuda:0"])
    late(gpu, wait, 0.02)
    for seconds in (0.005, 0.02, 0.1, 0.03):
        before = gpu.machine.now
        assert late(gpu, wait, seconds) < 0.08 / 16 + LATE, seconds
        assert gpu.machine.now > before
    assert late(gpu, wait, 5e-5) < 1e-5  # a short one is not slept for


def test_two_cards_are_waited_for_until_the_later_one_is_done(gpu: Gpu) -> None:
    wait = completion._cuda(torch, ["cuda:0", "cuda:1"])
    end = gpu.machine.now + 0.3
    gpu.launch(0.2, card=0)
    gpu.launch(0.3, card=1)
    wait()
    assert end <= gpu.machine.now < end + LATE


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
    assert table.latency == pytest.approx(table.latency * 0 + [[0.02, 0.01]], abs=2 * LATE)


def test_models_on_the_cpu_wait_for_nothing(gpu: Gpu) -> None:
    gpu.launch(0.2)
    start = gpu.machine.now
    for model in (torch.nn.Linear(2, 2), str):
        Completion("net", model)()
    assert gpu.machine.now == start


def test_a_plain_callable_waits_once_cuda_is_in_use(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, module = Completion("plain", str), Completion("module", torch.nn.Linear(2, 2))
    for wait in (plain, module):
        wait()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    gpu.launch(0.2, card=1)
    start = gpu.machine.now
    module()
    assert gpu.machine.now == start
    plain()
    assert start + 0.2 <= gpu.machine.now < start + 0.2 + LATE


class Moving(OnGpu):
    """A module that is on the CPU until it is moved."""

    def __init__(self, gpu: Gpu, cards: tuple[int, ...] = ()) -> None:
        super().__init__(gpu, 0.04, cards)

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        yield from super().parameters() if self.cards else [SimpleNamespace(device=CPU)]

    def forward(self, x: Any) -> Any:
        if not self.cards:
            self.gpu.machine.work(0.04)
        return super().forward(x)


CPU = torch.device("cpu")


def runner_of(gpu: Gpu, model: Any) -> Runner:
    table = profile({"net": 0.01}, {"net": 0.8})
    return Runner([model], table, CHEAP, Package(gpu.machine), clock=gpu.machine.clock)


@pytest.mark.parametrize("call", ["module", "method", "partial", "lambda"])
def test_a_model_that_moves_after_the_runner_was_made_is_waited_for(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    net = Moving(gpu)
    models: dict[str, Any] = {
        "module": net,
        "method": net.forward,
        "partial": functools.partial(net),
        "lambda": lambda x: net(x),
    }
    runner = runner_of(gpu, models[call])
    runner("x")
    net.cards = (1,)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: int(call == "lambda"))
    for _ in range(3):
        runner("x")
    assert runner.history["latency"] == pytest.approx(0.16, abs=4 * LATE)


def test_a_module_that_is_made_by_its_first_input_is_waited_for(gpu: Gpu) -> None:
    class Lazy(Moving):
        def parameters(self, recurse: bool = True) -> Iterator[Any]:
            yield from super().parameters() if self.cards else []

        def forward(self, x: Any) -> Any:
            self.cards = (0,)
            return super().forward(x)

    runner = runner_of(gpu, Lazy(gpu))
    runner("x")
    assert runner.history["latency"] == pytest.approx(0.16, abs=4 * LATE)


@pytest.mark.parametrize(
    "pack", [lambda y: y, lambda y: [y], lambda y: (y, None), lambda y: {1: y}]
)
def test_the_device_of_an_output_is_waited_for(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch, pack: Any
) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)

    def elsewhere(x: Any) -> Any:
        gpu.launch(0.04, card=1)
        return pack(SimpleNamespace(device=torch.device("cuda", 1)))

    runner = runner_of(gpu, elsewhere)
    for _ in range(3):
        runner("x")
    assert runner.history["latency"] == pytest.approx(0.16, abs=4 * LATE)


# ------------------------------------------------------------------------------ other accelerators


class Elsewhere(torch.nn.Module):
    """A module on a device of some type."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = torch.device(place)

    def buffers(self, recurse: bool = True) -> Iterator[Any]:
        yield SimpleNamespace(device=self.place)


@pytest.mark.parametrize("place", ["xpu:1", "mps:0", "hpu:0", "mtia:2"])
def test_waits_by_the_type_of_the_device(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []
    kind = place.partition(":")[0]

    def synchronize(device: Any = None) -> None:
        waited.append(str(device))

    def without_argument() -> None:
        waited.append("all")

    room = SimpleNamespace(synchronize=without_argument if kind == "mps" else synchronize)
    monkeypatch.setattr(torch, kind, room, raising=False)
    wait = Completion("net", Elsewhere(place))
    wait()
    waited.clear()
    wait()
    assert waited == ["all" if kind == "mps" else place]


def accelerator(waited: list[str]) -> Any:
    return SimpleNamespace(
        is_available=lambda: True,
        current_accelerator=lambda: torch.device("xpu"),
        current_device_index=lambda: 1,
        synchronize=lambda device: waited.append(str(device)),
    )


def test_waits_by_the_accelerator_that_torch_names(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []
    used = [False]
    monkeypatch.setattr(torch, "accelerator", accelerator(waited))
    monkeypatch.setattr(torch, "xpu", SimpleNamespace(is_initialized=lambda: used[0]))
    module, plain = Completion("module", Elsewhere("xpu:0")), Completion("plain", str)
    plain()
    assert waited == []  # nothing has used it
    used[0] = True
    module()
    plain()
    assert set(waited) == {"xpu:0", "xpu:1"}


def test_a_device_that_nothing_waits_for_is_named_in_one_warning() -> None:
    wait = Completion("net", Elsewhere("xpu:0"))
    with pytest.warns(UserWarning, match="net: nothing tells when its work on xpu:0 is done"):
        wait()
    wait._place = "elsewhere"
    wait()


def test_arrays_of_jax_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[Any] = []
    jax = SimpleNamespace(block_until_ready=waited.append)
    monkeypatch.setitem(sys.modules, "jax", jax)
    machine = Machine()
    table = profile({"net": 0.01}, {"net": 0.8})
    runner = Runner([lambda x: (x, 1)], table, CHEAP, Package(machine), clock=machine.clock)
    runner("x")
    assert waited == [("x", 1)]
