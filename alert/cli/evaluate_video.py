"""What `alert evaluate --video` does: replay, write, print."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from alert.cli.terminal import console, print_json, require

if TYPE_CHECKING:
    from rich.table import Table


def run(arguments: argparse.Namespace) -> None:
    """Evaluate the traces of video, and print the tables."""
    require("plot", ["matplotlib"])
    from alert.evaluation.video import summary

    out = None if arguments.json else console()
    found = summary.write(summary.load(arguments.traces / "video"), arguments.output)
    if out is None:
        print_json(found)
        return
    for clip, told in found.items():
        out.rule(clip)
        label = ", emulated" if told["emulated"] else ""
        out.print(_frontier(told["frontier"]))
        out.print(_contention(told["contention"], label))
        out.print(_summed(told["contention, all"], label))
        out.print(peers(told["peers"], label))
        out.print(_scenes(told["scenes"], label))
        out.print(_ratios(told))
        rms, halves = told["prediction"]["rms"], told["prediction"]["halves"]
        out.print(f"predicted F1 by scene and branch: {rms:.3f} rms off, the profile {halves:.3f}")
        out.print(f"a choice by content: {1e6 * told['seconds of a choice']:.0f} us")
    out.print(f"everything in {arguments.output}")


def _frontier(found: dict[str, Any]) -> Table:
    from rich.table import Table

    title = "branches worth their time, x {:.1f} in seconds, {:.3f} in F1".format(
        found["seconds, dearest / cheapest"], found["F1, best - worst"]
    )
    table = Table("branch", title=title)
    table.add_column("ms a frame", justify="right")
    table.add_column("F1", justify="right")
    for name, seconds, f1 in zip(found["branches"], found["seconds"], found["F1"], strict=True):
        table.add_row(name, f"{1e3 * seconds:.1f}", f"{f1:.3f}")
    return table


def _contention(rows: list[dict[str, Any]], label: str) -> Table:
    """Give a row for each environment and deadline: means over goals."""
    from rich.table import Table

    from alert.evaluation.video.contention import summed

    table = Table("beside", title=f"ALERT and the best fixed choice in hindsight{label}")
    for column in ("deadline", "F1 asked for", *_COSTS):
        table.add_column(column, justify="right")
    for environment, deadline in dict.fromkeys((r["environment"], r["deadline"]) for r in rows):
        here = [r for r in rows if (r["environment"], r["deadline"]) == (environment, deadline)]
        told = summed(here, "ALERT")
        table.add_row(
            environment,
            f"{deadline:g}",
            f"{here[0]['goal']:.3f} to {here[-1]['goal']:.3f}",
            *_costs(told),
        )
    return table


def _summed(found: dict[str, dict[str, Any]], label: str) -> Table:
    from rich.table import Table

    table = Table("choice", title=f"over all deadlines and goals{label}")
    for column in ("missed", *_COSTS):
        table.add_column(column, justify="right")
    for name, told in found.items():
        if told:
            missed = f"{told['missed']} of {told['settings']}"
            table.add_row(name, missed, *_costs(told))
    return table


_COSTS = ("J / fixed", "worst", "at its F1", "short", "worst", "late")


def _costs(told: dict[str, Any]) -> list[str]:
    return [
        _number(told["energy / fixed"]),
        _number(told["energy / fixed, worst"]),
        _number(told["energy / fixed at its F1"]),
        f"{told['shortfall']:.4f}",
        f"{told['shortfall, worst']:.4f}",
        f"{100 * told['late']:.1f} %",
    ]


def _ratios(told: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table("", "choice", "against", title="joules above idle at equal F1")
    for column in ("mean", "worst", "of"):
        table.add_column(column, justify="right")
    for key, title, choice in _RATIOS:
        for other, found in told[key].items():
            cells = ("none",) * 3
            if found is not None:
                of = f"{found['both']} of {found['of']}"
                cells = (_number(found["mean"]), _number(found["worst"]), of)
            table.add_row(title, choice, other, *cells)
    return table


_RATIOS = (
    ("content / others", "scenes change", "content"),
    ("F1 known / others", "scenes change", "F1 known"),
    ("static scene", "scene stays", "content"),
)


def peers(rows: list[dict[str, Any]], label: str) -> Table:
    """Return the table of ALERT and its peers."""
    from rich.table import Table

    table = Table("beside", "choice", title=f"ALERT and its peers{label}")
    for column in ("J a frame", "F1", "late"):
        table.add_column(column, justify="right")
    before = rows[0]["environment"]
    for row in rows:
        if row["environment"] != before:
            table.add_section()
            before = row["environment"]
        cells = (f"{row['energy']:.3f}", f"{row['F1']:.3f}", f"{100 * row['late']:.1f} %")
        table.add_row(row["environment"], row["choice"], *cells)
    return table


def _scenes(found: dict[str, Any], label: str) -> Table:
    from rich.table import Table

    table = Table("choice", title=f"joules a frame above idle while scenes change, by F1{label}")
    for f1 in found["F1"]:
        table.add_column(f"{f1:.2f}", justify="right")
    for name, values in found.items():
        if name != "F1":
            table.add_row(name, *(_number(value) for value in values))
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
