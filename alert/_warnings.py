"""Warnings that name the line of the user, from any depth of this package."""

from __future__ import annotations

import sys
import warnings


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the nearest line outside of this package."""
    level = 1
    while sys._getframe(level).f_globals.get("__name__", "").partition(".")[0] == "alert":
        level += 1
    warnings.warn(text, category, stacklevel=level + 1)
