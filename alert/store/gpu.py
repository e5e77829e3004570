"""Loading into the memory of an NVIDIA GPU, beside the work that it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from queue import SimpleQueue

import torch

from alert.store.place import Tensors
from alert.store.tensors import ALIGNMENT, aligned, carved, flat, registered, room_for
from alert.store.weights import PARTS, PIECE, Part, Spec, Weights


class GpuMemory:
    """The memory of a GPU.

    Pieces of a file are read into two pinned buffers in turn, and copied from there on a stream of
    their own. While one buffer is copied, the other is read into. The host waits for a buffer only,
    never for the weights.
    """

    def __init__(self, device: torch.device) -> None:
        index = torch.cuda.current_device() if device.index is None else device.index
        self.device = torch.device("cuda", index)
        self._copies = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        self._buffers: SimpleQueue[_Buffer] = SimpleQueue()  # that no thread uses
        for _ in range(2):
            self._buffers.put(_Buffer(PIECE + PARTS * ALIGNMENT))

    def room(self, specs: Mapping[str, Spec], own: Tensors) -> dict[str, torch.Tensor]:
        """Return tensors to be filled.

        Their memory belongs to the stream of copies. No other work reuses it before a copy is done.
        """
        with torch.cuda.stream(self._copies):
            return carved(on_device(room_for(specs), self.device), specs)

    def read(self, weights: Weights, piece: Sequence[Part], tensors: Tensors) -> None:
        """Read a piece of a file, and have the GPU fetch it."""
        buffer = self._buffers.get()
        try:
            places = buffer.places([stop - start for _, start, stop in piece])
            weights.read(piece, [place.numpy() for place in places])
            with torch.cuda.stream(self._copies):
                for (name, start, stop), place in zip(piece, places, strict=True):
                    copy(place, flat(tensors[name])[start:stop])
                buffer.copied.record(self._copies)
        finally:
            self._buffers.put(buffer)

    def completed(self, complete: Callable[[], torch.nn.Module]) -> torch.nn.Module:
        """Complete a module: what it has besides its weights is copied behind them."""
        with torch.cuda.stream(self._copies):
            return complete()

    def arrival(self) -> _GpuArrival:
        """Return the arrival of all that was read so far."""
        return _GpuArrival(self.device, self._copies)


class _Buffer:
    """Pinned memory, which a GPU reads without the help of the CPU."""

    def __init__(self, size: int) -> None:
        self._memory = pinned(size)
        self.copied = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]

    def places(self, sizes: Sequence[int]) -> list[torch.Tensor]:
        """Return room for parts of these sizes, as soon as the last copy from here is done."""
        self.copied.synchronize()
        begins = accumulate(map(aligned, sizes), initial=0)
        return [self._memory[at : at + size] for at, size in zip(begins, sizes, strict=False)]


class _GpuArrival:
    """Orders the streams of a GPU: each waits once for the weights, and none loses them."""

    def __init__(self, device: torch.device, copies: torch.cuda.Stream) -> None:
        self._device = device
        self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._copied.record(copies)
        self._streams: set[torch.cuda.Stream] = set()  # that use the weights

    def begin_use(self) -> None:
        """Let the current stream wait for the weights; the host does not."""
        stream = torch.cuda.current_stream(self._device)
        if stream not in self._streams:
            stream.wait_event(self._copied)
            self._streams.add(stream)

    def end_use(self) -> None:
        """Wait, without burning a core, until all work that uses the weights is done."""
        for stream in self._streams:
            done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
            done.record(stream)
            done.synchronize()

    def keep(self, module: torch.nn.Module) -> None:
        """Keep the memory of a module that is let go until all work that uses it is done.

        Nobody waits. Memory that is kept so is not there for the next model at once, so `end_use`
        is for models that make room.
        """
        for tensor in registered(module):
            for stream in self._streams:
                keep_for(tensor, stream)


# -------------------------------------------------------------------- all that needs a GPU's driver


def pinned(size: int) -> torch.Tensor:
    """Return pinned memory of the host, in bytes."""
    return torch.empty(size, dtype=torch.uint8, pin_memory=True)


def on_device(size: int, device: torch.device) -> torch.Tensor:
    """Return memory of a GPU, in bytes."""
    return torch.empty(size, dtype=torch.uint8, device=device)


def keep_for(tensor: torch.Tensor, stream: torch.cuda.Stream) -> None:
    """Keep the memory of a tensor, when it is let go, until a stream is done with it."""
    tensor.record_stream(stream)


def copy(source: torch.Tensor, target: torch.Tensor) -> None:
    """Have the current stream copy, when its turn comes."""
    target.copy_(source, non_blocking=True)
