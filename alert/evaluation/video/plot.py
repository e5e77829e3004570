"""The picture of peers: joules a frame, F1 and share late of each choice, in each environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

_OURS, _OTHER, _LATE = "#0b2d5b", "#8ecae6", "#d9d9d9"
_ALLOWED = 0.05


def draw(peers: Sequence[dict[str, Any]], emulated: bool) -> Figure:
    """Draw a panel for each environment; grey are the choices that are late too often."""
    environments = list(dict.fromkeys(row["environment"] for row in peers))
    choices = list(dict.fromkeys(row["choice"] for row in peers))
    height = 1.2 + 0.3 * len(choices) * len(environments)
    figure = Figure(figsize=(7.5, height), dpi=110, layout="constrained")
    panels = figure.subplots(len(environments), 1, sharex=True, squeeze=False)[:, 0]
    most = max(row["energy"] for row in peers)
    for axis, environment in zip(panels, environments, strict=True):
        rows = [row for row in peers if row["environment"] == environment]
        axis.barh(
            [row["choice"] for row in rows],
            [row["energy"] for row in rows],
            color=[_colour(row) for row in rows],
        )
        for place, row in enumerate(rows):
            said = f"F1 {row['F1']:.2f}, {100 * row['late']:.0f} % late"
            axis.text(row["energy"] + 0.01 * most, place, said, va="center", fontsize=8)
        axis.invert_yaxis()
        axis.set_xlim(0.0, 1.3 * most)
        beside = "quiet" if environment == "quiet" else f"beside {environment} loops"
        axis.set_title(beside, loc="left", fontsize=10)
        axis.tick_params(axis="y", labelsize=8, length=0)
        axis.spines[["top", "right", "left"]].set_visible(False)
    panels[-1].set_xlabel(
        f"joules a frame{', emulated' if emulated else ''}; grey: over {_ALLOWED:.0%} late"
    )
    return figure


def _colour(row: dict[str, Any]) -> str:
    if row["late"] > _ALLOWED:
        return _LATE
    return _OURS if row["choice"].startswith("ALERT") else _OTHER
