"""Tables of the command line fit into 80 columns, with every policy that there is."""

from __future__ import annotations

import pytest
from needs import require

require("rich")

from alert.cli import tenants  # noqa: E402
from alert.cli.terminal import console  # noqa: E402
from alert.evaluation.tenants import grid  # noqa: E402


def test_tables_of_tenants_fit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    sums = {"camera": {"missed": 0.1}, "archive": {"accuracy": 0.7}, "battery": {"energy": 1.0}}
    policy = {"missed": 12.34, "energy": 1.0, "accuracy": 0.7, "tenants": sums}
    settings = [
        {"environment": e, "arrivals": a, "rate": r, "missed": dict.fromkeys(grid.POLICIES, 0.12)}
        for e in ("quiet", "compute")
        for a in grid.ARRIVALS
        for r in grid.RATES
    ]
    flood = dict.fromkeys(grid.POLICIES, dict.fromkeys(("camera", "archive", "battery"), 0.5))
    found = {
        "policies": dict.fromkeys(grid.POLICIES, policy),
        "settings": settings,
        "flood": {"quiet": flood, "compute": flood},
    }
    for table in (tenants._shares, tenants._sums, tenants._flood):
        console().print(table(found, ", caps and joules emulated"))
        printed = capsys.readouterr().out
        assert max(map(len, printed.splitlines())) <= 80
        assert "…" not in printed  # nothing is cut
