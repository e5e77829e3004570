"""The table of the kinds of variants."""

from __future__ import annotations

from alert.variants import lowres
from alert.variants.kind import Kind

KINDS: dict[str, Kind] = {
    "lowres": lowres,
}
"""By the names that `family` takes."""
