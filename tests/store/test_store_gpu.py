"""Loading into a GPU and feeding it, on a faked one: who waits for whom, and what is where when."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_cuda import FakeCuda, OnGpu, Stream
from stores import Nets, save, there

import alert
from alert.store import gpu, weights
from alert.store.tensors import ALIGNMENT
from alert.store.weights import PARTS
from alert.variants import smartdeal


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    fake = FakeCuda(monkeypatch)
    OnGpu.fake, OnGpu.results = fake, []
    return fake


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nets:
    for module in (weights, gpu):
        monkeypatch.setattr(module, "PIECE", 100)  # of 288 bytes
    return Nets(tmp_path, "a", "b", "c")


class Odd(torch.nn.Module):
    """Has a few bytes before its weights, so that these begin anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Module()
        self.first.register_buffer("three", torch.ones(3, dtype=torch.uint8))
        self.second = OnGpu(16, 24)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.second(x)
        return found


def store_of(nets: Nets, room: float) -> alert.Store:
    models = {name: ((lambda: OnGpu(8, 8)), path) for name, (_, path) in nets.models.items()}
    return alert.Store(models, round(room * nets.size), device="cuda")


def result(cuda: FakeCuda) -> torch.Tensor:
    cuda.synchronize()
    (found,) = OnGpu.results
    OnGpu.results.clear()
    assert isinstance(found, torch.Tensor)
    return found


def test_the_stream_of_a_model_waits_for_its_weights(cuda: FakeCuda, nets: Nets) -> None:
    store = store_of(nets, 3)
    for name in (*store, *store):
        store[name](nets.x)
        assert torch.equal(result(cuda), nets.expected[name])


def test_every_stream_that_uses_a_model_waits(cuda: FakeCuda, nets: Nets) -> None:
    store = store_of(nets, 3)
    store["a"](nets.x)  # on the default stream, which does nothing yet
    other = Stream()
    with cuda.stream(other):
        store["a"](nets.x)
    other.work_until(lambda: not other.queue)
    assert torch.equal(OnGpu.results.pop(), nets.expected["a"])
    assert torch.equal(result(cuda), nets.expected["a"])


def test_a_stream_waits_once(cuda: FakeCuda, nets: Nets) -> None:
    store = store_of(nets, 3)
    store["a"](nets.x)
    given = len(cuda.default.queue)
    store["a"](nets.x)
    assert len(cuda.default.queue) == given + 1  # the kernel


def test_two_pinned_buffers_serve_all_loads(cuda: FakeCuda, nets: Nets) -> None:
    store = store_of(nets, 1)
    for name in ("a", "b", "c", "a"):
        store[name](nets.x)
        assert torch.equal(result(cuda), nets.expected[name])
    assert [len(memory) for memory in cuda.pinned] == 2 * [100 + PARTS * ALIGNMENT]


def test_weights_stay_until_the_work_that_uses_them_is_done(cuda: FakeCuda, nets: Nets) -> None:
    store = store_of(nets, 1)
    store["a"](nets.x)
    assert OnGpu.results == []
    store["b"](nets.x)  # makes a go
    assert torch.equal(OnGpu.results.pop(), nets.expected["a"])
    assert torch.equal(result(cuda), nets.expected["b"])


