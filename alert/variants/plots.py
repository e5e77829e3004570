"""The picture of a family: how accurate each variant is, against what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, NullLocator

from alert.plots.picture import BLUES, Picture, title
from alert.profile import Profile
from alert.variants.members import Family
from alert.variants.variant import Variant

_LEFT_OUT, _, _KEPT = BLUES


class _Cost(NamedTuple):
    """One cost of some variants, by their names."""

    label: str
    of: Mapping[str, float]


def draw(family: Family, profile: Profile | None = None) -> Picture:
    """Draw accuracy against latency, joules and bytes; joules where a profile knows the power.

    Variants that are left out are light.
    """
    seconds = {v.name: v.latency for v in family.variants if not math.isnan(v.latency)}
    costs = [_Cost("milliseconds", {name: 1e3 * latency for name, latency in seconds.items()})]
    if profile is not None and profile.knows_power:
        joules = profile.latency[:, -1] * profile.power[:, -1]
        label = "joules, emulated" if profile.origin["emulated"] else "joules"
        costs.append(_Cost(label, dict(zip(profile.models, joules.tolist(), strict=True))))
    sizes = {v.name: v.size / 1e6 for v in family.variants if not math.isnan(v.size)}
    costs.append(_Cost("megabytes on disk", sizes))
    picture = Picture(3.6 * len(costs), 4.0)
    axes = picture.subplots(1, len(costs), sharey=True, squeeze=False)[0]
    for axis, cost in zip(axes, costs, strict=True):
        _panel(axis, family.variants, cost)
    axes[0].set_ylabel("accuracy, estimated" if family.estimated else "accuracy")
    title(axes[0], "a family", "light: left out")
    return picture


def _panel(axis: Axes, variants: list[Variant], cost: _Cost) -> None:
    """Draw one cost. Towards lower costs, and upwards, nothing is beside a variant that is kept."""
    shown = [variant for variant in variants if variant.name in cost.of]
    for number, variant in enumerate(shown):
        at = cost.of[variant.name], variant.accuracy
        axis.scatter(*at, 36, color=_LEFT_OUT if variant.why else _KEPT, zorder=2)
        axis.annotate(
            variant.name.replace("+", "\n+"),
            at,
            xytext=(6, -8 - 9 * (number % 2)) if variant.why else (-6, 0),
            textcoords="offset points",
            ha="left" if variant.why else "right",
            va="center",
            fontsize=7,
            color="#777777" if variant.why else "black",
        )
    axis.set_xscale("log")
    axis.set_xlabel(cost.label)
    axis.margins(0.1, 0.12)
    low, high = axis.get_xlim()
    low, high = low * (low / high) ** 0.5, high * (high / low) ** 0.3  # room for the names
    axis.set_xlim(low, high)
    marks = _marks(low, high)
    axis.set_xticks(marks, [f"{mark:g}" for mark in marks])
    axis.tick_params(labelsize=8)
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)


def _marks(low: float, high: float) -> list[float]:
    """Return round numbers in a range, closer to each other where the range is narrow."""
    for steps in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        found = [step * 10.0**e for e in range(-9, 10) for step in steps]
        found = [mark for mark in found if low <= mark <= high]
        if len(found) >= 3:
            break
    return found
