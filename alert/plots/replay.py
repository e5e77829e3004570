"""The picture of a replay: energy and accuracy so far, against the bound."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from numpy.typing import NDArray

from alert._arguments import Floats
from alert.goal import Goal
from alert.plots.picture import BLUES, LATE, Picture, legend, title


def draw(scheme: str, goal: Goal, energy: Floats, accuracy: Floats, missed: Floats) -> Picture:
    """Draw each input as a dot, and the mean so far as a line."""
    figure = Picture(10.0, 4.6)
    above, below = figure.subplots(2, sharex=True)
    late = missed > 0.5
    _draw_panel(above, energy, energy, late, goal.energy)
    _draw_panel(below, accuracy, _at_the_edge(accuracy, late), late, goal.accuracy)
    above.set_ylabel("energy, J")
    below.set_ylabel("accuracy")
    below.set_xlabel("input")
    title(above, scheme, f"{energy.mean():.3g} J per input")
    title(below, "", f"accuracy {accuracy.mean():.3f}, {missed.sum():.0f} of {len(missed)} late")
    marks: dict[str, Artist] = {}
    for axis in (above, below):  # a goal bounds one of the two
        handles, names = axis.get_legend_handles_labels()
        marks.update(zip(names, handles, strict=True))
    legend(figure, list(marks.values()))
    return figure


def _draw_panel(
    axis: Axes, value: Floats, shown: Floats, late: NDArray[np.bool_], bound: float | None
) -> None:
    at = np.arange(len(value))
    axis.scatter(at[~late], shown[~late], s=7, c=BLUES[0], lw=0, label="input")
    axis.plot(at, _mean_so_far(value), color=BLUES[2], lw=1.4, label="mean so far")
    axis.scatter(at[late], shown[late], s=20, c=LATE, marker="x", lw=1.2, label="late", zorder=3)
    if bound is not None:
        axis.axhline(bound, color="black", lw=0.9, ls="--", label="bound")
    axis.spines[["top", "right"]].set_visible(False)
    axis.margins(x=0.005)


def _mean_so_far(value: Floats) -> Floats:
    mean: Floats = np.cumsum(value) / np.arange(1, len(value) + 1)
    return mean


def _at_the_edge(accuracy: Floats, late: NDArray[np.bool_]) -> Floats:
    """Raise late outputs to the least of all other accuracies: most of them are worth nothing."""
    least = np.min(accuracy, where=~late, initial=accuracy.max())
    return np.maximum(accuracy, min(least, _mean_so_far(accuracy).min()))
