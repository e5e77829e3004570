"""Text of unknown origin, fit for a message: short, and without control characters."""

from __future__ import annotations

import math
import reprlib

_LONGEST = 120  # characters

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _LONGEST
_repr.maxlong = 40


def cap_text(cap: float | None, form: str = "g") -> str:
    """Return a power cap as text: "20 W", or "no cap" for None and for infinity."""
    return "no cap" if cap is None or math.isinf(cap) else f"{cap:{form}} W"


def under_cap(cap: float | None) -> str:
    """Return "under 20 W", or "with no cap"."""
    text = cap_text(cap)
    return f"with {text}" if text == "no cap" else f"under {text}"


def cap_range_text(low: float, high: float) -> str:
    """Return the lowest and the highest of several power caps as text."""
    if math.isinf(low):
        return cap_text(low)
    return f"{low:g} W to no cap" if math.isinf(high) else f"{low:g}-{high:g} W"


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
