"""Replay recorded traces under every scheme, and compare.

The schemes are the default of `alert.Scheduler`, the paper's method, parts of it, systems that
adapt one level only, and oracles. Each runs in about 35 settings for each
goal and trace: deadlines from tight to loose, goals over their whole reachable range. Tables, a
summary and pictures go to the output directory. The first two thirds of every trace (for tuning)
and the last third (the holdout) are also replayed by themselves.

With --tenants three applications share one machine instead: a simulation on the traces of
photographs, from light load to overload, under the policies of `alert.Server` and rivals. It takes
half a minute.

With --learning it plays what learns while it serves: accuracies from ratings, a run without a
profile, and the model for a device. Pictures show regret, and what is known of each model.

With --video branches of a detector are replayed on groups of frames (the traces under video/):
beside contention, beside peers, and while scenes change. It takes some seconds.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alert.cli import evaluate_video, learning, tenants
from alert.cli.shared_options import add_output, add_quiet, comma_separated, count
from alert.cli.terminal import console, print_json, require

if TYPE_CHECKING:
    from rich.table import Table

_GOALS = {"min_energy": "energy", "max_accuracy": "error"}
_PARTS = {
    "all": "whole traces",
    "tuning": "first two thirds, for tuning",
    "holdout": "last third, the holdout",
}


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "--traces",
        type=Path,
        default=Path("benchmarks/traces"),
        metavar="DIR",
        help="directory of .npz files that `Trace.save` wrote (default: %(default)s)",
    )
    add_output(parser, "evaluation")
    parser.add_argument(
        "--schemes",
        type=comma_separated(str, "names"),
        metavar="NAME,NAME,...",
        help="schemes, or methods of the scheduler, to compare (default: all schemes)",
    )
    parser.add_argument(
        "--jobs", type=count, default=os.cpu_count() or 1, help="processes (default: one a core)"
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--tenants", action="store_true", help="simulate many tenants that share one machine"
    )
    kind.add_argument("--learning", action="store_true", help="play what is learnt while serving")
    kind.add_argument("--video", action="store_true", help="replay branches in video")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    add_quiet(parser)


def run(arguments: argparse.Namespace) -> None:
    """Replay, write the files, and print the tables."""
    if arguments.tenants:
        tenants.run(arguments)
        return
    if arguments.learning:
        learning.run(arguments)
        return
    if arguments.video:
        evaluate_video.run(arguments)
        return
    require("plot", ["matplotlib"])
    from alert.evaluation import SCHEMES, export, grid
    from alert.trace import Trace

    out = None if arguments.json else console()
    paths = sorted(arguments.traces.glob("*.npz"))
    if not paths:
        raise FileNotFoundError(f"no traces (*.npz) in {arguments.traces}")
    traces = [Trace.load(path) for path in paths]
    schemes = arguments.schemes or tuple(SCHEMES)
    found = grid.run(traces, schemes, jobs=arguments.jobs, progress=not arguments.quiet)
    summary = export.write(found, traces, arguments.output)
    if out is None:
        print_json(summary)
        return
    label = ", emulated" if any(trace.emulated for trace in traces) else ""
    for part, told in summary.items():
        name = _PARTS[part]
        for goal in _GOALS:
            out.print(_costs(told, goal, f"{name}{label}"))
        out.print(_promise(told, f"{name}{label}"))
        out.print(_places(told["places"], f"default and paper, {name}{label}"))
        out.print(_behaviour(told, name))
    out.print(_comparisons(summary))
    out.print(f"{len(traces)} traces; everything in {arguments.output}")


def _costs(told: dict[str, Any], goal: str, name: str) -> Table:
    """Compare with the oracles in the settings of one goal."""
    from rich.table import Table

    title = f"{_GOALS[goal]} in {told['settings'][goal]} settings of {goal}, {name}"
    table = Table("scheme", title=title)
    for column in ("/ Oracle", "/ OracleStatic", "/ Clairvoyant", "violated"):
        table.add_column(column, justify="right")
    for scheme, by_goal in told["schemes"].items():
        found = by_goal[goal]
        cells = [_number(found[other]) for other in ("oracle", "static", "clairvoyant")]
        table.add_row(scheme, *cells, f"{found['violated']}")
    return table


def _promise(told: dict[str, Any], name: str) -> Table:
    """Say by how much goals are missed, and what is paid over a scheme that knows the phase."""
    from rich.table import Table

    schemes = [scheme for scheme in ("paper", "default") if scheme in told["schemes"]]
    table = Table("goal", "", title=f"promise and cost over all settings, {name}")
    for scheme in schemes:
        table.add_column(scheme, justify="right")
    for goal, little in (("min_energy", "0.005"), ("max_accuracy", "1 %")):
        found = [told["schemes"][scheme][goal] for scheme in schemes]
        missed = (f"{each['missed']} of {each['settings']}" for each in found)
        table.add_row(goal, f"missed by more than {little}", *missed)
        table.add_row("", "shortfall", *(_number(each["shortfall"], 4) for each in found))
        cost = (_number(each["informed, violated or not"]) for each in found)
        table.add_row("", f"{_GOALS[goal]} / Informed", *cost)
    return table


def _places(places: dict[str, Any], name: str) -> Table:
    """Compare the default with the paper's method in each task and environment."""
    from rich.table import Table

    table = Table("", title=name)
    for goal in _GOALS:
        table.add_column(f"{_GOALS[goal]}\n/ paper", justify="right")
        table.add_column("violated:\ndefault, paper, of", justify="right")
    for place, by_goal in places.items():
        cells = []
        for goal in _GOALS:
            pair = by_goal[goal]
            cells += [
                _number(pair["ratio"]),
                "{}, {}, {}".format(*pair["violated"], pair["settings"]),
            ]
        table.add_row(place, *cells)
    return table


def _behaviour(told: dict[str, Any], name: str) -> Table:
    """Say how far predictions are off, and how soon misses end after contention has set in."""
    from rich.table import Table

    schemes = [scheme for scheme in ("paper", "default") if scheme in told["calibration"]]
    off = {
        scheme: {(b["low"], b["high"]): b["predicted less observed"] for b in bins}
        for scheme, bins in told["calibration"].items()
    }
    table = Table("predicted probability", title=f"predicted less observed, {name}")
    for scheme in schemes:
        table.add_column(scheme, justify="right")
    for low, high in sorted({edge for scheme in schemes for edge in off[scheme]}):
        cells = (off[scheme].get((low, high)) for scheme in schemes)
        table.add_row(f"{low:g} to {high:g}", *("" if c is None else f"{c:+.3f}" for c in cells))
    until = ("never" if (n := told["recovery"][s]) is None else str(n) for s in schemes)
    table.add_section()
    table.add_row("inputs after a step until under 5 % are late", *until)
    return table


def _comparisons(summary: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table("default compared with", title="mean over settings that neither violates")
    columns = [(part, goal) for part in summary for goal in _GOALS]
    for part, goal in columns:
        table.add_column(f"{_GOALS[goal]},\n{part}", justify="right")
    comparisons = {at: summary[at[0]]["comparisons"][at[1]] for at in columns}
    for name in next(iter(comparisons.values())):
        cells = [comparisons[at][name] for at in columns]
        table.add_row(name, *(_number(cell) for cell in cells))
    return table


def _number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"
