"""What `alert demo --tenants` does: serve, print the table, write the picture."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from alert import files
from alert.cli.terminal import console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from alert.demo.tenants import Outcome


def run(arguments: argparse.Namespace) -> None:
    """Serve the tenants under both policies, and print what came of it."""
    from alert.demo import tenants

    plan, profile, outcomes = tenants.run(
        seed=arguments.seed or 0, kind=arguments.power or "auto", progress=not arguments.quiet
    )
    arguments.output.mkdir(parents=True, exist_ok=True)
    summary = {"requests": len(plan.time), "policies": [_figures(each) for each in outcomes]}
    files.write_json(arguments.output / "tenants.json", summary)
    picture = None
    if find_spec("matplotlib") is not None:
        from alert.demo import tenants_plot

        picture = arguments.output / "tenants.png"
        tenants_plot.draw(plan, outcomes).savefig(picture)
    if arguments.json:
        print_json(summary)
        return
    out = console()
    out.print(_table(outcomes, profile.origin["emulated"]))
    drawn = f" Picture: {picture}" if picture else ""
    out.print(f"{len(plan.time)} requests, the same for both.{drawn}")


def _figures(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "missed": outcome.missed,
        "energy": outcome.energy,
        "accuracy": outcome.accuracy,
        "tenants": {
            tenant.name: {
                "requests": tenant.requests,
                "late": tenant.late,
                "refused": tenant.refused,
                "accuracy": tenant.accuracy,
                "energy": tenant.energy if tenant.answered else None,
            }
            for tenant in outcome.report.tenants
        },
    }


def _table(outcomes: list[Outcome], emulated: bool) -> Table:
    from rich import box
    from rich.table import Table

    energy = "J a request,\nemulated" if emulated else "J a request"
    table = Table("policy", "tenant", box=box.SIMPLE_HEAD, collapse_padding=True)
    for column in ("requests", "late", "given up", energy, "accuracy"):
        table.add_column(column, justify="right")
    for outcome in outcomes:
        joules = "not read" if outcome.energy is None else f"{outcome.energy:.2f}"
        tenants = outcome.report.tenants
        counts = [
            sum(getattr(t, name) for t in tenants) for name in ("requests", "late", "refused")
        ]
        cells = (*map(str, counts), joules, f"{outcome.accuracy:.3f}")
        table.add_row(outcome.name, "all", *cells)
        for t in tenants:
            joules = f"{t.energy:.2f}" if t.answered else "-"
            cells = (f"{t.requests}", f"{t.late}", f"{t.refused}", joules)
            table.add_row("", t.name, *cells, f"{t.accuracy:.3f}")
    return table
