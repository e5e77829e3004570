"""Replay recorded traces under several schemes, and compare what each would have cost.

WHAT is a file that `alert record` wrote, or MODULE:FUNCTION as it was given to `alert record`: then
all traces of that module in the current directory are replayed. Nothing is run or measured.

    $ alert replay mymodels:offer --deadline 0.05 --accuracy 0.75

Goals hold on average over the trace. Without --accuracy and --energy, both bounds are tried, half
way between the least and the most that can be reached; that on the energy only where the profile
knows the power. Without --deadline it is the mean latency of the largest model. A goal is kept when
its bound holds and at most one input in ten is late. The oracle is that of the paper. It keeps the
bound in each input by itself, so it may miss a goal that others keep on average.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import alert
from alert.cli import offer
from alert.cli.shared_options import comma_separated
from alert.cli.terminal import console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from alert.evaluation import OutputTrace, Replay
    from alert.goal import Objective

# Left out by default: parts of the paper's method, and its view of one level at a time.
_SCHEMES = ("default", "paper", "static", "informed", "oracle")

_MEANING = {
    "default": "alert.Scheduler",
    "paper": "the paper's method",
    "static": "best single choice",
    "informed": "knows the phase",
    "oracle": "knows the outcome,\nkeeps each input in\nthe bound by itself",
}


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("what", metavar="WHAT", nargs="+", help="FILE.npz or MODULE:FUNCTION")
    parser.add_argument("--deadline", type=float, metavar="S", help="seconds for one input")
    bound = parser.add_mutually_exclusive_group()
    bound.add_argument("--accuracy", type=float, metavar="Q", help="at least; for least energy")
    bound.add_argument("--energy", type=float, metavar="J", help="at most; for best accuracy")
    parser.add_argument(
        "--schemes",
        type=comma_separated(str, "names"),
        default=_SCHEMES,
        metavar="NAME,NAME,...",
        help=f"schemes of `alert evaluate`, or methods (default: {','.join(_SCHEMES)})",
    )
    parser.add_argument("--json", action="store_true", help="print numbers instead of tables")


def run(arguments: argparse.Namespace) -> None:
    """Replay, and print one table for each trace and goal."""
    from alert.evaluation import OutputTrace, run
    from alert.evaluation.schemes import applies, find

    out = None if arguments.json else console()
    for scheme in arguments.schemes:
        find(scheme)
    documents = []
    for path in _paths(arguments.what):
        trace = alert.Trace.load(path)
        outputs = OutputTrace.of(trace)
        for goal in _goals(outputs, arguments):
            replays = [run(s, outputs, goal) for s in arguments.schemes if applies(s, outputs)]
            documents.append(_document(path, trace, goal, replays))
            if out is not None:
                out.print(_table(documents[-1]))
    if out is None:
        print_json(documents)


def _paths(what: list[str]) -> Iterator[Path]:
    """List the files: as they are named, or those of a module."""
    for text in what:
        if ":" not in text or Path(text).exists():
            yield Path(text)
            continue
        module = offer.target(text)[0].rpartition(".")[2]
        found = sorted(Path().glob(f"{module}-*.npz"))
        if not found:
            raise FileNotFoundError(
                f"no traces {module}-*.npz here; `alert record {text}` makes one"
            )
        yield from found


def _goals(outputs: OutputTrace, arguments: argparse.Namespace) -> list[alert.Goal]:
    """Return the goal asked for, or one in the middle of what is reachable for each objective."""
    from alert.evaluation.settings import largest_latency, settings

    largest = largest_latency(outputs)
    deadline = largest if arguments.deadline is None else arguments.deadline
    if arguments.accuracy is not None:
        return [alert.Goal.min_energy(deadline, arguments.accuracy)]
    if arguments.energy is not None:
        return [alert.Goal.max_accuracy(deadline, arguments.energy)]
    objectives: tuple[Objective, ...] = ("min_energy", "max_accuracy")
    return [
        next(s.goal for s in settings(outputs, objective, deadline / largest) if s.level == 0.5)
        for objective in objectives[: 1 + outputs.profile.knows_power]
    ]


def _document(
    path: Path, trace: alert.Trace, goal: alert.Goal, replays: list[Replay]
) -> dict[str, Any]:
    """Return what one table shows, as plain values."""
    return {
        "trace": str(path),
        "inputs": len(trace),
        "emulated": trace.emulated,
        "objective": goal.objective,
        "deadline": goal.deadline,
        "bound": goal.bound if math.isfinite(goal.bound) else None,
        "schemes": [
            {
                "name": replay.scheme,
                "energy": replay.mean_energy,
                "accuracy": replay.mean_accuracy,
                "late": replay.miss_rate,
                "goal_kept": not replay.violated,
            }
            for replay in replays
        ],
    }


def _table(document: dict[str, Any]) -> Table:
    from rich.table import Table

    limit = document["bound"]
    if document["objective"] == "min_energy":
        bound = f"accuracy at least {limit:.3g}, least energy"
    else:
        bound = "" if limit is None else f"at most {limit:.3g} J an input, "
        bound += "best accuracy"
    emulated = ", joules emulated" if document["emulated"] else ""
    table = Table(
        "scheme",
        title=f"{document['trace']}, {document['inputs']} inputs{emulated}\n"
        f"deadline {1e3 * document['deadline']:.3g} ms, {bound}",
    )
    for column in ("J per input", "accuracy", "late", "goal"):
        table.add_column(column, justify="right")
    table.add_column("")
    for scheme in document["schemes"]:
        table.add_row(
            *(scheme["name"], f"{scheme['energy']:.4g}", f"{scheme['accuracy']:.4f}"),
            *(f"{100 * scheme['late']:.1f} %", "kept" if scheme["goal_kept"] else "missed"),
            _MEANING.get(scheme["name"], ""),
        )
    return table
