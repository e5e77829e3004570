"""Stores of small networks, and ways to stop a load where a test wants it to stop."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

import alert

NAMES = {
    **{torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"},
    **{torch.int64: "I64", torch.uint8: "U8"},
}


def save(path: Path, state: Mapping[str, torch.Tensor]) -> Path:
    """Write a safetensors file, without the library."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, tensor in state.items():
        raw = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        ends = [len(body), len(body) + len(raw)]
        entry = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": ends}
        header[name] = entry
        body += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path


def network(width: int) -> torch.nn.Module:
    """Make a network of 4 * (width * width + width) bytes."""
    return torch.nn.Linear(width, width)


def size(width: int) -> int:
    return 4 * (width * width + width)


class Gate:
    """Builds a network, but not before the gate is open."""

    def __init__(self, width: int = 8) -> None:
        self.width = width
        self.reached = threading.Event()
        self.open = threading.Event()
        self.builds = 0

    def __call__(self) -> torch.nn.Module:
        self.builds += 1
        self.reached.set()
        assert self.open.wait(60)
        return network(self.width)


class Nets:
    """Networks whose outputs tell them apart, and their files."""

    def __init__(self, directory: Path, *names: str, width: int = 8) -> None:
        self.width = width
        self.size = size(width)
        self.x = torch.ones(width)
        self.models: dict[str, tuple[Callable[[], torch.nn.Module], Path]] = {}
        self.expected: dict[str, torch.Tensor] = {}
        for name in names:
            module = network(width).eval()
            path = save(directory / f"{name}.safetensors", module.state_dict())
            self.models[name] = (lambda: network(width)), path
            self.expected[name] = module(self.x).detach()

    def store(
        self, room: float, *, device: str = "cpu", **builds: Callable[[], torch.nn.Module]
    ) -> alert.Store:
        """Make a store with room for so many of the networks."""
        models = {n: (builds.get(n, build), path) for n, (build, path) in self.models.items()}
        return alert.Store(models, round(room * self.size), device=device)

    def check(self, store: alert.Store, name: str) -> None:
        """Run a model, and see that it is the right one."""
        assert torch.equal(store[name](self.x), self.expected[name])


def there(store: alert.Store, name: str) -> None:
    """Wait until a load beside has ended well or not."""
    thread = store._memory._thread
    if thread is not None:
        thread.join(60)
    assert name in store.resident or name in store.failed


def loading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "alert.Store loading"]
