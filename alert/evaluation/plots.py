"""Plots of a grid. They need matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from alert.evaluation.calibration import EDGES
from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.result import Replay
from alert.plots.picture import cap_axis

_PANELS = {"min_energy": ("energy", "energy"), "max_accuracy": ("error", "error")}
# Distinct for all kinds of colour vision (Okabe and Ito).
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7")
_SETTING, _VIOLATED = "#0072b2", "#d55e00"
_HIGHEST_RATIO = 3.0
_QUESTIONS = {
    "min_energy": "goal: an accuracy, for the least energy",
    "max_accuracy": "goal: the most accuracy, for an energy",
}
# What may come of a setting, as `alert.evaluation.summary` counts it.
_OUTCOMES = {
    "kept": "#b9d6ea",
    "late too often": "#bbbbbb",
    "missed by at most 0.005 or 1 %": "#f7dfa4",
    "by 0.02 or 4 %": "#e69f00",
    "by more": "#a33c00",
}


def draw_ratios(table: NDArray[np.void], schemes: Sequence[str], note: str, path: Path) -> None:
    """Draw every reachable setting as a dot: cost relative to Oracle, violated settings marked."""
    figure = Figure(figsize=(11, 5.5), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for axis, (objective, (cost, name)) in zip(axes, _PANELS.items(), strict=True):
        rows = table[(table["objective"] == objective) & table["reachable"]]
        oracle = rows[rows["scheme"] == "oracle"]
        for x, scheme in enumerate(schemes):
            mine = rows[rows["scheme"] == scheme]
            if len(mine) == len(oracle):  # else some traces lack its models
                _draw_scheme(
                    axis, x, mine[cost] / oracle[cost], mine["violated"], oracle["violated"]
                )
        axis.axhline(1.0, color="0.6", linewidth=0.8, zorder=0)
        axis.set_xticks(range(len(schemes)), schemes, rotation=40, ha="right")
        title = f"{name} relative to Oracle, goal: {objective.replace('_', ' ')}"
        axis.set_title(title, pad=20)
        axis.set_ylim(0.4, _HIGHEST_RATIO)
    axes[1].plot([], [], "o", color=_SETTING, alpha=0.5, label="a setting")
    axes[1].plot([], [], "x", color=_VIOLATED, label="violated (above: how many)")
    axes[1].plot([], [], "_", color="black", markersize=14, label="mean where neither violates")
    axes[1].legend(loc="upper left", fontsize="small")
    figure.suptitle(note, fontsize="small")
    figure.savefig(path, dpi=80)


def _draw_scheme(
    axis: Axes,
    x: int,
    ratio: NDArray[np.float64],
    violated: NDArray[np.bool_],
    oracle_violated: NDArray[np.bool_],
) -> None:
    spread = x + np.linspace(-0.28, 0.28, len(ratio))
    shown = np.minimum(ratio, _HIGHEST_RATIO - 0.02)
    axis.plot(spread[violated], shown[violated], "x", color=_VIOLATED, markersize=3, alpha=0.6)
    axis.plot(
        *(spread[~violated], shown[~violated]), "o", color=_SETTING, markersize=2.5, alpha=0.5
    )
    neither = ~(violated | oracle_violated)
    if neither.any():
        axis.plot(x, ratio[neither].mean(), "_", color="black", markersize=18, mew=2)
    axis.text(
        *(x, 1.01, f"{violated.sum()}"),
        transform=axis.get_xaxis_transform(),
        ha="center",
        va="bottom",
        fontsize="small",
        color=_VIOLATED,
    )


def draw_promise(found: Mapping[str, Any], note: str, path: Path) -> None:
    """Draw in how many settings each scheme keeps its goal, or misses it by how much.

    The cost over Informed stands beside each bar.
    """
    shown = [
        scheme
        for scheme, of_scheme in found["schemes"].items()
        if not scheme.startswith("paper-") and of_scheme["min_energy"]["settings"]
    ]
    figure = Figure(figsize=(11, 0.9 + 0.42 * len(shown)), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for axis, (objective, (_, name)) in zip(axes, _PANELS.items(), strict=True):
        for y, scheme in enumerate(shown):
            _draw_outcomes(axis, y, found["schemes"][scheme][objective], name, scheme == "default")
        axis.set_xlim(0, 100)
        axis.set_xlabel("settings, %")
        axis.set_title(_QUESTIONS[objective], fontsize="medium")
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(axis="y", length=0)
    axes[0].set_yticks(range(len(shown)), shown)
    axes[0].invert_yaxis()
    for label in axes[0].get_yticklabels():
        label.set_fontweight("bold" if label.get_text() == "default" else "normal")
    figure.legend(
        *zip(*_outcome_labels(), strict=True), loc="outside lower center", ncols=len(_OUTCOMES)
    )
    figure.suptitle(note, fontsize="small")
    figure.savefig(path, dpi=80)


def _outcome_labels() -> list[tuple[Patch, str]]:
    return [(Patch(color=colour), name) for name, colour in _OUTCOMES.items()]


def _draw_outcomes(
    axis: Axes, y: int, counts: Mapping[str, Any], cost_name: str, bold: bool
) -> None:
    """Draw one bar, and the cost behind it."""
    settings, violated, late = (counts[name] for name in ("settings", "violated", "late only"))
    missed, far = counts["missed"], counts["missed by far"]
    widths = (settings - violated, late, violated - late - missed, missed - far, far)
    left = 0.0
    for width, colour in zip(widths, _OUTCOMES.values(), strict=True):
        axis.barh(y, 100 * width / settings, left=left, color=colour, height=0.7)
        left += 100 * width / settings
    cost = counts["informed, violated or not"]
    axis.text(
        *(102, y, f"{cost_name} × {cost:.2f}" if cost else ""),
        va="center",
        fontweight="bold" if bold else "normal",
    )


def draw_reliability(bins: Mapping[str, NDArray[np.void]], note: str, path: Path) -> None:
    """Show how often predictions came true, and how many inputs each bin holds."""
    figure = Figure(figsize=(6.5, 7), layout="constrained")
    upper, lower = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    upper.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
    for colour, (scheme, counted) in zip(_COLOURS, bins.items(), strict=False):
        enough = counted["inputs"] >= 200
        inputs = np.maximum(counted["inputs"], 1)
        predicted, observed = counted["predicted"] / inputs, counted["observed"] / inputs
        upper.plot(predicted[enough], observed[enough], "o-", color=colour, label=scheme)
        lower.stairs(counted["inputs"], EDGES, color=colour)
    upper.set_ylabel("share that was in time")
    upper.legend(loc="upper left")
    lower.set_yscale("log")
    lower.set_ylabel("inputs")
    lower.set_xlabel("predicted probability that the chosen output is in time")
    figure.suptitle(note, fontsize="small")
    figure.savefig(path, dpi=120)


def draw_timeline(
    trace: OutputTrace, replays: Sequence[Replay], middle: int, note: str, path: Path
) -> None:
    """Show latency, power cap, accuracy and energy of schemes around input `middle`."""
    figure = Figure(figsize=(10, 8), layout="constrained")
    axes = figure.subplots(4, 1, sharex=True)
    around = np.arange(max(middle - 30, 0), min(middle + 70, len(trace)))
    height = cap_axis(axes[1], trace.profile)
    for colour, replay in zip(_COLOURS, replays, strict=False):
        assert replay.inputs is not None
        inputs = replay.inputs[around]
        late = ~inputs["met"]
        axes[0].plot(around, 1e3 * inputs["latency"], color=colour, label=replay.scheme)
        axes[0].plot(
            around[late], 1e3 * inputs["latency"][late], "x", color=colour, mew=2, zorder=3
        )
        axes[1].step(around, height[inputs["cap"]], where="mid", color=colour)
        axes[2].step(around, inputs["accuracy"], where="mid", color=colour)
        axes[3].plot(around, np.cumsum(inputs["energy"]), color=colour)
        deadline = inputs["deadline"]
    axes[0].plot(around, 1e3 * deadline, color="0.4", linestyle="--", label="deadline")
    axes[0].set_ylim(0.0, 3e3 * float(np.median(deadline)))
    names = ("latency, ms", "", "credited accuracy", "energy so far, J")
    for axis, name in zip(axes, names, strict=True):
        if name:
            axis.set_ylabel(name)
        busy = ~trace.quiet[around]
        axis.fill_between(
            *(around, 0, 1),
            where=busy,
            step="mid",
            color="0.9",
            transform=axis.get_xaxis_transform(),
        )
    axes[0].legend(loc="upper right", ncols=len(replays) + 1, fontsize="small")
    axes[-1].set_xlabel("input (shaded: something runs beside it; crosses: late)")
    figure.suptitle(note, fontsize="small")
    figure.savefig(path, dpi=120)
