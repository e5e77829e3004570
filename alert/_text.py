"""Text of unknown origin, fit for a message: short, and without control characters."""

from __future__ import annotations

import reprlib

_LONGEST = 120  # characters

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _LONGEST
_repr.maxlong = 40


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
