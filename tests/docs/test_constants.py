"""The constants that docs/method.md gives reasons for are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import alert

METHOD = (Path(__file__).parents[2] / "docs/method.md").read_text("utf-8")


def documented() -> dict[str, float]:
    """Names and values of the table: a row may have several, in the same order."""
    found: dict[str, float] = {}
    for names, values in re.findall(r"^\| (`[^|]+`) \| ([^|]+) \| [^|]+ \|$", METHOD, flags=re.M):
        found |= dict(
            zip(re.findall(r"`(\w+)`", names), map(float, values.split(", ")), strict=True)
        )
    return found


def test_every_constant_of_ours_has_its_value_and_a_reason() -> None:
    ours = alert.constants("calibrated").items() - alert.constants("paper").items()
    assert documented() == dict(ours)
