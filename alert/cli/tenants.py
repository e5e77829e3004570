"""What `alert evaluate --tenants` does: simulate, write, print."""

from __future__ import annotations

import argparse
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from alert.cli.terminal import console, print_json

if TYPE_CHECKING:
    from rich.table import Table


def run(arguments: argparse.Namespace) -> None:
    """Simulate the tenants on the traces of photographs, and print the tables."""
    from alert.evaluation.tenants import export, grid
    from alert.trace import Trace

    out = None if arguments.json else console()
    names = [f"images-{environment}.npz" for environment in ("quiet", "compute")]
    traces = [Trace.load(arguments.traces / name) for name in names]
    policies = arguments.schemes or tuple(grid.POLICIES)
    table = grid.run(traces, policies, jobs=arguments.jobs, progress=not arguments.quiet)
    found = export.write(table, arguments.output)
    if out is None:
        print_json(found)
        return
    label = ", caps and joules emulated" if any(trace.emulated for trace in traces) else ""
    out.print(_shares(found, label))
    out.print(_sums(found, label))
    out.print(_flood(found, label))
    for name, value in found["ratios"].items():
        out.print(f"price, {name}: {_said(value)}")
    out.print(f"everything in {arguments.output}")


def _shares(found: dict[str, Any], label: str) -> Table:
    from rich.table import Table

    table = Table("", title=f"share of the requests not in time{label}")
    for policy in found["policies"]:
        table.add_column(_in_lines(policy), justify="right")
    for environment, settings in groupby(found["settings"], itemgetter("environment")):
        table.add_row(environment)
        for each in settings:
            name = f"{each['arrivals']} {each['rate']:g}/s"
            table.add_row(name, *(f"{share:.3f}" for share in each["missed"].values()))
        table.add_section()
    table.add_row("sum", *(f"{sums['missed']:.2f}" for sums in found["policies"].values()))
    return table


def _sums(found: dict[str, Any], label: str) -> Table:
    from rich.table import Table

    table = Table("policy", title=f"over all settings{label}")
    for column in ("J a request", "accuracy", "camera\nlate", "archive\naccuracy", "battery J"):
        table.add_column(column, justify="right")
    for policy, sums in found["policies"].items():
        tenants = sums["tenants"]
        table.add_row(
            policy,
            f"{sums['energy']:.3f}",
            f"{sums['accuracy']:.3f}",
            f"{tenants['camera']['missed']:.3f}",
            f"{tenants['archive']['accuracy']:.3f}",
            f"{tenants['battery']['energy']:.3f}",
        )
    return table


def _flood(found: dict[str, Any], label: str) -> Table:
    from rich.table import Table

    table = Table("", "policy", title=f"not in time while the camera floods the machine{label}")
    for environment, by_policy in found["flood"].items():
        for policy, shares in by_policy.items():
            if not table.columns[2:]:
                for tenant in shares:
                    table.add_column(tenant, justify="right")
            table.add_row(environment, policy, *(f"{share:.3f}" for share in shares.values()))
        table.add_section()
    return table


def _in_lines(policy: str) -> str:
    """Break a name into lines: all policies are to stand side by side on 80 columns."""
    return policy.replace(" ", "\n").replace("-", "-\n")


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number:+.3f}" for name, number in value.items())
    return "" if value is None else f"{value:.3f}"
