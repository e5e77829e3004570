"""The picture of peers: joules a frame and F1 of each choice, in each environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

_OURS, _OTHER = "#0b2d5b", "#8ecae6"


def draw(peers: Sequence[dict[str, Any]], emulated: bool) -> Figure:
    """Draw a panel for each environment; a cross marks a choice that is late too often."""
    environments = list(dict.fromkeys(row["environment"] for row in peers))
    figure = Figure(figsize=(4.0 * len(environments), 4.2), dpi=110, layout="constrained")
    panels = figure.subplots(1, len(environments), sharey=True, squeeze=False)[0]
    for axis, environment in zip(panels, environments, strict=True):
        for row in peers:
            if row["environment"] != environment:
                continue
            ours, late = row["choice"].startswith("ALERT"), row["late"] > 0.05
            colour, marker = (_OURS if ours else _OTHER), ("x" if late else "o")
            axis.scatter(row["energy"], row["F1"], 60, color=colour, marker=marker, zorder=2)
            axis.annotate(
                row["choice"],
                (row["energy"], row["F1"]),
                xytext=(6, -9 if ours else 5),
                textcoords="offset points",
                fontsize=8,
                fontweight="bold" if ours else "normal",
            )
        axis.set_title(environment, loc="left", fontsize=10)
        axis.set_xlabel(f"joules a frame{', emulated' if emulated else ''}")
        axis.grid(alpha=0.3)
        axis.margins(x=0.35)
        axis.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("F1; crosses: over 5 % late")
    return figure
