"""Batches: inputs of several requests as one input, and their outputs apart again."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from alert.running.models import Call


def length(call: Call) -> int | None:
    """Return how many examples the arguments of a call hold; None where they are no arrays."""
    values = [*call.args, *call.kwargs.values()]
    if not values or not all(hasattr(value, "shape") and len(value.shape) for value in values):
        return None
    lengths = {int(value.shape[0]) for value in values}
    return lengths.pop() if len(lengths) == 1 else None


def fit(one: Call, other: Call) -> bool:
    """Tell whether two calls can become one: their arguments are arrays of the same shapes."""
    return length(one) is not None and length(other) is not None and _kinds(one) == _kinds(other)


def _kinds(call: Call) -> tuple[Any, ...]:
    named = sorted(call.kwargs.items())
    return (
        *(_kind(value) for value in call.args),
        *((name, *_kind(value)) for name, value in named),
    )


def _kind(value: Any) -> tuple[Any, ...]:
    return type(value), value.dtype, tuple(value.shape), str(getattr(value, "device", ""))


def joined(calls: Sequence[Call]) -> Call:
    """Return one call with the examples of all, one after the other."""
    if len(calls) == 1:
        return calls[0]
    args = (_concatenated(values) for values in zip(*(call.args for call in calls), strict=True))
    names = calls[0].kwargs
    kwargs = {name: _concatenated([call.kwargs[name] for call in calls]) for name in names}
    return Call(*args, **kwargs)


def _concatenated(values: Sequence[Any]) -> Any:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(values[0], torch.Tensor):
        return torch.cat(list(values))
    return np.concatenate(values)


def split(output: Any, parts: int, examples: int) -> list[Any]:
    """Return the part of an output for each of some calls with so many examples each.

    Raises
    ------
    TypeError
        The output holds something that has no row for each example.
    """
    if isinstance(output, Mapping):
        columns = [split(value, parts, examples) for value in output.values()]
        return [dict(zip(output, each, strict=True)) for each in zip(*columns, strict=True)]
    if isinstance(output, (list, tuple)):
        columns = [split(value, parts, examples) for value in output]
        return [type(output)(each) for each in zip(*columns, strict=True)]
    shape: tuple[int, ...] = getattr(output, "shape", ())
    if not len(shape) or shape[0] != parts * examples:
        raise TypeError(
            f"batch: expected outputs with a row for each of {parts * examples} examples, "
            f"got {type(output).__name__}"
        )
    return [output[n * examples : (n + 1) * examples] for n in range(parts)]
