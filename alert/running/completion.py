"""Waiting until the work of a model is done: on an accelerator, its call returns before that."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from alert._warnings import warn
from alert.running.models import Model, first_of

Wait: TypeAlias = Callable[[], object]

# Devices whose work is done when a call returns, or which do no work.
_AT_ONCE = ("cpu", "meta")

# A wait for CUDA looks all the time at first, and then between naps, in seconds. A thread that
# looks all the time keeps a core busy. One that sleeps until CUDA wakes it up is hundreds of
# microseconds late.
_SPIN = 1e-4
_NAP = 2e-5  # at least; waking up takes some 50 us more

# Of the time from now to when the work usually ends, or since: the rarer, the better it is known
# that the work goes on.
_NAP_SHARE = 1 / 16


class Completion:
    """Waits until the work of one model is done, wherever the model is now.

    A module, or a bound method or partial of a module, runs where its parameters and buffers are.
    Any other callable may run anywhere: it counts as running on the current accelerator as soon as
    this process uses one. The devices of outputs count in any case.

    Parameters
    ----------
    name : str
        Name of the model in warnings.
    model : callable
    """

    __slots__ = ("_has_run", "_model", "_name", "_place", "_returned", "_unknown", "_waits")

    def __init__(self, name: str, model: Model) -> None:
        self._name = name
        self._model = _owner(model)
        self._has_run = False
        self._place: Any = None  # the place of the model that the waits are for
        self._waits: list[Wait] = []
        self._returned: dict[str, Any] = {}  # devices of outputs
        self._unknown: set[str] = set()  # devices that the user was warned of

    def __call__(self) -> None:
        """Look where the model is, and wait until its devices have done all their work."""
        torch = sys.modules.get("torch")
        if torch is None:
            return
        place = self._where(torch)
        if place != self._place:
            self._waits = self._find(torch)
            self._place = place
        for wait in self._waits:
            wait()

    def of(self, output: object) -> None:
        """Wait after the model has returned an output. No time is lost with looking."""
        if not self._has_run:  # its first run may have loaded it, or moved it
            self._has_run = True
            self()
        torch, device = sys.modules.get("torch"), getattr(first_of(output), "device", None)
        unseen = (
            torch is not None
            and isinstance(device, torch.device)
            and device.type not in _AT_ONCE
            and str(device) not in self._returned
        )
        if unseen:
            self._returned[str(device)] = device
            self._waits = self._find(torch)
        for wait in self._waits:
            wait()
        jax = sys.modules.get("jax")
        if jax is not None:
            jax.block_until_ready(output)

    def _where(self, torch: Any) -> Any:
        """Tell the place of the model cheaply: a module moves together with its first tensor."""
        if not isinstance(self._model, torch.nn.Module):
            return _current(torch)
        first = next(self._model.parameters(), None)
        if first is None:
            first = next(self._model.buffers(), None)
        # Parts of a module that was on the CPU may move when the first accelerator is used.
        return None if first is None else first.device, torch.cuda.is_initialized()

    def _find(self, torch: Any) -> list[Wait]:
        """Find a wait for each device of the model and of its outputs."""
        if isinstance(self._model, torch.nn.Module):
            tensors = (*self._model.parameters(), *self._model.buffers())
            devices = {str(t.device): t.device for t in tensors}
        else:
            current = _current(torch)
            devices = {} if current is None else {str(current): current}
        devices.update(self._returned)
        cuda = sorted(name for name, device in devices.items() if device.type == "cuda")
        waits = [_cuda(torch, cuda)] if cuda else []
        for name, device in sorted(devices.items()):
            if device.type not in ("cuda", *_AT_ONCE):
                waits += self._other(torch, name, device)
        return waits

    def _other(self, torch: Any, name: str, device: Any) -> list[Wait]:
        """Find a wait for a device that is not CUDA's; warn where torch offers none."""
        try:
            wait = _synchronize(torch, device)
            wait()
        except Exception as error:
            if name not in self._unknown:
                self._unknown.add(name)
                warn(
                    f"{self._name}: nothing tells when its work on {name} is done ({error}); "
                    "the latency measured is that of the call alone; wait for it in the model"
                )
            return []
        return [wait]


def _owner(model: Any) -> Any:
    """Return the object whose place counts: that of a method or a partial, or the model itself."""
    while isinstance(model, partial):
        model = model.func
    return model.__self__ if inspect.ismethod(model) else model


def _current(torch: Any) -> Any:
    """Return the accelerator that this process uses now; None where it uses none."""
    if torch.cuda.is_initialized():
        return torch.device("cuda", torch.cuda.current_device())
    accelerator = getattr(torch, "accelerator", None)  # from torch 2.6 on
    if accelerator is None or not accelerator.is_available():
        return None
    kind = accelerator.current_accelerator().type
    is_initialized = getattr(getattr(torch, kind, None), "is_initialized", None)
    if is_initialized is not None and not is_initialized():
        return None
    return torch.device(kind, accelerator.current_device_index())


def _cuda(torch: Any, devices: list[str]) -> Wait:
    """Return a wait for the current streams of these GPUs, not for work on other streams."""
    events = [(torch.cuda.Event(), device) for device in devices]
    usual = 0.0  # seconds of the wait before; those that were over at once do not count

    def wait() -> None:
        nonlocal usual
        for event, device in events:
            event.record(torch.cuda.current_stream(device))
        start, waited = time.perf_counter(), 0.0
        for event, _ in events:
            while not event.query():
                waited = time.perf_counter() - start
                if waited > _SPIN:
                    time.sleep(max(_NAP_SHARE * abs(usual - waited) if usual else 0.0, _NAP))
        usual = waited or usual

    return wait


def _synchronize(torch: Any, device: Any) -> Wait:
    """Return torch's own wait for a device."""
    accelerator = getattr(torch, "accelerator", None)
    if accelerator is not None and accelerator.is_available():
        current = accelerator.current_accelerator()
        if current is not None and current.type == device.type:
            return partial(accelerator.synchronize, device)
    wait: Callable[..., object] = getattr(torch, device.type).synchronize
    if inspect.signature(wait).parameters:  # that of "mps" has none
        return partial(wait, device)
    return wait
