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
    from alert.trace import Trace

    out = None if arguments.json else console()
    folder = arguments.traces / "video"
    traces = {name: Trace.load(folder / f"video-{name}.npz") for name in summary.TRACES}
    found = summary.write(traces, arguments.output)
    if out is None:
        print_json(found)
        return
    label = ", emulated" if found["emulated"] else ""
    out.print(_frontier(found["frontier"]))
    out.print(_contention(found["contention"], label))
    out.print(f"energy / best fixed, mean: {_number(found['energy / fixed'])}")
    out.print(peers(found["peers"], label))
    out.print(_scenes(found["scenes"], label))
    for name, title in (("content / others", "scenes change"), ("static scene", "scene stays")):
        said = ", ".join(f"{other} {_number(value)}" for other, value in found[name].items())
        out.print(f"{title}, content / {said}")
    out.print(f"predicted F1 by scene and branch: {found['prediction']['rms']:.3f} rms off")
    out.print(f"a choice by content: {1e6 * found['seconds of a choice']:.0f} us")
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
    from rich.table import Table

    table = Table("beside", title=f"F1, share late, joules a frame{label}")
    for column in (
        "goal",
        "ALERT",
        "ALERT, content",
        "best fixed",
        "J / fixed",
        "cheapest by profile",
    ):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            row["environment"],
            f"{row['goal']:.3f}",
            _said(row["ALERT"]),
            _said(row["ALERT, content"]),
            "none" if row["best fixed"] is None else _said(row["best fixed"]),
            _number(row["energy / fixed"]),
            _said(row["cheapest by profile"]),
        )
    return table


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


def _said(run: dict[str, Any]) -> str:
    return f"{run['F1']:.3f}, {100 * run['late']:.1f} %, {run['energy']:.3f} J"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
