"""Modules that differ from the original in the shapes of their tensors only: pruned ones, say.

What differs is a record of numbers, which JSON holds. So no file has to hold code.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType
from typing import Any

import torch
from torch import nn

from alert._text import shown
from alert.variants.kind import Record


def differences(original: nn.Module, changed: nn.Module) -> Record:
    """Return the integers and the shapes in which a module differs from the original.

    Raises
    ------
    ValueError
        They differ in more: in the kinds of their modules, or in other settings of these.
    """
    parts, twins = dict(changed.named_modules()), dict(original.named_modules())
    if {n: type(m) for n, m in parts.items()} != {n: type(m) for n, m in twins.items()}:
        raise ValueError("its modules differ from those of the original")
    if any(_settings(part) != _settings(twins[name]) for name, part in parts.items()):
        raise ValueError("its modules have other settings than those of the original")
    return {
        "numbers": {
            name: found
            for name, part in parts.items()
            if (found := {k: v for k, v in _numbers(part) if v != vars(twins[name]).get(k)})
        },
        "shapes": {name: list(tensor.shape) for name, tensor in changed.state_dict().items()},
    }


def reshape(model: nn.Module, record: Record) -> nn.Module:
    """Give a module the integers and the shapes of a record.

    Raises
    ------
    ValueError
        The record has something else, or something that the module lacks.
    """
    parts = dict(model.named_modules())
    for name, found in _mapping(record, "numbers").items():
        for attribute, value in _mapping({name: found}, name).items():
            part = parts.get(name)
            if part is None or attribute not in dict(_numbers(part)) or not _is_number(value):
                raise ValueError(f"numbers: unexpected {shown(name)}, {shown(attribute)}")
            setattr(part, attribute, tuple(value) if isinstance(value, list) else value)
    state = model.state_dict()
    for name, lengths in _mapping(record, "shapes").items():
        if name not in state or not (isinstance(lengths, list) and _is_number(lengths)):
            raise ValueError(f"shapes: unexpected {shown(name)}")
        if list(state[name].shape) != lengths:
            _resize(parts, name, lengths)
    return model


def _numbers(part: nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield attributes that are integers, or tuples of them."""
    for name, value in vars(part).items():
        if not name.startswith("_") and _is_number(value):
            yield name, value


def _settings(part: nn.Module) -> Record:
    """Return attributes that a record does not hold, but that count: factors, functions, modes."""
    kinds = (bool, float, str, type(None), FunctionType, BuiltinFunctionType)
    return {
        name: value
        for name, value in vars(part).items()
        if not name.startswith("_") and name != "training" and isinstance(value, kinds)
    }


def _is_number(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(type(element) is int for element in value)
    return type(value) is int


def _mapping(record: Record, name: str) -> Record:
    found = record.get(name)
    if not isinstance(found, dict):
        raise ValueError(f"{name}: expected an object")
    return found


def _resize(parts: dict[str, nn.Module], name: str, lengths: list[int]) -> None:
    """Replace a tensor by one of another shape, on the "meta" device: its values come later."""
    path, _, attribute = name.rpartition(".")
    part = parts[path]
    old = getattr(part, attribute)
    try:
        new = torch.empty(lengths, dtype=old.dtype, device="meta")
    except (RuntimeError, OverflowError):
        raise ValueError(f"shapes: unexpected {shown(name)}") from None
    if attribute in part._parameters:
        part._parameters[attribute] = nn.Parameter(new, requires_grad=old.requires_grad)
    else:
        part._buffers[attribute] = new
