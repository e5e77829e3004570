"""A family as text: what each variant costs, what it is worth, and why others are left out."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from alert._text import plain, seconds_text
from alert.store import size
from alert.variants.variant import Variant

_WIDTH = 80
_LONGEST = 32  # characters of a name


def text(variants: Sequence[Variant], failed: Sequence[str], estimated: bool, compared: int) -> str:
    """Return the table of a family."""
    head = ["variant", "bytes", "latency", "agrees", "estimated" if estimated else "accuracy"]
    kept = [variant for variant in variants if not variant.why]
    left_out = [variant for variant in variants if variant.why]
    lines = _aligned([head, *(_cells(v) for v in kept), *(_cells(v, "(%s)") for v in left_out)])
    if compared:
        lines.append(f"agrees: with the original, on {compared} inputs")
    if estimated:
        lines.append("accuracies are estimated: that of the original times the agreement")
    if left_out or failed:
        lines += ["", "left out:"]
        reasons = [f"{variant.name}: {variant.why}" for variant in left_out]
        for reason in map(plain, (*reasons, *failed)):
            lines += textwrap.wrap(reason, _WIDTH, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)


def _cells(variant: Variant, form: str = "%s") -> list[str]:
    name = form % plain(variant.name)
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 1]}…"
    return [
        name,
        "unknown" if math.isnan(variant.size) else size.text(round(variant.size)),
        seconds_text(variant.latency),
        "" if math.isnan(variant.agreement) else f"{variant.agreement:.3f}",
        f"{variant.accuracy:.3f}",
    ]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
