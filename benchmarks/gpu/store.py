"""`alert.Store` on the GPU: models that come and go in bounded memory, loaded beside another."""

# mypy: allow-untyped-calls

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import models
import torch
from rows import Row, high, middle
from torch import nn

import alert

RUNS = 100
SWITCHES = 5

Build: TypeAlias = Callable[[], nn.Module]


def measure() -> list[Row]:
    """Use models in turn that do not fit together; load one beside another; feed inputs."""
    with tempfile.TemporaryDirectory() as folder:
        offered = _files(Path(folder))
        sizes = {name: path.stat().st_size for name, (_, path) in offered.items()}
        budget = sizes["large"] + sizes["medium"]
        before = torch.cuda.memory_allocated()
        opened = partial(alert.Store, offered, budget=budget, device=models.DEVICE)
        with opened() as store:
            rows = [*_answers(store), *_in_turn(store)]
            most = torch.cuda.max_memory_allocated() - before
            rows += [Row("most memory of the GPU / budget", most / budget), *_fed(store)]
        rows += _switches(opened, *offered["large"])
    return rows


def _files(folder: Path) -> dict[str, tuple[Build, Path]]:
    """Write the weights of every model to a file."""
    from safetensors.torch import save_file

    offered: dict[str, tuple[Build, Path]] = {}
    for name, layers in models.LAYERS.items():
        path = folder / f"{name}.safetensors"
        weights = models.make(layers).state_dict()
        save_file({key: tensor.cpu() for key, tensor in weights.items()}, path)
        offered[name] = (partial(models.build, layers), path)
    del weights
    torch.cuda.empty_cache()
    return offered


def _answers(store: alert.Store) -> Iterator[Row]:
    """Compare what a model of the store answers with what it answers elsewhere."""
    x = models.example()
    with torch.inference_mode():
        there, here = store["small"](x), models.make(models.LAYERS["small"])(x)
    yield Row("answers, store / elsewhere: largest difference", float((there - here).abs().max()))


def _in_turn(store: alert.Store) -> Iterator[Row]:
    """Run the models in an order in which one has to go for each that comes."""
    x = models.example()
    seconds: dict[str, list[float]] = {name: [] for name in models.LAYERS}
    torch.cuda.reset_peak_memory_stats()
    for name in (*models.LAYERS, *models.LAYERS, *models.LAYERS):
        if name not in store.resident:
            seconds[name].append(_run(store[name], x))
    for name, found in seconds.items():
        if found:
            yield Row(f"{name}: call that loads, fastest", 1e3 * min(found), "ms")


def _switches(opened: Callable[[], alert.Store], build: Build, path: Path) -> Iterator[Row]:
    """Go from one model to another: loaded beside, by the call itself, and as torch does it."""
    beside, waited, alone, meanwhile = [], [], [], []
    for _ in range(SWITCHES):
        x = models.example()
        with opened() as store:
            alone += _runs(store["medium"], x)
            if not store.prefetch("large", beside="medium"):
                raise RuntimeError(f"the load did not begin: {store}")
            while "large" not in store.resident:  # the stream goes on
                meanwhile.append(_run(store["medium"], x))
                if store.failed:
                    raise RuntimeError(f"the load failed: {store.failed}")
            first = _run(store["large"], x)
            usual = middle(_runs(store["large"], x))
            beside.append(max(first - usual, 0.0))
        with opened() as store:
            _run(store["medium"], x)
            waited.append(_run(store["large"], x) - usual)
    torched = middle(_as_torch_does(build, path) for _ in range(3))
    yield Row("large: latency when it is there", 1e3 * usual, "ms")
    yield Row("gap at a switch, loaded beside", 1e3 * middle(beside), "ms")
    yield Row("gap at a switch, loaded by the call", 1e3 * middle(waited), "ms")
    yield Row("build, torch.load and copy", 1e3 * torched, "ms")
    yield Row("gap: beside / by the call", middle(beside) / middle(waited))
    yield Row("gap: by the call / build, torch.load and copy", middle(waited) / torched)
    yield Row("medium while large is loaded: runs", len(meanwhile))
    for name, of in {"median": middle, "95th percentile": high}.items():
        ratio = of(meanwhile) / of(alone)
        yield Row(f"medium while large is loaded: latency / alone, {name}", ratio)


def _as_torch_does(build: Build, path: Path) -> float:
    """Return the seconds of the usual way to load a model, of a file in the page cache."""
    pickled = path.with_suffix(".pt")
    if not pickled.exists():
        from safetensors.torch import load_file

        torch.save(load_file(path), pickled)
    torch.cuda.synchronize()
    start = time.perf_counter()
    network = build()
    network.load_state_dict(torch.load(pickled, weights_only=True))
    network.to(models.DEVICE)
    torch.cuda.synchronize()
    return time.perf_counter() - start


def _fed(store: alert.Store) -> Iterator[Row]:
    """Run a stream of inputs from the CPU's memory, fed by the store and copied by the caller."""
    inputs = [models.example().cpu() for _ in range(8)] * 5
    model = store["small"]
    for x in inputs[:3]:
        _run(model, x.to(models.DEVICE))
    start = time.perf_counter()
    for x in store.feed(inputs):
        _run(model, x)
    fed = time.perf_counter() - start
    start = time.perf_counter()
    for x in inputs:
        _run(model, x.to(models.DEVICE))
    copied = time.perf_counter() - start
    yield Row("an input that the store feeds", 1e3 * fed / len(inputs), "ms")
    yield Row("an input that the caller copies", 1e3 * copied / len(inputs), "ms")


def _runs(model: Callable[[Any], Any], x: torch.Tensor) -> list[float]:
    return [_run(model, x) for _ in range(RUNS)]


def _run(model: Callable[[Any], Any], x: torch.Tensor) -> float:
    start = time.perf_counter()
    with torch.inference_mode():
        model(x)
    event = torch.cuda.Event()
    event.record()
    event.synchronize()
    return time.perf_counter() - start
