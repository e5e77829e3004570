"""Warnings that name the line of the user, from any depth of this package."""

from __future__ import annotations

import sys
import warnings
from types import FrameType

_said: set[str] = set()


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the nearest line outside of this package and of what it uses to call itself."""
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None and _is_ours(frame):
        frame = frame.f_back
        level += 1
    warnings.warn(text, category, stacklevel=level)


def warn_once(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn of the machine, which stays as it is: once in a process, not in every cell again."""
    if text not in _said:
        _said.add(text)
        warn(text, category)


def _is_ours(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    return isinstance(name, str) and name.partition(".")[0] in ("alert", "contextlib")
