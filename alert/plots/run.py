"""The picture of a run: when outputs came, the slowdown, and what was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from alert.plots.picture import BLUES, LATE, Picture, cap_axis, legend, shades, title

if TYPE_CHECKING:
    from alert.profile import Profile

_STEADY = 2.0  # standard deviations the band of the estimate shows to either side

# Latencies outside of these many deadlines, and larger slowdowns, are drawn at the edge.
_BOTTOM, _TOP = 0.2, 4.0


def draw(profile: Profile, history: NDArray[np.void], emulated: bool) -> Picture:
    """Draw the history of a runner: an input in each column."""
    figure = Picture(10.0, 5.6)
    axes = list(figure.subplots(3, sharex=True))
    colors = shades(profile.models)
    late = int((history["lateness"] > 0.0).sum())
    draw_responses(axes[0], history, colors_of(history, profile, colors))
    title(axes[0], "outputs, against their deadlines", f"{late} of {len(history)} late")
    draw_slowdown(axes[1], history)
    title(axes[1], "slowdown measured (dots), estimated (line) ± 2 standard deviations")
    draw_choices(axes[2], history, profile, colors)
    several = " and power cap" if len(profile.power_caps) > 1 else ""
    title(axes[2], f"chosen model{several}{' (caps emulated)' if emulated else ''}")
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.005)
    axes[2].set_xlabel("input")
    legend(figure, handles(colors))
    return figure


def colors_of(
    history: NDArray[np.void], profile: Profile, colors: Mapping[str, str]
) -> NDArray[np.str_]:
    """Return for each input the colour of the model that ran."""
    shown: NDArray[np.str_] = np.array([colors[name] for name in profile.models])[history["model"]]
    return shown


def draw_responses(axis: Axes, history: NDArray[np.void], shown: NDArray[np.str_]) -> None:
    """Draw when the output of every input was there, in deadlines after its arrival."""
    late = history["lateness"] > 0.0
    allowed = history["response"] - history["lateness"]  # from arrival to when it was due
    share = np.clip(history["response"] / allowed, _BOTTOM, _TOP)
    at = history["input"]
    axis.scatter(at[~late], share[~late], s=11, c=shown[~late], lw=0, zorder=3)
    axis.scatter(at[late], share[late], s=20, c=LATE, marker="x", lw=1.2, zorder=3)
    axis.axhline(1.0, color="black", lw=0.9, zorder=2)
    axis.set_yscale("log", base=2)
    axis.set_yticks([0.25, 0.5, 1.0, 2.0, 4.0], ["¼", "½", "1", "2", "4"])
    axis.set_ylim(_BOTTOM, _TOP * 1.1)
    axis.set_ylabel("latency /\ndeadline")


def draw_slowdown(axis: Axes, history: NDArray[np.void]) -> None:
    """Draw the slowdown of every input, and what was expected of it beforehand."""
    at = history["input"]
    mean, spread = history["slowdown_mean"], _STEADY * history["slowdown_std"]
    axis.fill_between(at, mean - spread, mean + spread, color=BLUES[1], alpha=0.25, lw=0)
    axis.plot(at, mean, color=BLUES[1], lw=1.2)
    axis.scatter(at, np.minimum(history["slowdown"], _TOP), s=7, c="black", lw=0, zorder=3)
    axis.set_ylim(0.0, _TOP * 1.05)
    axis.set_ylabel("slowdown")


def draw_choices(
    axis: Axes, history: NDArray[np.void], profile: Profile, colors: Mapping[str, str]
) -> None:
    """Draw the power cap of every input in the colour of its model; or the model, under one cap."""
    at = history["input"]
    if len(profile.power_caps) == 1:
        height = _model_axis(axis, profile)
        caps = height[history["model"]]
    else:
        height = cap_axis(axis, profile)
        caps = height[history["cap"]]
    axis.step(at, caps, where="mid", color="#9a9a9a", lw=0.7, zorder=2)
    axis.scatter(at, caps, s=14, c=colors_of(history, profile, colors), lw=0, zorder=3)
    margin = 0.08 * float(height[-1] - height[0]) or 1.0
    axis.set_ylim(height[0] - margin, height[-1] + margin)


def _model_axis(axis: Axes, profile: Profile) -> NDArray[np.float64]:
    """Label an axis with models, where there is only one cap; return their heights."""
    height = np.arange(float(len(profile.models)))
    axis.set_yticks(height, profile.models)
    return height


def handles(colors: Mapping[str, str]) -> list[Line2D]:
    """Return the entries of a legend: the models, and late outputs."""
    shown = [
        Line2D([], [], color=color, label=name, marker="o", ls="", ms=5)
        for name, color in colors.items()
    ]
    return [*shown, Line2D([], [], color=LATE, marker="x", ls="", ms=5, label="late")]
