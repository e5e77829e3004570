"""One measured number, and how numbers are taken together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import median
from typing import NamedTuple


class Row(NamedTuple):
    """What was measured, its value and unit."""

    what: str
    value: float
    unit: str = ""

    def document(self) -> dict[str, str | float | None]:
        """Return what a JSON file holds."""
        value = float(self.value)
        return {"what": self.what, "value": value, "unit": self.unit}


def middle(values: Iterable[float]) -> float:
    """Return the median; NaN of nothing."""
    known = list(values)
    return median(known) if known else math.nan


def high(values: Iterable[float]) -> float:
    """Return the value that one in twenty exceeds."""
    ascending = sorted(values)
    return ascending[int(0.95 * (len(ascending) - 1))] if ascending else math.nan
