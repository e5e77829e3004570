"""Text of unknown origin, fit for a message: short, and without control characters."""

from __future__ import annotations

import math
import reprlib
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LONGEST = 120  # characters
_COLUMNS = 80  # of a report
_NAME = 12  # of them for the name of a row

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _LONGEST
_repr.maxlong = 40


def cap_text(cap: float | None, unit: str = "W", form: str = "g") -> str:
    """Return a cap as text: "20 W", "1 thread", or "no cap" for None and for infinity."""
    if cap is None or math.isinf(cap):
        return "no cap"
    return f"{cap:{form}} {unit[:-1] if cap == 1.0 and unit == 'threads' else unit}"


def under_cap(cap: float | None, unit: str = "W") -> str:
    """Return "under 20 W", or "with 2 threads", or "with no cap"; three digits or more."""
    whole = cap is not None and 1000.0 <= cap < math.inf
    text = cap_text(cap, unit, ".0f" if whole else ".3g")
    return f"with {text}" if text == "no cap" or unit == "threads" else f"under {text}"


def cap_range_text(low: float, high: float, unit: str = "W") -> str:
    """Return the lowest and the highest of several caps as text."""
    if math.isinf(low):
        return cap_text(low)
    return f"{low:g} {unit} to no cap" if math.isinf(high) else f"{low:g}-{high:g} {unit}"


def range_text(values: NDArray[np.float64]) -> str:
    """Return the least and the greatest of numbers, to three digits; or the only one."""
    low, high = f"{values.min():.3g}", f"{values.max():.3g}"
    return low if low == high else f"{low} – {high}"


def seconds_text(seconds: float) -> str:
    """Return a time in the unit that reads best: "250 µs", "12.3 ms", "4.56 s", "3 min 20 s"."""
    if math.isnan(seconds):
        return "unknown"
    if seconds >= 99.95:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s"
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if seconds * factor >= 0.9995:
            return f"{seconds * factor:.3g} {unit}"
    return f"{1e6 * seconds:.3g} µs"


def rows_text(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """Return rows of a name and a text under a title, at most 80 columns wide."""
    lines = textwrap.wrap(title, _COLUMNS, subsequent_indent="  ")
    for name, text in rows:
        first = f"  {name:<{_NAME}}"
        lines += textwrap.wrap(
            text, _COLUMNS, initial_indent=first, subsequent_indent=" " * len(first)
        ) or [first.rstrip()]
    return "\n".join(lines)


def shown(value: object) -> str:
    """Return what `repr` does, cut short; containers are cut to their first elements."""
    return plain(_repr.repr(value))


def plain(value: object) -> str:
    """Return what `str` does, cut short, with escapes for characters that do not print."""
    text = str(value)
    if len(text) > 5 * _LONGEST:
        text = f"{text[: 5 * _LONGEST]}…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
