"""Sizes in bytes, as people write them."""

from __future__ import annotations

import re

from alert import _arguments
from alert._text import shown

_UNITS = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", 1)}

_TEXT = r"(\d+(?:\.\d+)?) ?([A-Za-z]+)"


def parsed(name: str, size: int | str) -> int:
    """Return bytes: of a number, or of a text such as "2 GB" or "512 MiB".

    Raises
    ------
    ValueError, TypeError
        It is no such text, or a number below 1.
    """
    if not isinstance(size, str):
        return _arguments.integer(name, size, 1)
    match = re.fullmatch(_TEXT, size.strip())
    if match is None or match[2] not in _UNITS or float(match[1]) == 0.0:
        raise ValueError(f"{name}: expected bytes, or a text like '2 GB', got {shown(size)}")
    return max(round(float(match[1]) * _UNITS[match[2]]), 1)


def text(size: int) -> str:
    """Return a size with its unit, to three digits."""
    for unit in ("GB", "MB", "kB"):
        if size >= _UNITS[unit]:
            return f"{size / _UNITS[unit]:.3g} {unit}"
    return f"{size} B"
