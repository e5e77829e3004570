"""A snapshot: what a runner or a server does now, as a line of JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from alert._text import plain, shown

T = TypeVar("T")

LONGEST = 1 << 20
"""Bytes of a line, at most."""


@dataclass(frozen=True)
class Stream:
    """Says how one stream of inputs fares: that of a runner, or of a tenant.

    Attributes
    ----------
    name : str
    inputs, late, refused : int
        Inputs so far; outputs after their deadline; requests that were given up.
    model : str or None
        Model of the last input; None before the first.
    exit : int or None
        Exit that it reached; None for a traditional model.
    power_cap : float or None
        Cap of the last input; None for no cap.
    slowdown : float
        Estimated latency, relative to the profile.
    response, deadline : float or None
        Seconds from the arrival of the last input to its output, and those that it had; None before
        the first, and without a deadline.
    energy, accuracy : float or None
        Joules an input, and the accuracy delivered, on average; None where unknown.
    kept : bool or None
        Whether the goal is kept; None before the first input, and without a bound.
    """

    name: str
    inputs: int
    late: int
    refused: int
    model: str | None
    exit: int | None
    power_cap: float | None
    slowdown: float | None
    response: float | None
    deadline: float | None
    energy: float | None
    accuracy: float | None
    kept: bool | None


@dataclass(frozen=True)
class Snapshot:
    """Says what a runner or a server does now.

    Attributes
    ----------
    name : str
        As `Runner(live=)` or `Server(live=)` was given.
    pid : int
    power, unit : str
        Kind of the power device, and what a cap is in.
    energy : float or None
        Joules so far; None where unknown.
    mark : str
        "measured", "emulated", or "estimated" by the profile.
    waiting : int
        Requests that wait.
    streams : tuple of Stream
    """

    name: str
    pid: int
    power: str
    unit: str
    energy: float | None
    mark: str
    waiting: int
    streams: tuple[Stream, ...]

    def line(self) -> bytes:
        """Return a line of JSON; numbers that are not finite are null."""
        text = json.dumps(asdict(self, dict_factory=_finite), allow_nan=False)
        return text.encode("ascii") + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Snapshot:
        """Read a line, with suspicion.

        Raises
        ------
        ValueError
            It is not what `line` returns.
        """
        try:
            given = _object(json.loads(line), cls)
            streams = given["streams"]
            if not isinstance(streams, list):
                raise ValueError(f"streams: expected a list, got {shown(streams)}")
            given["streams"] = tuple(_made(Stream, _object(stream, Stream)) for stream in streams)
            return _made(cls, given)
        except (RecursionError, OverflowError) as error:
            raise ValueError(f"expected a snapshot, got {shown(error)}") from None


def _finite(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in items
    }


def _object(document: object, kind: type[Any]) -> dict[str, Any]:
    """Return an object of JSON that has a key for every field, and no others."""
    names = {field.name for field in fields(kind)}
    if not isinstance(document, dict) or document.keys() != names:
        raise ValueError(f"expected an object with {', '.join(sorted(names))}")
    return document


def _made(kind: type[T], given: dict[str, Any]) -> T:
    """Make an object of values whose types are right."""
    hints = get_type_hints(kind)
    return kind(**{name: _checked(name, value, hints[name]) for name, value in given.items()})


def _checked(name: str, value: Any, hint: Any) -> Any:
    """Return a value of the type that a field has; text loses what does not print."""
    kinds = (tuple,) if get_origin(hint) is tuple else get_args(hint) or (hint,)
    if type(value) is int and float in kinds:
        value = float(value)
    if type(value) not in kinds or (type(value) is float and not math.isfinite(value)):
        raise ValueError(f"{name}: expected {hint}, got {shown(value)}")
    return plain(value) if isinstance(value, str) else value
