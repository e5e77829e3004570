"""Say what can be capped and read on this machine, and what is missing.

Changes nothing. For everything that stands in the way it names the file, the reason, and how to
grant it.
"""

from __future__ import annotations

import argparse
from itertools import groupby
from typing import TYPE_CHECKING, Any

from alert import __version__, power
from alert.cli.terminal import console, print_json
from alert.measuring import fingerprint
from alert.power.kinds import KINDS

if TYPE_CHECKING:
    from rich.table import Table

_TITLES = {"rapl": "RAPL", "nvml": "NVML", "cpufreq": "Frequencies"}


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
    for name, (parts, _, unit, _) in KINDS.items():
        if parts is None:
            continue
        device, title = found[name], _TITLES[name]
        if device[parts]:
            out.print(_parts(title, device[parts], unit))
        out.print(_summary(title, device, unit))
        for lack, more in _alike(device["missing"]):
            others = f", and {more} more" if more else ""
            out.print(f"  missing: {lack['what']}{others}: {lack['why']}")
            if lack["remedy"]:
                out.print(f"    remedy: {lack['remedy']}")
    for kind in ("rapl", "cpufreq"):
        if rule := found[kind]["rule"]:
            out.print(f"\nThe rule that grants it:\n\n{rule}", markup=False, soft_wrap=True)
    out.print(_chosen(found))


def _alike(missing: list[dict[str, str]]) -> list[tuple[dict[str, str], int]]:
    """Return the first of those that are missing for the same reason, and how many follow it."""
    alike: dict[tuple[str, str], list[dict[str, str]]] = {}
    for lack in missing:
        alike.setdefault((lack["why"], lack["remedy"]), []).append(lack)
    return [(lacks[0], len(lacks) - 1) for lacks in alike.values()]


def _parts(title: str, parts: list[dict[str, Any]], unit: str) -> Table:
    from rich.table import Table

    table = Table("name", "limit", "can be capped", "energy can be read", title=title)

    def cells(part: dict[str, Any]) -> tuple[str, str, str]:
        limit = [] if part["limit"] is None else [f"{part['limit']:g} {unit}"]
        off = ["not enabled"] if part.get("enabled") is False else []
        return ", ".join(limit + off), _yes(part["can_cap"]), _yes(part["can_read"])

    for told, group in groupby(parts, cells):  # a server has a hundred cores that are alike
        names = [part["name"] for part in group]
        table.add_row(names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}", *told)
    return table


def _summary(title: str, device: dict[str, Any], unit: str) -> str:
    caps = "no power cap" if unit == "W" else "no cap"
    if device["can_cap"]:
        low, high = device["cap_range"] or (None, None)
        caps = "power caps" if unit == "W" else "caps"
        caps += "" if low is None else f" from {low:g} to {high:g} {unit}"
    return f"{title}: {caps}, {'energy' if device['can_read'] else 'no energy'}"


def _chosen(found: dict[str, Any]) -> str:
    capped = found["auto"] != "none" and found[found["auto"]]["can_cap"]
    other = '; power="cpufreq" caps frequencies' if found["cpufreq"]["can_cap"] else ""
    if found["auto"] == "none":
        return (
            'power="auto" is "none": models alone are chosen, nothing is capped, energy is not read'
            + other
        )
    caps = "real caps" if capped else "no caps, models alone are chosen"
    return f'power="auto" is {found["auto"]}: {caps}, real joules{"" if capped else other}'


def _yes(value: bool) -> str:
    return "yes" if value else "no"
