"""Measure what every model costs under every power cap, and save it.

MODULE:FUNCTION names a function without arguments. Python looks for the module in the current
directory too. The function returns a dict of arguments for `alert.Profile.measure`:

    # mymodels.py
    def offer():
        return {
            "models": {"small": small, "large": large},  # callables of one argument
            "example": torch.rand(1, 3, 224, 224),       # a typical input
            "accuracy": {"small": 0.71, "large": 0.78},
        }

    $ alert profile mymodels:offer --caps 10,15,25

The machine should be quiet meanwhile. `alert.Profile.load` reads the file.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

import alert
from alert._text import cap_text
from alert.cli import offer
from alert.cli.shared_options import add_function, add_power, add_quiet, caps
from alert.cli.terminal import console, part_kept

if TYPE_CHECKING:
    from rich.table import Table

_NEEDED = ("models", "example", "accuracy")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_function(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("profile.json"),
        help="file (default: %(default)s)",
    )
    add_power(parser, default=None)
    parser.add_argument(
        "--caps",
        dest="power_caps",
        metavar="CAP,CAP,...",
        type=caps,
        help="power caps in the unit of the device, ascending, the last perhaps 'none' (default: "
        "five over the range of the device, or no cap where it cannot be capped)",
    )
    parser.add_argument(
        "--busy-power",
        type=float,
        metavar="W",
        help="watts drawn while a model runs, where energy cannot be read",
    )
    parser.add_argument(
        "--idle-power", type=float, metavar="W", help="watts drawn between inputs, if known"
    )
    parser.add_argument(
        "--precision",
        type=float,
        metavar="SHARE",
        help="half the 95%% confidence interval of each median, as a share of it (default: 0.02)",
    )
    parser.add_argument(
        "--max-seconds",
        type=float,
        metavar="S",
        help="limit for one model under one cap (default: 5)",
    )
    parser.add_argument("--json", action="store_true", help="print the profile as it was saved")
    add_quiet(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure, save, and print a table."""
    out = None if arguments.json else console()
    module, function = arguments.function
    offered = offer.ask(module, function, _NEEDED)
    names = ("power", "power_caps", "busy_power", "idle_power", "precision", "max_seconds")
    given = {name: getattr(arguments, name) for name in names}
    offered.update({name: value for name, value in given.items() if value is not None})
    if arguments.quiet:
        offered["progress"] = False
    with part_kept(arguments.output, "profile"):
        profile = alert.Profile.measure(**offered)
    profile.save(arguments.output)
    if out is None:
        print(arguments.output.read_text(encoding="utf-8"))
    else:
        out.print(_table(profile))
        idle = f"idle power {profile.idle_power:.3g} W" if profile.knows_power else "power unknown"
        out.print(f"{idle}; saved to {arguments.output}")


def _table(profile: alert.Profile) -> Table:
    from rich.table import Table

    label = ", emulated" if profile.origin["emulated"] else ""
    caps = [cap_text(cap, profile.unit, ".3g") for cap in profile.power_caps]
    table = Table("model", "accuracy", *caps, title=f"median latency and mean power{label}")
    for i, name in enumerate(profile.models):
        costs = zip(profile.latency[i], profile.power[i], strict=True)
        cells = [f"{1e3 * seconds:.3g} ms\n{_power(power)}" for seconds, power in costs]
        table.add_row(name, f"{profile.accuracy[i]:.3f}", *cells)
    return table


def _power(watts: float) -> str:
    return "unknown" if math.isnan(watts) else f"{watts:.3g} W"
