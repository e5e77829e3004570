"""What `alert evaluate --learning` does: replay, write, print."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from alert.cli.terminal import console, print_json, require

if TYPE_CHECKING:
    from rich.table import Table

_TRACES = ("images", "patches", "words")
_ENVIRONMENTS = ("quiet", "compute")


def run(arguments: argparse.Namespace) -> None:
    """Learn accuracies, profiles and models for devices, and print the tables."""
    require("plot", ["matplotlib"])
    from alert.evaluation import learning
    from alert.trace import Trace

    out = None if arguments.json else console()
    names = [f"{task}-{environment}" for task in _TRACES for environment in _ENVIRONMENTS]
    traces = {name: Trace.load(arguments.traces / f"{name}.npz") for name in names}
    rated = traces["images-quiet"]
    found = learning.from_ratings(rated)
    told: dict[str, Any] = {
        "emulated": any(trace.emulated for trace in traces.values()),
        "ratings": learning.summary_of_ratings(found),
        "cold starts": learning.without_profiles(traces),
        "devices": learning.of_devices(),
    }
    learning.write(found, told, rated.profile.models, arguments.output)
    if out is None:
        print_json(told)
        return
    label = ", caps and joules emulated" if told["emulated"] else ""
    for world, of in told["ratings"].items():
        out.print(_ratings(world, of, label))
    out.print(_cold_starts(told["cold starts"], label))
    out.print(_devices(told["devices"]))
    out.print(f"everything in {arguments.output}")


def _ratings(world: str, found: dict[str, Any], label: str) -> Table:
    from rich.table import Table

    goal = f"accuracy of at least {found['goal']:.3f}, second half, regret in joules"
    table = Table(title=f"{world}: {goal}{label}")
    table.add_column("", no_wrap=True)
    for column in ("accuracy", "kept", "J / known", "late", "asked", "ratings", "regret"):
        table.add_column(column, justify="right")
    for scheme, of in found["schemes"].items():
        table.add_row(
            scheme,
            f"{of['accuracy']:.4f}",
            "yes" if of["kept"] else "no",
            f"{of['energy / known']:.3f}",
            f"{of['late']:.4f}",
            f"{of['asked']:.2f}",
            f"{of['ratings']:.0f}",
            f"{of['regret']:.0f}",
        )
    return table


def _cold_starts(told: dict[str, Any], label: str) -> Table:
    from rich.table import Table

    table = Table("", title=f"no profile: the worst of 5 guesses that are off by 40 %{label}")
    columns = list(next(iter(told.values())))
    for column in columns:
        table.add_column(column, justify="right")
    for name, of in told.items():
        table.add_row(name, *(f"{of[column]:.3f}" for column in columns))
    return table


def _devices(told: dict[str, float]) -> Table:
    from rich.table import Table

    table = Table("", title="the model for a device, simulated thumbs")
    table.add_column("regret per device", justify="right")
    for name, regret in told.items():
        table.add_row(name, f"{regret:.4f}")
    return table
