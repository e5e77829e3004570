"""Which variants are worth having: those that no other one beats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from alert.variants.variant import Variant

_SAME = 1.05  # ratio of seconds or bytes that counts as none
_SAME_ACCURACY = 0.005


def judged(variants: Sequence[Variant]) -> list[Variant]:
    """Leave out each variant that another one beats, and say why."""
    kept = list(variants)
    found = []
    for variant in variants:
        others = [other for other in kept if other is not variant]
        better = next((other for other in others if _beats(other, variant, kept)), None)
        if better is None:
            found.append(variant)
        else:
            kept.remove(variant)
            found.append(replace(variant, model=None, write=None, why=_why(better)))
    return found


def _beats(one: Variant, other: Variant, order: Iterable[Variant]) -> bool:
    """Tell whether a variant is as good as another one in all, and better in something.

    Of two that are the same, the first one is better.
    """
    if not _as_good(one, other):
        return False
    return not _as_good(other, one) or next(v for v in order if v in (one, other)) is one


def _as_good(one: Variant, other: Variant) -> bool:
    return (
        one.latency <= _SAME * other.latency
        and one.size <= _SAME * other.size
        and one.accuracy >= other.accuracy - _SAME_ACCURACY
    )


def _why(better: Variant) -> str:
    return f"{better.name} is no slower, no larger and no less accurate"
