"""Say what can be capped and read on this machine, and what is missing.

Changes nothing. For everything that stands in the way it names the file, the reason, and how to
grant it.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from alert import __version__, fingerprint, power
from alert.cli.terminal import console, print_json

if TYPE_CHECKING:
    from rich.table import Table


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--root", help="powercap tree to look at (default: /sys/class/powercap)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> None:
    """Print what `alert.power.describe` found."""
    found = power.describe(arguments.root)
    machine = fingerprint.machine()
    if arguments.json:
        print_json({"version": __version__, "machine": machine, "power": found})
        return
    out = console()
    out.print(f"alert {__version__} on {machine['cpu']}, {machine['cores']} cores\n")
    rapl = found["rapl"]
    if rapl["zones"]:
        out.print(_zones(rapl))
    out.print(_summary(rapl))
    for lack in rapl["missing"]:
        out.print(f"  missing: {lack['what']}: {lack['why']}")
        if lack["remedy"]:
            out.print(f"    remedy: {lack['remedy']}")
    out.print(_chosen(found))


def _zones(rapl: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table("zone", "limit", "can be capped", "energy can be read", title="RAPL")
    for zone in rapl["zones"]:
        limit = "" if zone["limit"] is None else f"{zone['limit']:g} W"
        off = "" if zone["enabled"] is not False else ", not enabled"
        table.add_row(zone["name"], limit + off, _yes(zone["can_cap"]), _yes(zone["can_read"]))
    return table


def _summary(rapl: dict[str, Any]) -> str:
    caps = "no power cap"
    if rapl["can_cap"]:
        low, high = rapl["cap_range"]
        caps = f"power caps from {low:g} to {high:g} W"
    return f"RAPL: {caps}, {'energy' if rapl['can_read'] else 'no energy'}"


def _chosen(found: dict[str, Any]) -> str:
    if found["auto"] != "emulated":
        return f'power="auto" is {found["auto"]}: real caps, real joules'
    law = found["emulated"]
    return (
        'power="auto" is emulated: a cap slows work down by waiting, joules are computed '
        f"(idle {law['idle_power']:g} W, peak {law['peak_power']:g} W); latencies are real"
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"
