"""What the weights of a layer are multiplied by when a network runs.

Torch's functions are watched, not the layers: layers may pad their inputs in ways of their own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module, functional
from torch.overrides import TorchFunctionMode

from alert.running import models

_SAMPLES = 6000  # that second moments are computed from
_ARGUMENTS = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")

Call = dict[str, Any]
"""Arguments of a convolution or a linear map, by name."""


def in_order(model: Module, weights: Sequence[Tensor], x: Any) -> list[int]:
    """Return which of the weights are used, in the order of their first use."""
    places = {id(weight): place for place, weight in enumerate(weights)}
    order: dict[int, None] = {}

    def seen(call: Call) -> None:
        if id(call["weight"]) in places:
            order.setdefault(places[id(call["weight"])])

    with _Watch(seen):
        _run(model, x)
    return list(order)


def columns(model: Module, weight: Tensor, inputs: Sequence[Any]) -> Tensor:
    """Return the inputs of a weight, shape (groups, columns of the weight, samples), float64.

    Only the first use of the weight in each run counts. The rest of the run is left out.
    """
    found: list[Tensor] = []
    generator = torch.Generator().manual_seed(0)

    def seen(call: Call) -> None:
        if call["weight"] is weight:
            samples = _unfolded(call)
            chosen = torch.randperm(samples.shape[2], generator=generator)
            found.append(samples[..., chosen[: -(-_SAMPLES // len(inputs))]].double())
            raise _SeenError

    for x in inputs:
        try:
            with _Watch(seen):
                _run(model, x)
        except _SeenError:
            continue
    return torch.cat(found, 2)


class _SeenError(Exception):
    """Ends a run that has shown what it is for."""


class _Watch(TorchFunctionMode):
    """Calls a function before each convolution in two dimensions, and before each linear map."""

    def __init__(self, seen: Callable[[Call], None]) -> None:
        super().__init__()
        self._seen = seen

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (functional.linear, functional.conv2d):
            self._seen({**dict(zip(_ARGUMENTS, args, strict=False)), **kwargs})
        return func(*args, **kwargs)


def _run(model: Module, x: Any) -> None:
    """Run a network, to its last exit."""
    output = models.Call.of(x)(model)
    if isinstance(output, Iterator):
        deque(output, maxlen=0)


def _unfolded(call: Call) -> Tensor:
    """Cut an input into what each output is computed from."""
    x: Tensor = call["input"]
    weight: Tensor = call["weight"]
    if weight.dim() == 2:
        return x.reshape(1, -1, x.shape[-1]).mT
    x, padding = _padded(x if x.dim() == 4 else x[None], weight, call)
    kernel, groups = tuple(weight.shape[2:]), call.get("groups", 1)
    options = {"stride": call.get("stride", 1), "dilation": call.get("dilation", 1)}
    unfolded: Tensor = functional.unfold(x, kernel, padding=padding, **options)
    split = unfolded.reshape(len(x), groups, unfolded.shape[1] // groups, -1)
    return split.permute(1, 2, 0, 3).flatten(2)


def _padded(x: Tensor, weight: Tensor, call: Call) -> tuple[Tensor, Any]:
    """Return an input and its padding as numbers, where torch is given words for it."""
    padding = call.get("padding", 0)
    if not isinstance(padding, str):
        return x, padding
    if padding == "valid":
        return x, 0
    dilation = call.get("dilation", 1)
    height, width = (dilation, dilation) if isinstance(dilation, int) else dilation
    down, right = height * (weight.shape[2] - 1), width * (weight.shape[3] - 1)
    sides = (right // 2, right - right // 2, down // 2, down - down // 2)
    return functional.pad(x, sides), 0
