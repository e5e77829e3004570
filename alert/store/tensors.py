"""Tensors of a module: their bytes, which of them a file brings, and which are one and the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from alert.store.weights import Bytes, Spec

ALIGNMENT = 64
"""Bytes, as torch aligns what it allocates."""


def bytes_of(tensor: torch.Tensor) -> Bytes:
    """Return the memory of a contiguous tensor on the CPU, as bytes."""
    found: Bytes = flat(tensor).numpy()
    return found


def flat(tensor: torch.Tensor) -> torch.Tensor:
    """Return the memory of a contiguous tensor, as a tensor of bytes."""
    return tensor.detach().reshape(-1).view(torch.uint8)


def carved(memory: torch.Tensor, specs: Mapping[str, Spec]) -> dict[str, torch.Tensor]:
    """Cut tensors out of memory of `room_for` bytes."""
    tensors, at = {}, 0
    for name, spec in specs.items():
        tensors[name] = memory[at : at + spec.size].view(spec.dtype).view(spec.shape)
        at += aligned(spec.size)
    return tensors


def room_for(specs: Mapping[str, Spec]) -> int:
    """Return the bytes of memory that tensors are cut out of."""
    return sum(aligned(spec.size) for spec in specs.values())


def aligned(size: int) -> int:
    """Round bytes up, so that what follows them is aligned."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def registered(module: torch.nn.Module) -> dict[torch.Tensor, list[str]]:
    """Return parameters and buffers, each with its names: tied ones have several."""
    names: dict[torch.Tensor, list[str]] = {}
    for named in (module.named_parameters, module.named_buffers):
        for name, tensor in named(remove_duplicate=False):
            names.setdefault(tensor, []).append(name)
    return names


def unregistered(module: torch.nn.Module) -> Iterator[torch.Tensor]:
    """Yield tensors that are plain attributes, or elements of one: no state dict has them."""
    for part in module.modules():
        for name, value in vars(part).items():
            if name not in ("_parameters", "_buffers", "_modules"):
                yield from _within(value)


def _within(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for element in value:
            yield from _within(element)
    elif isinstance(value, dict):
        yield from _within(list(value.values()))
