"""A GPU that is as lazy as it may be: a stream works only when something waits for it.

So whatever forgets to wait finds garbage: a copy that was not waited for has not happened yet, and
pinned memory that is written too early is copied as it is then.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from alert.store import gpu

Act = Callable[[], object]


class Stream:
    """Does what it was given, in order, as far as somebody asks for it."""

    def __init__(self, device: object = None) -> None:
        self.queue: deque[Act] = deque()
        self.lock = threading.RLock()

    def give(self, act: Act) -> None:
        self.queue.append(act)

    def work_until(self, done: Callable[[], bool]) -> None:
        with self.lock:
            while not done():
                self.queue.popleft()()

    def wait_event(self, event: Event) -> None:
        if event.moment is not None:
            self.give(event.moment.wait)


class Moment:
    """A place in the queue of a stream."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.past = False
        stream.give(self.pass_by)

    def pass_by(self) -> None:
        self.past = True

    def wait(self) -> None:
        self.stream.work_until(lambda: self.past)


class Event:
    def __init__(self, blocking: bool = False) -> None:
        self.blocking = blocking
        self.moment: Moment | None = None

    def record(self, stream: Stream) -> None:
        self.moment = Moment(stream)

    def synchronize(self) -> None:
        assert self.blocking, "it burns a core"
        if self.moment is not None:
            self.moment.wait()


class FakeCuda:
    """Streams, events and memory in the place of torch's."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.default = Stream()
        self.of_thread = threading.local()
        self.pinned: list[torch.Tensor] = []
        self.kept: list[tuple[torch.Tensor, Stream]] = []
        for name in ("Stream", "Event"):
            patch.setattr(torch.cuda, name, globals()[name])
        patch.setattr(torch.cuda, "stream", self.stream)
        patch.setattr(torch.cuda, "current_stream", lambda device=None: self.current)
        patch.setattr(torch.cuda, "current_device", lambda: 0)
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(gpu, "pinned", self.make_pinned)
        patch.setattr(gpu, "on_device", self.on_device)
        patch.setattr(gpu, "copy", self.copy)
        patch.setattr(gpu, "keep_for", lambda tensor, stream: self.kept.append((tensor, stream)))
        patch.setattr(torch.nn.Module, "to", lambda module, device: module)

    @property
    def current(self) -> Stream:
        found: Stream = getattr(self.of_thread, "stream", self.default)
        return found

    @contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        before = self.current
        self.of_thread.stream = stream
        try:
            yield
        finally:
            self.of_thread.stream = before

    def make_pinned(self, size: int) -> torch.Tensor:
        self.pinned.append(torch.zeros(size, dtype=torch.uint8))
        return self.pinned[-1]

    def on_device(self, size: int, device: torch.device) -> torch.Tensor:
        """Memory belongs to the stream that is current: never to that of the models."""
        assert device.type == "cuda"
        assert self.current is not self.default
        return torch.full((size,), 99, dtype=torch.uint8)

    def copy(self, source: torch.Tensor, target: torch.Tensor) -> None:
        assert any(_holds(memory, source) for memory in self.pinned), "from memory not pinned"
        self.current.give(lambda: target.copy_(source))

    def launch(self, kernel: Act) -> None:
        """Give work to the current stream, as a model does."""
        self.current.give(kernel)

    def synchronize(self) -> None:
        """Wait until the stream of the models has done its work."""
        Moment(self.default).wait()


def _holds(memory: torch.Tensor, part: torch.Tensor) -> bool:
    begin, size = memory.data_ptr(), memory.nbytes
    return begin <= part.data_ptr() and part.data_ptr() + part.nbytes <= begin + size


class OnGpu(torch.nn.Linear):
    """Its call returns before its work is done; the result is in `results` then."""

    fake: FakeCuda
    results: list[Any]

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        weight, bias, results = self.weight, self.bias, self.results
        self.fake.launch(lambda: results.append(torch.nn.functional.linear(input, weight, bias)))
        return input
