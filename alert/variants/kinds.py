"""The table of the kinds of variants, and the names that are given to chains of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from alert import _arguments
from alert._text import shown
from alert.variants import int8, lowres, onnx, own, pruned, smartdeal
from alert.variants.kind import Context, Kind, Record

KINDS: dict[str, Kind] = {
    "int8": int8,
    "lowres": lowres,
    "onnx": onnx,
    "pruned": pruned,
    "smartdeal": smartdeal,
}
"""By the names that `family` takes."""

OWN = "own"
"""What stands for a function of the user in a file."""


SHAPES: dict[str, Callable[[nn.Module, Record], nn.Module]] = {
    OWN: own.shape,
    **{name: kind.shape for name, kind in KINDS.items()},
}
"""What gives an architecture the shape of a variant, by the names in a file."""


class Step(NamedTuple):
    """One kind of a chain, with its parameter: "pruned:0.5"."""

    kind: str
    parameter: str | None


class Plan(NamedTuple):
    """A variant to be made: by a chain of kinds, or by a function of the user."""

    name: str
    chain: tuple[Step, ...] = ()
    function: Callable[[nn.Module], Any] | None = None


Wanted = str | Callable[[nn.Module], Any]


def usual(context: Context) -> list[str]:
    """Return the chains that a context allows, from dear to cheap."""
    whole, last = (["onnx", "int8"], "int8") if context.calibration else (["onnx"], "onnx")
    is_of_pictures = isinstance(context.example, torch.Tensor) and context.example.ndim == 4
    cheaper = ["lowres:0.75", "lowres:0.5"] if is_of_pictures else []
    if context.train is not None:
        again = [f"{kind}+pruned:0.5" for kind in cheaper]
        cheaper = ["pruned:0.25", "pruned:0.5", *(again or ["pruned:0.75"])]
    return [*whole, *(f"{kind}+{last}" for kind in cheaper)]


def plans(kinds: Sequence[Wanted], context: Context) -> list[Plan]:
    """Return the variants to be made.

    Raises
    ------
    TypeError, ValueError
        A kind is unknown, its parameter is out of range, the context lacks what it needs, or two
        variants have one name.
    """
    if isinstance(kinds, str):
        raise TypeError(f"kinds: expected a list of names and functions, got {shown(kinds)}")
    _arguments.instance("kinds", kinds, Sequence, "a list of names and functions")
    found = [_plan(kind, context) for kind in kinds]
    names = ["original", *(plan.name for plan in found)]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"kinds: expected names that differ, got {shown(name)} twice")
    return found


def _plan(kind: Wanted, context: Context) -> Plan:
    if not isinstance(kind, str):
        _arguments.instance("kinds", kind, Callable, "names and functions")
        return Plan(getattr(kind, "__name__", type(kind).__name__), function=kind)
    chain = tuple(_step(word) for word in kind.split("+"))
    for step in chain:
        KINDS[step.kind].check(step.parameter, context)
    return Plan(kind, chain)


def _step(word: str) -> Step:
    name, colon, parameter = word.partition(":")
    if name not in KINDS:
        known = ", ".join(sorted(KINDS))
        raise ValueError(
            f"kinds: expected one of {known}, perhaps joined by '+', got {shown(word)}"
        )
    return Step(name, parameter if colon else None)
