"""What a `Store` adds and saves: switches, latency beside a load, memory, a call.

Run ``python benchmarks/bench_store.py``. Every figure is a ratio of two things measured in turn, in
one run. Loops keep all cores but one busy meanwhile, so that a load has to compete.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import torch
from rich.console import Console
from rich.table import Table
from torch import nn

import alert

SIZES = {"small": (384, 4), "medium": (512, 6), "large": (768, 8)}  # width, layers
TOKENS = 48
ROUNDS = 9
CALLS = 2_000


class Block(nn.Module):
    """A layer of a transformer, without attention."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.up = nn.LayerNorm(width), nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map a tensor to another one of the same shape."""
        y: torch.Tensor = x + self.down(nn.functional.gelu(self.up(self.norm(x))))
        return y


def build(name: str) -> nn.Module:
    """Build a model with random weights."""
    width, layers = SIZES[name]
    return nn.Sequential(*(Block(width) for _ in range(layers)))


def example(name: str) -> torch.Tensor:
    return torch.ones(1, TOKENS, SIZES[name][0])


class Files:
    """The models' files."""

    def __init__(self, folder: Path) -> None:
        from safetensors.torch import save_file

        self.folder = folder
        for name in SIZES:
            state = build(name).state_dict()
            save_file(state, folder / f"{name}.safetensors")
            torch.save(state, folder / f"{name}.pt")
        self.bytes = {n: (folder / f"{n}.safetensors").stat().st_size for n in SIZES}

    def store(self, budget: int | str = "2 GB") -> alert.Store:
        """Make a store of the models."""
        return alert.Store(
            {n: ((lambda n=n: build(n)), self.folder / f"{n}.safetensors") for n in SIZES},  # type: ignore[misc]
            budget,
        )

    def load_as_usual(self, name: str) -> nn.Module:
        """Build, initialise, read and copy, as most programs do."""
        module = build(name).eval()
        module.load_state_dict(torch.load(self.folder / f"{name}.pt", weights_only=True))
        return module


@contextmanager
def busy_cores() -> Iterator[None]:
    """Keep all cores but one busy."""
    count = len(os.sched_getaffinity(0)) - 1
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


# ------------------------------------------------------------------------------------------ parts


def switches(files: Files) -> dict[str, float]:
    """Time without a running model when the loop goes over from the small to the large one."""
    x = example("small")

    def as_usual() -> float:
        small = files.load_as_usual("small")
        small(x)
        return seconds(lambda: files.load_as_usual("large"))

    def blocking() -> float:
        with files.store() as store:
            store["small"](x)
            return seconds(store["large"].load)

    def beside() -> float:
        with files.store() as store:
            small, large = store["small"], store["large"]
            small(x)
            begun = seconds(lambda: large.prefetch(beside=small))
            while large.delay() > 0.0:
                small(x)
                ended = time.perf_counter()
            large.load()  # it is there
            return max(begun, time.perf_counter() - ended)

    found: dict[str, list[float]] = {"usual": [], "blocking": [], "beside": []}
    for _ in range(ROUNDS):
        for name, act in zip(found, (as_usual, blocking, beside), strict=True):
            found[name].append(act())
            gc.collect()
    usual, waited, alongside = (min(values) for values in found.values())
    return {
        "gap at a switch, build + torch.load, ms": 1e3 * usual,
        "gap at a switch, store, blocking, ms": 1e3 * waited,
        "gap at a switch, store, beside, ms": 1e3 * alongside,
        "blocking / (build + torch.load)": waited / usual,
        "beside / blocking": alongside / waited,
    }


def latency_beside(files: Files) -> dict[str, float]:
    """Latency of a running model while others are loaded, against that of the model alone."""
    x = example("medium")
    alone: list[float] = []
    beside: list[float] = []
    budget = files.bytes["medium"] + files.bytes["large"]
    with files.store(budget) as store:
        run, large, small = store["medium"], store["large"], store["small"]
        for _ in range(10):
            run(x)
        for _ in range(ROUNDS):
            for _ in range(30):
                alone.append(seconds(lambda: run(x)))
            for model in (large, small):  # the one pushes the other out
                model.prefetch(beside=run)
                while model.delay() > 0.0:
                    beside.append(seconds(lambda: run(x)))
    return {
        "latency alone, median, ms": 1e3 * median(alone),
        "latency beside a load, median, ms": 1e3 * median(beside),
        "latency: beside / alone": median(beside) / median(alone),
        "runs beside a load": len(beside),
    }


def memory(files: Files) -> dict[str, float]:
    """Private memory of the process, as models come and go, against the bytes counted."""
    budget = files.bytes["large"] + files.bytes["small"]
    with files.store(budget) as store:
        store["small"](example("small"))
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # gives back what was used before
    before, grown, counted = private_bytes(), 0, 0
    with files.store(budget) as store, torch.inference_mode():
        for _ in range(2):
            for name in ("large", "small", "large", "medium", "small"):
                store[name](example(name))
                grown = max(grown, private_bytes() - before)
                counted = max(counted, store.used)
        left = private_bytes() - before
        assert counted <= budget
        return {
            "most private memory / most bytes counted": grown / counted,
            "private memory / bytes counted, at the end": left / store.used,
        }


def private_bytes() -> int:
    """Memory that is this process's alone."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


class Nothing(nn.Module):
    """Does nothing, as fast as a module can."""

    def forward(self, x: object) -> object:
        """Return the input."""
        return x


def calls(folder: Path) -> dict[str, float]:
    """Time that a call takes longer than through a dict."""
    torch.save({}, folder / "nothing.pt")
    module = Nothing().eval()
    plain = {"nothing": module}
    with alert.Store({"nothing": (Nothing, folder / "nothing.pt")}, 1) as store:
        through: dict[str, list[float]] = {"dict": [], "store": []}
        for _ in range(10 * ROUNDS):
            for name, models in (("dict", plain), ("store", store)):
                begun = time.perf_counter()
                for _ in range(CALLS):
                    models["nothing"](None)
                through[name].append((time.perf_counter() - begun) / CALLS)
    plain_call, stored_call = (min(times) for times in through.values())
    return {
        "call through a dict, us": 1e6 * plain_call,
        "more through a store, us": 1e6 * (stored_call - plain_call),
    }


def measure() -> dict[str, float]:
    """Measure everything."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name, torch.inference_mode():
        files = Files(Path(name))
        with busy_cores():
            found = switches(files) | latency_beside(files)
        return found | memory(files) | calls(Path(name))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    found = measure()
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    table = Table(title="a store of models on the CPU")
    table.add_column("")
    table.add_column("", justify="right")
    for what, value in found.items():
        table.add_row(what, f"{value:.3g}")
    Console().print(table)


if __name__ == "__main__":
    main()
