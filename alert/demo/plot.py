"""The picture of a demonstration: the three schemes one above the other, and how ALERT chose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from alert.demo.plan import Plan
from alert.demo.stream import Outcome
from alert.plots import run
from alert.plots.picture import Picture, legend, shades, title

_SHADES = {"memory": "#f4e3c1", "compute": "#dedede"}


def draw(plan: Plan, outcomes: Sequence[Outcome], environments: Sequence[str]) -> Figure:
    """Draw it; ``savefig`` of what is returned writes it to a file."""
    figure = Picture(10.0, 8.6)
    heights = [1.0] * len(outcomes) + [1.0, 0.9]
    axes = list(figure.subplots(len(heights), sharex=True, height_ratios=heights))
    colors = shades(plan.schemes[0].profile.models)
    for axis in axes:
        _shade(axis, environments)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.005)
    for axis, outcome in zip(axes, outcomes, strict=False):
        profile = outcome.scheme.profile
        run.draw_responses(axis, outcome.trace, run.colors_of(outcome.trace, profile, colors))
        title(axis, outcome.scheme.name, _summary(outcome))
    ours = outcomes[0]
    run.draw_slowdown(axes[-2], ours.trace)
    title(axes[-2], "ALERT: slowdown measured (dots), estimated (line) ± 2 standard deviations")
    run.draw_choices(axes[-1], ours.trace, ours.scheme.profile, colors)
    mark = " (caps emulated)" if ours.report.emulated else ""
    title(axes[-1], f"ALERT: chosen model and power cap{mark}")
    axes[-1].set_xlabel("input")
    _legend(figure, colors, [kind for kind in _SHADES if kind in environments])
    return figure


def phases(environments: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield environment, first input and number of inputs of every phase."""
    first = 0
    for environment, members in groupby(environments):
        count = len(list(members))
        yield environment, first, count
        first += count


def _shade(axis: Axes, environments: Sequence[str]) -> None:
    for environment, first, count in phases(environments):
        if environment in _SHADES:
            axis.axvspan(first - 0.5, first + count - 0.5, color=_SHADES[environment], lw=0)


def _summary(outcome: Outcome) -> str:
    mark = " emulated" if outcome.report.emulated else ""
    energy = outcome.report.energy
    drawn = "energy not read" if energy is None else f"{energy:.0f} J{mark}"
    inputs = len(outcome.trace)
    return f"{outcome.late.sum()} of {inputs} late, accuracy {outcome.accuracy:.3f}, {drawn}"


def _legend(figure: Figure, colors: dict[str, str], shaded: Sequence[str]) -> None:
    handles: list[Artist] = list(run.handles(colors))
    handles += [Patch(color=_SHADES[kind], label=f"{kind} contention") for kind in shaded]
    legend(figure, handles)
