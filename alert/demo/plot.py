"""The picture of a demonstration: the three schemes one above the other, and how ALERT chose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from alert.demo.plan import Plan
from alert.demo.stream import Outcome
from alert.evaluation.plots import cap_axis

# Models from the smallest to the largest, light to dark; distinct for all kinds of colour vision.
_BLUES = ("#8ecae6", "#2a83c2", "#0b2d5b")
_LATE = "#d1480f"
_SHADES = {"memory": "#f4e3c1", "compute": "#dedede"}

_SIZE = (10.0, 8.6)
_DPI = 110
_STEADY = 2.0  # standard deviations the band of the estimate shows to either side

# Latencies beyond this many deadlines, and slowdowns beyond this factor, are drawn at the edge.
_TOP = 4.0


def draw(plan: Plan, outcomes: Sequence[Outcome], environments: Sequence[str]) -> Figure:
    """Draw it; ``savefig`` of what is returned writes it to a file."""
    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    heights = [1.0] * len(outcomes) + [1.0, 0.9]
    axes = list(figure.subplots(len(heights), sharex=True, height_ratios=heights))
    colors = dict(zip(plan.schemes[0].profile.models, _BLUES, strict=False))
    for axis in axes:
        _shade(axis, environments)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.005)
    for axis, outcome in zip(axes, outcomes, strict=False):
        _latency(axis, outcome, colors)
    _slowdown(axes[-2], outcomes[0])
    _choices(axes[-1], outcomes[0], colors)
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


def _title(axis: Axes, text: str, right: str = "") -> None:
    axis.set_title(text, loc="left", fontsize=10, fontweight="bold")
    axis.set_title(right, loc="right", fontsize=10)


def _latency(axis: Axes, outcome: Outcome, colors: dict[str, str]) -> None:
    """Draw when the output of every input was there, in deadlines after its arrival."""
    trace, late = outcome.trace, outcome.late
    allowed = trace["response"] - trace["lateness"]  # from arrival to when it was due
    share = np.minimum(trace["response"] / allowed, _TOP)
    at = np.arange(len(trace))
    shown = np.array([colors[name] for name in outcome.models])
    axis.scatter(at[~late], share[~late], s=11, c=shown[~late], lw=0, zorder=3)
    axis.scatter(at[late], share[late], s=20, c=_LATE, marker="x", lw=1.2, zorder=3)
    axis.axhline(1.0, color="black", lw=0.9, zorder=2)
    axis.set_yscale("log", base=2)
    axis.set_yticks([0.25, 0.5, 1.0, 2.0, 4.0], ["¼", "½", "1", "2", "4"])
    axis.set_ylim(0.2, _TOP * 1.1)
    axis.set_ylabel("latency /\ndeadline")
    _title(axis, outcome.scheme.name, _summary(outcome))


def _summary(outcome: Outcome) -> str:
    mark = " emulated" if outcome.report.emulated else ""
    energy = outcome.report.energy
    drawn = "energy not read" if energy is None else f"{energy:.0f} J{mark}"
    inputs = len(outcome.trace)
    return f"{outcome.late.sum()} of {inputs} late, accuracy {outcome.accuracy:.3f}, {drawn}"


def _slowdown(axis: Axes, alert: Outcome) -> None:
    """Draw the slowdown of every input, and what was expected of it beforehand."""
    trace = alert.trace
    at = np.arange(len(trace))
    mean, spread = trace["slowdown_mean"], _STEADY * trace["slowdown_std"]
    axis.fill_between(at, mean - spread, mean + spread, color=_BLUES[1], alpha=0.25, lw=0)
    axis.plot(at, mean, color=_BLUES[1], lw=1.2)
    axis.scatter(at, np.minimum(trace["slowdown"], _TOP), s=7, c="black", lw=0, zorder=3)
    axis.set_ylim(0.0, _TOP * 1.05)
    axis.set_ylabel("slowdown")
    _title(axis, "ALERT: slowdown measured (dots), estimated (line) ± 2 standard deviations")


def _choices(axis: Axes, alert: Outcome, colors: dict[str, str]) -> None:
    """Draw the power cap of every input in the colour of its model."""
    at, height = np.arange(len(alert.trace)), cap_axis(axis, alert.scheme.profile)
    caps = height[alert.trace["cap"]]
    axis.step(at, caps, where="mid", color="#9a9a9a", lw=0.7, zorder=2)
    axis.scatter(at, caps, s=14, c=[colors[name] for name in alert.models], lw=0, zorder=3)
    margin = 0.08 * float(height[-1] - height[0])
    axis.set_ylim(height[0] - margin, height[-1] + margin)
    mark = " (caps emulated)" if alert.report.emulated else ""
    _title(axis, f"ALERT: chosen model and power cap{mark}")


def _legend(figure: Figure, colors: dict[str, str], shaded: Sequence[str]) -> None:
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=color, label=name, marker="o", ls="", ms=5)
        for name, color in colors.items()
    ]
    handles.append(Line2D([], [], color=_LATE, marker="x", ls="", ms=5, label="late"))
    handles += [Patch(color=_SHADES[kind], label=f"{kind} contention") for kind in shaded]
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=len(handles),
        frameon=False,
        fontsize=9,
        columnspacing=1.2,
        handletextpad=0.4,
    )
