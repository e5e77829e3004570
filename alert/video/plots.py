"""The picture of branches: how much each costs, and how well it finds objects."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from alert.profile import Profile
from alert.video.frontier import undominated

_CHOSEN, _OTHER = "#0b2d5b", "#8ecae6"


def draw(profile: Profile, chosen: Mapping[str, int]) -> Figure:
    """Draw the branches of a profile; the area of a dot says how many groups a branch served."""
    figure = Figure(figsize=(7.0, 4.5), dpi=110, layout="constrained")
    axis = figure.subplots()
    milliseconds, f1 = 1e3 * profile.latency[:, -1], profile.accuracy
    best = undominated(profile)
    axis.plot(milliseconds[best], f1[best], color="#999999", lw=1, zorder=1)
    groups = max(sum(chosen.values()), 1)
    for row, name in enumerate(profile.models):
        served = chosen.get(name, 0) / groups
        colour = _CHOSEN if served else _OTHER
        axis.scatter(milliseconds[row], f1[row], 30 + 500 * served, color=colour, zorder=2)
        if served or row in best:
            axis.annotate(
                name,
                (milliseconds[row], f1[row]),
                xytext=(4 + 12 * served**0.5, -10),
                textcoords="offset points",
                fontsize=8,
            )
    axis.set_xscale("log")
    axis.set_xlabel("milliseconds a frame")
    axis.set_ylabel("F1")
    axis.set_title("branches; larger dots served more frames", loc="left", fontsize=10)
    axis.grid(alpha=0.3, which="both")
    axis.spines[["top", "right"]].set_visible(False)
    ticks = np.array([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000])
    low, high = axis.get_xlim()
    inside = ticks[(ticks >= low) & (ticks <= high)]
    axis.set_xticks(inside, [f"{tick:g}" for tick in inside])
    axis.xaxis.set_minor_formatter(NullFormatter())
    return figure