def test_packed_weights_arrive_behind_bytes_that_are_not_aligned(
    cuda: FakeCuda, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    done = smartdeal.decompose(Odd().eval())
    done.save(tmp_path / "odd.sdw")
    store = alert.Store({"odd": (Odd, tmp_path / "odd.sdw")}, "1 MB", device="cuda")
    store["odd"](torch.ones(16))
    weight, bias = (done.model.get_parameter(f"second.{name}") for name in ("weight", "bias"))
    expected = torch.nn.functional.linear(torch.ones(16), weight, bias)
    assert torch.equal(result(cuda), expected)


def test_what_no_file_has_is_copied_behind_the_weights(
    cuda: FakeCuda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams: list[Stream] = []

    def to(module: torch.nn.Module, device: object) -> torch.nn.Module:
        streams.append(cuda.current)
        return module

    monkeypatch.setattr(torch.nn.Module, "to", to)
    path = save(tmp_path / "w.safetensors", Odd().state_dict())
    alert.Store({"odd": (Odd, path)}, "1 MB", device="cuda").load("odd")
    assert len(streams) == 1
    assert streams[0] is not cuda.default


def test_closing_waits_for_nobody_and_keeps_what_is_still_used(cuda: FakeCuda, nets: Nets) -> None:
    store = store_of(nets, 3)
    store["a"](nets.x)
    store.load("b")
    store.close()
    assert OnGpu.results == []  # it has not run yet
    assert {stream for _, stream in cuda.kept} == {cuda.default}
    assert {tuple(tensor.shape) for tensor, _ in cuda.kept} == {(8, 8), (8,)}
    assert torch.equal(result(cuda), nets.expected["a"])


def test_a_machine_without_a_gpu_says_so(nets: Nets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="device: expected 'cpu', for torch finds no GPU"):
        store_of(nets, 1)
    with pytest.raises(ValueError, match="device: expected 'cpu' or 'cuda', got 'gpu'"):
        nets.store(1, device="gpu")


def test_loads_beside(cuda: FakeCuda, nets: Nets) -> None:
    store = store_of(nets, 2)
    store["a"](nets.x)
    store.prefetch("b", beside="a")
    there(store, "b")
    assert torch.equal(result(cuda), nets.expected["a"])
    store["b"](nets.x)
    assert torch.equal(result(cuda), nets.expected["b"])


def test_many_threads_load_into_a_gpu(cuda: FakeCuda, nets: Nets) -> None:
    store = store_of(nets, 3)
    threads = [threading.Thread(target=store["a"], args=(nets.x,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    cuda.synchronize()
    assert len(OnGpu.results) == 4
    assert all(torch.equal(found, nets.expected["a"]) for found in OnGpu.results)


# --------------------------------------------------------------------------------------------- feed


def used(cuda: FakeCuda, x: Any) -> Any:
    """What a model sees of its input, by the time that its stream comes to it."""
    seen: list[Any] = []
    cuda.launch(lambda: seen.append(x.clone()))
    cuda.synchronize()
    return seen[0]


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_inputs_arrive_whole_and_in_order(cuda: FakeCuda, nets: Nets, ahead: int) -> None:
    store = store_of(nets, 3)
    inputs = [torch.full((2, 3), float(i)) for i in range(7)]
    source = [x.clone() for x in inputs]
    count = 0
    for x, expected in zip(store.feed(source, ahead=ahead), inputs, strict=True):
        assert torch.equal(used(cuda, x), expected)
        count += 1
    assert count == 7
    assert len(cuda.pinned) == 2 + ahead + 1
    assert [stream for _, stream in cuda.kept] == [cuda.default] * 7


def test_an_input_is_right_however_late_a_model_runs_on_it(cuda: FakeCuda, nets: Nets) -> None:
    seen: list[float] = []
    for x in store_of(nets, 3).feed([torch.tensor(float(i)) for i in range(5)]):
        cuda.launch(lambda x=x: seen.append(x.item()))  # type: ignore[misc]
    cuda.synchronize()
    assert seen == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_inputs_of_many_shapes_share_pinned_memory(cuda: FakeCuda, nets: Nets) -> None:
    store = store_of(nets, 3)
    inputs = [torch.arange(float(n)) for n in (5, 5, 3, 3, 8, 8)]
    for x, expected in zip(store.feed(iter(inputs)), inputs, strict=True):
        assert torch.equal(used(cuda, x), expected)
    assert [len(memory) for memory in cuda.pinned[2:]] == [20, 20, 32, 32]


def test_no_input_is_fetched_before_it_is_asked_for(cuda: FakeCuda, nets: Nets) -> None:
    fetched = []

    def camera() -> Any:
        for i in range(3):
            fetched.append(i)
            yield torch.tensor(i)

    live = store_of(nets, 3).feed(camera(), ahead=0)
    assert used(cuda, next(live)) == 0
    assert fetched == [0]
    stored = store_of(nets, 3).feed(camera())
    assert used(cuda, next(stored)) == 0
    assert fetched == [0, 0, 1]


def test_tensors_in_containers_are_fed(cuda: FakeCuda, nets: Nets) -> None:
    store = store_of(nets, 3)
    ids, ones, zero = torch.tensor([[1, 2]]).t(), torch.ones(2), torch.zeros(1)
    given = {"ids": ids, "more": (ones, [zero, "text", 3])}
    (fed,) = store.feed([given])
    assert used(cuda, fed["ids"]).tolist() == [[1], [2]]
    assert used(cuda, fed["more"][0]).tolist() == [1.0, 1.0]
    assert used(cuda, fed["more"][1][0]).tolist() == [0.0]
    assert fed["more"][1][1:] == ["text", 3]


def test_on_the_cpu_inputs_stay_as_they_are(tmp_path: Path) -> None:
    store = Nets(tmp_path, "a").store(1)
    inputs = [torch.ones(2), "text"]
    assert all(x is y for x, y in zip(store.feed(inputs), inputs, strict=True))
    with pytest.raises(TypeError, match="inputs: expected an iterable of inputs, got int"):
        store.feed(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ahead: expected an integer >= 0, got -1"):
        store.feed(inputs, ahead=-1)
