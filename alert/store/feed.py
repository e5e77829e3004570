"""Feeding a GPU: the next input is copied to it while a model runs on the one before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from typing import Any

import torch

from alert.store import gpu
from alert.store.tensors import flat


def fed(inputs: Iterable[Any], device: torch.device, ahead: int) -> Iterator[Any]:
    """Yield inputs with their tensors on a GPU; `ahead` of them are copied beforehand."""
    copies = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    slots = cycle([_Slot(device, copies) for _ in range(ahead + 1)])
    sent: deque[tuple[_Slot, Any]] = deque()
    for x in inputs:
        slot = next(slots)
        sent.append((slot, slot.send(x)))
        if len(sent) > ahead:
            yield _received(*sent.popleft())
    while sent:
        yield _received(*sent.popleft())


def _received(slot: _Slot, x: Any) -> Any:
    """Let the current stream wait for an input, and keep its memory until that is done with it."""
    stream = torch.cuda.current_stream(slot.device)
    stream.wait_event(slot.copied)
    _on_tensors(x, lambda tensor: gpu.keep_for(tensor, stream))
    return x


class _Slot:
    """Sends one input at a time by way of pinned memory, which inputs of one size share."""

    def __init__(self, device: torch.device, copies: torch.cuda.Stream) -> None:
        self.device = device
        self.copied = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        self._copies = copies
        self._pinned: list[torch.Tensor] = []  # one for each tensor of an input

    def send(self, x: Any) -> Any:
        """Have the GPU fetch an input; return that with its tensors on the GPU."""
        self.copied.synchronize()  # the copy before has left the pinned memory
        place = 0

        def send(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal place
            if tensor.device == self.device:
                return tensor
            pinned = self._pinned_memory(place, tensor.nbytes)
            place += 1
            return self._copy(tensor, pinned)

        with torch.inference_mode(False):
            sent = _on_tensors(x, send)
        self.copied.record(self._copies)
        return sent

    def _pinned_memory(self, place: int, size: int) -> torch.Tensor:
        if place == len(self._pinned):
            self._pinned.append(gpu.pinned(size))
        elif len(self._pinned[place]) < size:
            self._pinned[place] = gpu.pinned(size)
        return self._pinned[place][:size]

    def _copy(self, tensor: torch.Tensor, pinned: torch.Tensor) -> torch.Tensor:
        pinned.copy_(flat(tensor.contiguous()))
        with torch.cuda.stream(self._copies):
            memory = gpu.on_device(tensor.nbytes, self.device)
            gpu.copy(pinned, memory)
            there = memory.view(tensor.dtype).view(tensor.shape)
        return there


def _on_tensors(x: Any, act: Callable[[torch.Tensor], Any]) -> Any:
    """Return an input with its tensors replaced: itself, or those in tuples, lists and dicts."""
    if isinstance(x, torch.Tensor):
        return act(x)
    if isinstance(x, dict):
        return {name: _on_tensors(value, act) for name, value in x.items()}
    if type(x) in (tuple, list):
        return type(x)(_on_tensors(value, act) for value in x)
    return x
