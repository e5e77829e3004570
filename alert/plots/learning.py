"""The pictures of learning from ratings: what was given away, and what is known of each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from alert._arguments import Floats
from alert.plots.picture import Picture, legend, shades, title

_LINES = ("#7a7a7a", "#2a83c2", "#0b2d5b", "#d1480f")


def draw_regret(panels: Mapping[str, Mapping[str, Floats]], unit: str, right: str = "") -> Picture:
    """Draw how regret adds up, a panel for each world.

    Parameters
    ----------
    panels : mapping
        Of titles to the regret of each input, under each scheme: arrays of runs x inputs. The mean
        of the runs is a line, and half of the runs lie in its band.
    unit : str
        Of the regret.
    right : str
        A remark above the last panel.
    """
    figure = Picture(3.6 * len(panels) + 0.6, 3.4)
    axes = np.atleast_1d(figure.subplots(1, len(panels)))
    for axis, (name, schemes) in zip(axes, panels.items(), strict=True):
        for color, (scheme, regret) in zip(_LINES, schemes.items(), strict=False):
            total = np.cumsum(regret, axis=1)
            at = np.arange(1, total.shape[1] + 1)
            axis.plot(at, total.mean(axis=0), color=color, lw=1.6, label=scheme)
            low, high = np.quantile(total, (0.25, 0.75), axis=0)
            axis.fill_between(at, low, high, color=color, alpha=0.15, lw=0)
        title(axis, name)
        _finish(axis)
    title(axes[-1], list(panels)[-1], right)
    axes[0].set_ylabel(f"regret against hindsight so far, {unit}")
    axes[0].legend(frameon=False, fontsize=9, loc="upper left")
    return figure


def draw_posteriors(
    names: Sequence[str],
    mean: Floats,
    deviation: Floats,
    truth: Floats | None = None,
    right: str = "",
) -> Picture:
    """Draw what is known of the accuracy of each model over time.

    Parameters
    ----------
    names : sequence of str
        Of N models.
    mean, deviation : ndarray, shape (n, N)
        As `Scheduler.accuracies` told them, input by input. The band is a deviation wide to each
        side.
    truth : ndarray, shape (n, N), optional
        True accuracies: dashed lines.
    right : str
        A remark above the picture.
    """
    figure = Picture(9.0, 3.6)
    axis = figure.subplots()
    at = np.arange(len(mean))
    for i, (name, color) in enumerate(shades(names).items()):
        low, high = mean[:, i] - deviation[:, i], mean[:, i] + deviation[:, i]
        axis.fill_between(
            at, np.maximum(low, 0.0), np.minimum(high, 1.0), color=color, alpha=0.2, lw=0
        )
        axis.plot(at, mean[:, i], color=color, lw=1.5, label=name)
        if truth is not None:
            axis.plot(at, truth[:, i], color=color, lw=1.0, ls=(0, (4, 3)))
    title(axis, "what is known of each model", right)
    axis.set_ylabel("accuracy" if truth is None else "accuracy (dashed: true)")
    legend(figure, axis.get_legend_handles_labels()[0])
    _finish(axis)
    return figure


def _finish(axis: Axes) -> None:
    axis.set_xlabel("input")
    axis.spines[["top", "right"]].set_visible(False)
    axis.margins(x=0.005)
