"""Arguments as numbers and arrays, or an error that names the argument and the place in it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from operator import index
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alert._text import shown

Floats: TypeAlias = NDArray[np.float64]


class Named(Protocol):
    """Something that has a name."""

    @property
    def name(self) -> str:
        """The name."""
        ...


_Named = TypeVar("_Named", bound=Named)

Caps: TypeAlias = ArrayLike | Sequence[float | None]
"""Power caps; None is no cap."""


def number(name: str, value: object) -> float:
    """Return a real number, or an array that holds just one, as a float.

    Raises
    ------
    TypeError
        The value is no real number.
    ValueError
        The value is an integer beyond the range of a float.
    """
    if isinstance(value, Real):
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{name}: expected a number within ±1.8e308") from None
    array = np.asarray(value)
    if array.ndim > 0 or array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected a number, got {type(value).__name__}")
    return float(array)


def instance(name: str, value: object, kind: Any, called: str) -> None:
    """Raise TypeError for a value that is no `kind`, which the message calls `called`."""
    if not isinstance(value, kind):
        raise TypeError(f"{name}: expected {called}, got {type(value).__name__}")


def named_once(name: str, values: Iterable[_Named], kind: type[_Named]) -> list[_Named]:
    """Return values that have names: at least one, and each name once."""
    some = list(values)
    for value in some:
        instance(name, value, kind, name)
    names = [value.name for value in some]
    if not some or len(set(names)) < len(names):
        raise ValueError(f"{name}: expected {name}, each name once, got {names}")
    return some


def at_least(name: str, value: object, least: float) -> float:
    """Return a finite number that is not below `least`, or raise as `number` does."""
    found = number(name, value)
    if not least <= found < math.inf:
        raise ValueError(f"{name}: expected a finite number >= {least:g}, got {shown(value)}")
    return found


def above_zero(name: str, value: object) -> float:
    """Return a finite number above zero, or raise as `number` does."""
    found = number(name, value)
    if not 0.0 < found < math.inf:
        raise ValueError(f"{name}: expected a finite number > 0, got {shown(value)}")
    return found


def integer(name: str, value: object, least: int) -> int:
    """Return an integer that is not below `least`.

    Raises
    ------
    TypeError
        The value is no integer.
    ValueError
        The value is too small.
    """
    try:
        found = index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name}: expected an integer, got {shown(value)}") from None
    if found < least:
        raise ValueError(f"{name}: expected an integer >= {least}, got {shown(value)}")
    return found


def seconds(name: str, value: object, *, above_zero: bool = False) -> float:
    """Return a finite number of seconds that is not below zero, or raise as `number` does."""
    found = number(name, value)
    if not 0.0 <= found < math.inf or (above_zero and found == 0.0):
        sign = ">" if above_zero else ">="
        raise ValueError(
            f"{name}: expected a finite number of seconds {sign} 0, got {shown(value)}"
        )
    return found


def floats(name: str, values: ArrayLike) -> Floats:
    """Copy numbers into a read-only array. Text is refused, also where it looks like a number.

    Raises
    ------
    ValueError
        Rows differ in length, an element is masked, or is an integer beyond the range of a float.
    TypeError
        An element is no number.
    """
    _refuse_mask(name, values)
    try:
        given = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name}: expected rows of one length, got {shown(values)}") from None
    if given.dtype.kind not in "biuf":
        _refuse_text(name, np.asarray(values, object))
    try:
        array = np.array(given, np.float64, order="C")
    except OverflowError:
        raise ValueError(f"{name}: expected numbers within ±1.8e308") from None
    array.flags.writeable = False
    return array


def caps(name: str, values: Caps) -> Floats:
    """Copy power caps into a read-only array, as `floats` does. None, for no cap, is infinite."""
    if isinstance(values, (list, tuple)):
        values = [math.inf if cap is None else cap for cap in values]
    return floats(name, values)  # type: ignore[arg-type]  # there is no None any more


def _refuse_mask(name: str, values: object) -> None:
    """Raise ValueError for masked elements: what is under the mask would count as a number."""
    if np.ma.is_masked(values):
        raise ValueError(f"{name}: expected numbers everywhere, got masked elements")


def _refuse_text(name: str, elements: NDArray[np.object_]) -> None:
    """Raise TypeError for the first element that is no number."""
    for element in elements.flat:
        if isinstance(element, str):
            raise TypeError(f"{name}: expected numbers, got text ({shown(element)})")
        if isinstance(element, complex) or not hasattr(element, "__float__"):
            raise TypeError(f"{name}: expected numbers, got {type(element).__name__}")


def grid(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> Floats:
    """Copy finite numbers into a read-only array of a certain shape.

    Parameters
    ----------
    name : str
        Of the argument.
    values : array_like
    shape : tuple of int or None
        None where any length will do.

    Raises
    ------
    ValueError, TypeError
        It has another shape, or holds something else than finite numbers.
    """
    array = floats(name, values)
    if array.shape != shape and not _fits(array.shape, shape):
        wanted = ", ".join("n" if length is None else str(length) for length in shape)
        raise ValueError(f"{name}: expected the shape ({wanted}), got {array.shape}")
    finite = np.isfinite(array)
    if not finite.all():
        refuse(name, array, ~finite, "a finite number")
    return array


def _fits(have: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    """Tell whether a shape is the one that is wanted."""
    return len(have) == len(wanted) and all(
        want in (None, length) for length, want in zip(have, wanted, strict=True)
    )


def integers(name: str, values: ArrayLike, n: int) -> NDArray[np.int64]:
    """Copy n integers into a read-only array.

    Raises
    ------
    ValueError, TypeError
        It has another length, or holds something else than integers.
    """
    _refuse_mask(name, values)
    array = np.array(values)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integers, got {array.dtype}")
    if array.shape != (n,):
        raise ValueError(f"{name}: expected the shape {(n,)}, got {array.shape}")
    array = array.astype(np.int64)
    array.flags.writeable = False
    return array


def refuse(name: str, array: NDArray[Any], bad: NDArray[np.bool_], expected: str) -> None:
    """Raise ValueError for the first element that is `bad`; its place is in the message."""
    if bad.any():
        place = tuple(int(index) for index in np.argwhere(bad)[0])
        where = ", ".join(map(str, place))
        raise ValueError(f"{name}[{where}]: expected {expected}, got {array[place].item()!r}")
