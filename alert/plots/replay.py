"""The picture of a replay: energy and accuracy so far, against the bound."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from alert._arguments import Floats
from alert.goal import Goal
from alert.plots.picture import BLUES, LATE, Picture, title


def draw(scheme: str, goal: Goal, energy: Floats, accuracy: Floats, missed: Floats) -> Picture:
    """Draw each input as a dot, and the mean so far as a line."""
    figure = Picture(10.0, 4.6)
    above, below = figure.subplots(2, sharex=True)
    late = missed > 0.5
    _draw_panel(above, energy, late, goal.energy)
    _draw_panel(below, accuracy, late, goal.accuracy)
    above.set_ylabel("energy, J")
    below.set_ylabel("accuracy")
    below.set_xlabel("input")
    title(above, scheme, f"{energy.mean():.3g} J per input")
    title(below, "", f"accuracy {accuracy.mean():.3f}, {missed.sum():.0f} of {len(missed)} late")
    below.legend(loc="lower right", fontsize=9, ncols=4)
    return figure


def _draw_panel(axis: Axes, value: Floats, late: np.ndarray, bound: float | None) -> None:
    at = np.arange(len(value))
    axis.scatter(at[~late], value[~late], s=7, c=BLUES[0], lw=0, label="input")
    axis.scatter(at[late], value[late], s=20, c=LATE, marker="x", lw=1.2, label="late")
    axis.plot(at, np.cumsum(value) / (at + 1), color=BLUES[2], lw=1.4, label="mean so far")
    if bound is not None:
        axis.axhline(bound, color="black", lw=0.9, ls="--", label="bound")
    axis.spines[["top", "right"]].set_visible(False)
    axis.margins(x=0.005)
