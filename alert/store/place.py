"""Where weights go: the memory of the CPU, or that of a GPU (`alert.store.gpu`)."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol, TypeAlias

import torch

from alert.store.tensors import bytes_of, carved, room_for
from alert.store.weights import Part, Spec, Weights

Tensors: TypeAlias = Mapping[str, torch.Tensor]


class Arrival(Protocol):
    """Orders work: weights are used when they have come, and freed when nothing uses them."""

    def begin_use(self) -> None:
        """Let the work that this thread gives from now on wait for the weights."""

    def end_use(self) -> None:
        """Wait until all work that uses the weights is done."""

    def keep(self, module: torch.nn.Module) -> None:
        """Keep the memory of a module that is let go until all work that uses it is done."""


class Place(Protocol):
    """A memory that models are loaded into."""

    device: torch.device

    def room(self, specs: Mapping[str, Spec], own: Tensors) -> dict[str, torch.Tensor]:
        """Return tensors to be filled; `own` are those that the module was built with.

        They are cut out of one block. When a model goes, its block goes back as a whole: to the
        system, not only to the allocator, and without holes.
        """

    def read(self, weights: Weights, piece: Sequence[Part], tensors: Tensors) -> None:
        """Read a piece of a file into the tensors of its parts."""

    def completed(self, complete: Callable[[], torch.nn.Module]) -> torch.nn.Module:
        """Have a module completed whose weights have been read."""

    def arrival(self) -> Arrival | None:
        """Return the arrival of all that was read; None where it is there already."""


class CpuMemory:
    """The memory of the CPU: what a call has done is done."""

    def __init__(self) -> None:
        self.device = torch.device("cpu")

    def room(self, specs: Mapping[str, Spec], own: Tensors) -> dict[str, torch.Tensor]:
        """Return tensors to be filled: the module's own, where they have memory and fit."""
        taken = {name: own[name] for name, spec in specs.items() if self._fits(own.get(name), spec)}
        rest = {name: spec for name, spec in specs.items() if name not in taken}
        return taken | carved(_block(room_for(rest)), rest)

    def _fits(self, own: torch.Tensor | None, spec: Spec) -> bool:
        return (
            own is not None
            and own.is_contiguous()
            and (own.dtype, tuple(own.shape), own.device) == (spec.dtype, spec.shape, self.device)
        )

    def read(self, weights: Weights, piece: Sequence[Part], tensors: Tensors) -> None:
        """Read a piece of a file straight to where it stays."""
        weights.read(piece, [bytes_of(tensors[name])[start:stop] for name, start, stop in piece])

    def completed(self, complete: Callable[[], torch.nn.Module]) -> torch.nn.Module:
        """Complete a module."""
        return complete()

    def arrival(self) -> None:
        """Return None: all that was read is there."""


def _block(size: int) -> torch.Tensor:
    """Return memory straight from the system, which has it back as soon as nothing uses it.

    An allocator would keep what is freed, or would give what it has kept.
    """
    if size == 0:
        return torch.empty(0, dtype=torch.uint8)
    block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # not every kernel has them
            block.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(block, dtype=torch.uint8)
