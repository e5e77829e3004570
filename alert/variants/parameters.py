"""What follows the colon in the name of a kind."""

from __future__ import annotations

from typing import Any

from alert._text import shown


def share(kind: str, given: Any) -> float:
    """Return a number between 0 and 1, both left out.

    Raises
    ------
    ValueError
        It is something else.
    """
    try:
        found = float(given)
    except (TypeError, ValueError):
        found = 0.0
    if not 0.0 < found < 1.0:
        raise ValueError(f"kinds: {kind}: expected a number between 0 and 1, got {shown(given)}")
    return found


def none(kind: str, given: str | None) -> None:
    """Refuse a parameter of a kind that takes none."""
    if given is not None:
        raise ValueError(f"kinds: {kind}: expected no parameter, got {shown(given)}")
