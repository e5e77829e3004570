"""The constants in docs/method.md are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import alert
from alert import _core

METHOD = Path(__file__).parents[2] / "docs/method.md"


def reasons() -> dict[str, float]:
    """Read names and values: a row may have several, in the same order."""
    found: dict[str, float] = {}
    text = METHOD.read_text("utf-8")
    for names, values in re.findall(r"^\| (`[^|]+`) \| ([^|]+) \| [^|]+ \|$", text, flags=re.M):
        found |= dict(
            zip(re.findall(r"`(\w+)`", names), map(float, values.split(", ")), strict=True)
        )
    return found


def test_every_constant_of_ours_has_its_value_and_a_reason() -> None:
    ours = {
        name: usual for name, usual, _, provenance, _ in _core.CONSTANTS if provenance == "[ours]"
    }
    assert reasons() == ours


def test_the_table_has_every_constant_once() -> None:
    names = [name for name, *_ in _core.CONSTANTS]
    assert len(names) == len(set(names))
    usual = {name: value for name, value, *_ in _core.CONSTANTS}
    assert usual == {n: v for m in _core.METHODS for n, v in alert.constants(m).items()}
