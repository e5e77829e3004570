"""The picture of peers: joules a frame, F1 and share late of each choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

_OURS, _OTHER, _LATE = "#0b2d5b", "#8ecae6", "#d9d9d9"
_ALLOWED = 0.05


def draw(peers: Mapping[str, Sequence[dict[str, Any]]], emulated: bool) -> Figure:
    """Draw a column for each clip and a panel for each environment.

    Choices that are late too often are grey.
    """
    some = next(iter(peers.values()))
    environments = list(dict.fromkeys(row["environment"] for row in some))
    height = 1.2 + 0.3 * len(some)
    figure = Figure(figsize=(3.0 + 4.5 * len(peers), height), dpi=110, layout="constrained")
    panels = figure.subplots(
        len(environments), len(peers), sharex="col", sharey="row", squeeze=False
    )
    for column, (clip, rows) in zip(panels.T, peers.items(), strict=True):
        for axis, environment in zip(column, environments, strict=True):
            _draw(axis, [row for row in rows if row["environment"] == environment])
            beside = "quiet" if environment == "quiet" else f"beside {environment} loops"
            axis.set_title(f"{clip}, {beside}", loc="left", fontsize=10)
        column[0].set_xlim(0.0, 1.5 * max(row["energy"] for row in rows))
        unit = "joules a frame, emulated" if emulated else "joules a frame"
        column[-1].set_xlabel(f"{unit}; grey: over {100 * _ALLOWED:g} % late")
    for axis in panels[:, 0]:
        axis.invert_yaxis()  # of the whole row
    return figure


def _draw(axis: Any, rows: Sequence[dict[str, Any]]) -> None:
    axis.barh(
        [row["choice"] for row in rows],
        [row["energy"] for row in rows],
        color=[_colour(row) for row in rows],
    )
    for place, row in enumerate(rows):
        said = f"  F1 {row['F1']:.2f}, {100 * row['late']:.0f} % late"
        axis.text(row["energy"], place, said, va="center", fontsize=8)
    axis.tick_params(axis="y", labelsize=8, length=0)
    axis.spines[["top", "right", "left"]].set_visible(False)


def _colour(row: dict[str, Any]) -> str:
    if row["late"] > _ALLOWED:
        return _LATE
    return _OURS if row["choice"].startswith("ALERT") else _OTHER
