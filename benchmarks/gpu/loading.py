"""Loading beside the model that runs: through pinned memory on a stream of its own, or not."""

# mypy: allow-untyped-calls

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import models
import torch
from rows import Row, high, middle

BYTES = 1 << 28  # to load
PIECE = 16 << 20  # of each of two pinned buffers
SECONDS = 2.0  # of runs beside each way of loading

Load = Callable[[torch.Tensor, torch.Tensor], None]
"""Copies a source in the CPU's memory to a target on the GPU."""


def measure() -> list[Row]:
    """Load in three ways; run a model alone and beside each."""
    source = torch.ones(BYTES, dtype=torch.uint8)
    target = torch.empty(BYTES, dtype=torch.uint8, device=models.DEVICE)
    network, x = models.family()["medium"], models.example()
    loads: dict[str, Load] = {"pageable": copy, "staged": staged()}
    rows = []
    for name, load in loads.items():
        target.zero_()
        rate = max(BYTES / _seconds(lambda load=load: load(source, target)) for _ in range(3))  # type: ignore[misc]
        if not bool((target == 1).all()):
            raise RuntimeError(f"{name}: what was loaded is not what was there")
        rows.append(Row(f"{name}: rate", 1e-9 * rate, "GB/s"))
    alone = _latencies(network, x)
    rows.append(Row("model alone: latency, median", 1e3 * middle(alone), "ms"))
    for name, load in loads.items():
        beside = _beside(network, x, lambda load=load: load(source, target))  # type: ignore[misc]
        rows += [
            Row(f"beside {name}: runs", len(beside)),
            Row(f"beside {name}: latency / alone, median", middle(beside) / middle(alone)),
            Row(f"beside {name}: latency / alone, 95th percentile", high(beside) / high(alone)),
        ]
    rows += _gaps(network, x, loads, source, target)
    return rows


def copy(source: torch.Tensor, target: torch.Tensor) -> None:
    """Copy as most programs do."""
    target.copy_(source)


def staged() -> Load:
    """Return a copy through two pinned buffers, on a stream of its own."""
    buffers = [pinned(PIECE) for _ in range(2)]
    stream, events = torch.cuda.Stream(), [torch.cuda.Event(blocking=True) for _ in range(2)]

    def load(source: torch.Tensor, target: torch.Tensor) -> None:
        for k, begin in enumerate(range(0, len(source), PIECE)):
            part = source[begin : begin + PIECE]
            buffer, event = buffers[k % 2][: len(part)], events[k % 2]
            event.synchronize()  # the copy out of this buffer, two pieces ago
            buffer.copy_(part)
            with torch.cuda.stream(stream):
                target[begin : begin + PIECE].copy_(buffer, non_blocking=True)
                event.record()
        stream.synchronize()

    return load


def pinned(size: int) -> torch.Tensor:
    """Allocate bytes that the GPU reads by itself."""
    return torch.empty(size, dtype=torch.uint8, pin_memory=True)


def _seconds(do: Callable[[], None]) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    do()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def _run(network: torch.nn.Module, x: torch.Tensor) -> float:
    """Run a model once; wait on its own stream only. Return the seconds."""
    event, start = torch.cuda.Event(), time.perf_counter()
    with torch.inference_mode():
        network(x)
    event.record()
    event.synchronize()
    return time.perf_counter() - start


def _latencies(network: torch.nn.Module, x: torch.Tensor) -> list[float]:
    """Run a model for a while: beside a load, one run may take as long as the load."""
    end = time.perf_counter() + SECONDS
    found = [_run(network, x)]
    while time.perf_counter() < end:
        found.append(_run(network, x))
    return found


def _beside(network: torch.nn.Module, x: torch.Tensor, load: Callable[[], None]) -> list[float]:
    """Run a model while another thread loads again and again."""
    ended = threading.Event()

    def keep_loading() -> None:
        while not ended.is_set():
            load()

    loader = threading.Thread(target=keep_loading)
    loader.start()
    try:
        return _latencies(network, x)
    finally:
        ended.set()
        loader.join()


def _gaps(
    network: torch.nn.Module,
    x: torch.Tensor,
    loads: dict[str, Load],
    source: torch.Tensor,
    target: torch.Tensor,
) -> list[Row]:
    """Measure how long no output comes at a switch: waiting for the load, and loading beside."""
    waited = min(_seconds(lambda: copy(source, target)) + _run(network, x) for _ in range(3))
    beside = []
    for _ in range(3):
        loader = threading.Thread(target=loads["staged"], args=(source, target))
        loader.start()
        while loader.is_alive():  # the model that runs goes on until the other one is there
            _run(network, x)
        start = time.perf_counter()
        loader.join()
        _run(network, x)
        beside.append(time.perf_counter() - start)
    return [
        Row("gap at a switch, load waited for", 1e3 * waited, "ms"),
        Row("gap at a switch, loaded beside", 1e3 * min(beside), "ms"),
        Row("gap: beside / waited for", min(beside) / waited),
    ]
