"""What `describe` returns: a dict that a notebook shows as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alert import _html
from alert._text import cap_range_text
from alert.power.kinds import KINDS
from alert.power.lacking import sentence


class Description(dict[str, Any]):
    """Holds plain values, fit for JSON."""

    def _repr_html_(self) -> str:
        kinds = [(name, found) for name, found in self.items() if name in KINDS]
        rows = [_row(name, found) for name, found in kinds if "missing" in found]
        note = f"power='auto' opens {self['auto']}"
        return _html.table(("kind", "caps", "energy", "what is missing"), rows, note)


def _row(kind: str, found: Mapping[str, Any]) -> tuple[str, str, str, str]:
    caps = "yes" if found["can_cap"] else "no"
    if found["can_cap"] and found["cap_range"] is not None:
        low, high = found["cap_range"]
        caps = cap_range_text(low, high, KINDS[kind].unit)
    lacks = (sentence(**lack) for lack in found["missing"])
    return kind, caps, "yes" if found["can_read"] else "no", "; ".join(lacks)
