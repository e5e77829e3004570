"""The picture of the demonstration of a server: every request under each policy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from alert.demo.tenants import PHASE, Outcome, Plan

# Distinct for all kinds of colour vision (Okabe and Ito).
_COLOURS = ("#0072b2", "#009e73", "#e69f00")
_LATE = "#d55e00"

# Requests that took longer than so many deadlines, or were given up, are drawn at the upper edge.
_TOP = 1.6


def draw(plan: Plan, outcomes: Sequence[Outcome]) -> Figure:
    """Draw it; ``savefig`` of what is returned writes it to a file."""
    figure = Figure(figsize=(10.0, 6.0), dpi=110, layout="constrained")
    axes = list(figure.subplots(len(outcomes), sharex=True))
    for axis, outcome in zip(axes, outcomes, strict=True):
        _shade(axis, plan)
        _requests(axis, plan, outcome)
    axes[-1].set_xlabel("seconds (shaded: loops compute beside the networks)")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    return figure


def _shade(axis: Axes, plan: Plan) -> None:
    for n, environment in enumerate(plan.environments):
        if environment != "quiet":
            end = min((n + 1) * PHASE, float(plan.time[-1]))
            axis.axvspan(n * PHASE, end, color="#dedede", lw=0)


def _requests(axis: Axes, plan: Plan, outcome: Outcome) -> None:
    """Draw when the output of every request was there, in deadlines."""
    response, tenant = outcome.response, np.array(plan.tenant)
    shown = np.minimum(np.nan_to_num(response, nan=_TOP), _TOP)
    in_time = response <= 1.0
    for number, (asked, colour) in enumerate(zip(plan.tenants, _COLOURS, strict=True)):
        mine = in_time & (tenant == number)
        axis.scatter(plan.time[mine], shown[mine], s=9, color=colour, lw=0, label=asked.name)
    axis.scatter(
        plan.time[~in_time],
        shown[~in_time],
        s=18,
        color=_LATE,
        marker="x",
        lw=1.0,
        label="late or given up",
    )
    axis.axhline(1.0, color="black", lw=0.9)
    axis.set_ylim(0.0, _TOP * 1.05)
    axis.set_ylabel("response /\ndeadline")
    axis.spines[["top", "right"]].set_visible(False)
    mark = " emulated" if outcome.report.emulated else ""
    joules = "" if outcome.energy is None else f", {outcome.energy:.2f} J{mark} a request"
    text = f"{100 * outcome.missed:.1f} % not in time, accuracy {outcome.accuracy:.3f}{joules}"
    axis.set_title(outcome.name, loc="left", fontsize=10, fontweight="bold")
    axis.set_title(text, loc="right", fontsize=10)
