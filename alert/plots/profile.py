"""The picture of a profile: accuracy against energy and latency."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from alert.plots.picture import Picture, cap_label, legend, shades, title

if TYPE_CHECKING:
    from alert._arguments import Floats
    from alert.profile import Profile

_MARKERS = "osD^vPX*<>hd"


class _Output(NamedTuple):
    """An output of a model: its name, its costs under each cap, and its accuracy."""

    model: int
    name: str
    cost: Floats
    accuracy: float


def draw(profile: Profile) -> Picture:
    """Draw every configuration as a point: models by their marks, caps from light to dark."""
    panels = [("latency", "ms", 1e3 * profile.latency)]
    if profile.knows_power:
        panels.insert(0, ("energy", "J per input", profile.latency * profile.power))
    figure = Picture(5.0 * len(panels), 4.6)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    colors = list(shades([str(j) for j in range(len(profile.power_caps))]).values())
    for axis, (name, unit, cost) in zip(axes, panels, strict=True):
        _draw_panel(axis, _outputs(profile, cost), colors)
        axis.set_xlabel(f"{name}, {unit}")
        title(axis, f"accuracy against {name}")
    axes[0].set_ylabel("accuracy")
    if profile.knows_power:
        points = [(c, o.accuracy) for o in _outputs(profile, panels[0][2]) for c in o.cost]
        axes[0].plot(*hull(np.array(points)).T, color="0.5", lw=1.0, ls="--", zorder=2)
    handles = [_handle(_MARKERS[i % 12], "0.35", name) for i, name in enumerate(profile.models)]
    if len(colors) > 1:
        handles += [_handle("o", colors[j], cap_label(profile, j)) for j in (0, -1)]
    if profile.knows_power:
        handles.append(Line2D([], [], color="0.5", lw=1.0, ls="--", label="best mixtures"))
    legend(figure, handles, columns=8)
    return figure


def _outputs(profile: Profile, cost: Floats) -> list[_Output]:
    """List the outputs of all models; an exit costs its part of the whole."""
    whole = {i: ((1.0, float(a)),) for i, a in enumerate(profile.accuracy)}
    return [
        _Output(i, profile.models[i], fraction * cost[i], accuracy)
        for i, exits in {**whole, **profile.exits}.items()
        for fraction, accuracy in exits
    ]


def _draw_panel(axis: Axes, outputs: list[_Output], colors: list[str]) -> None:
    for output in outputs:
        height = np.full(len(output.cost), output.accuracy)
        axis.plot(output.cost, height, color="0.8", lw=0.8, zorder=1)
        mark = _MARKERS[output.model % len(_MARKERS)]
        axis.scatter(output.cost, height, s=34, c=colors, marker=mark, lw=0, zorder=3)
    axis.set_xlim(left=0.0)
    axis.grid(color="0.92")
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def hull(points: Floats) -> Floats:
    """Return the points that no mixture of others beats, by ascending cost.

    A mixture uses one configuration for some inputs and another one for the rest.
    """
    kept: list[tuple[float, float]] = []
    for cost, accuracy in sorted(map(tuple, points), key=lambda point: (point[0], -point[1])):
        if kept and accuracy <= kept[-1][1]:
            continue
        while len(kept) > 1:
            (x0, y0), (x1, y1) = kept[-2:]
            if (y1 - y0) * (cost - x0) > (accuracy - y0) * (x1 - x0):
                break
            kept.pop()
        kept.append((cost, accuracy))
    return np.array(kept)


def _handle(mark: str, color: str, label: str) -> Line2D:
    return Line2D([], [], color=color, label=label, marker=mark, ls="", ms=5)
