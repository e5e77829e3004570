"""The demonstration of a server: its plan, its table, its picture. The networks are left out."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import require
from simulation import profile

from alert.cli import main
from alert.serving.report import ServerReport, TenantReport


@pytest.fixture
def tenants() -> Any:
    require("torch", "efficientnet_lite_pytorch", "skimage")
    from alert.demo import tenants

    return tenants


def test_the_plan_follows_from_the_profile(tenants: Any) -> None:
    plan = tenants.make(profile(), 30.0, seed=1)
    camera, archive, battery = plan.tenants
    assert camera.bounds() == {"max_latency": pytest.approx(0.034)}
    assert archive.bounds()["min_accuracy"] == pytest.approx(0.997 * 0.8)
    assert battery.bounds()["max_energy"] == pytest.approx(0.75 * 0.03 * 40.0)
    assert len(plan.time) == len(plan.tenant)
    assert plan.time[0] > 0.0
    assert plan.time[-1] < 30.0
    assert len(plan.time) * 0.01 / 30.0 == pytest.approx(0.45, rel=0.1)
    assert len(plan.environments) * tenants.PHASE >= 30.0
    assert set(plan.environments) == {"quiet", "compute"}


def outcome(tenants: Any, plan: Any, name: str) -> Any:
    counts = np.bincount(plan.tenant).tolist()
    rows = tuple(
        TenantReport(asked.name, n, n - 1, 1, 1, 0, 0, 0.5, 0.6, 0.01)
        for asked, n in zip(plan.tenants, counts, strict=True)
    )
    report = ServerReport(rows, 50.0, 0, 5.0, 1e-4, "emulated", True, False)
    response = np.full(len(plan.time), 0.5)
    response[:2] = [1.5, np.nan]
    return tenants.Outcome(name, report, response)


def test_an_outcome_adds_its_tenants_up(tenants: Any) -> None:
    plan = tenants.make(profile(), 10.0, seed=0)
    one = outcome(tenants, plan, "ALERT")
    assert one.missed == pytest.approx(6 / len(plan.time))
    assert one.energy == pytest.approx(50.0 / len(plan.time))
    assert one.accuracy == pytest.approx(0.6)


def test_the_command_prints_a_table_and_draws(
    tenants: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    require("matplotlib", "rich")
    plan = tenants.make(profile(), 10.0, seed=0)
    outcomes = [outcome(tenants, plan, name) for name in ("ALERT", "FIFO, large")]

    class Measured:
        origin: Any = {"emulated": True}  # noqa: RUF012

    monkeypatch.setattr(tenants, "run", lambda **options: (plan, Measured(), outcomes))
    monkeypatch.setattr("alert.cli.demo._prepare", lambda arguments: None)
    assert main(["demo", "--tenants", "--quiet", "-o", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for word in ("ALERT", "FIFO, large", "camera", "archive", "battery", "emulated"):
        assert word in printed
    assert (tmp_path / "tenants.png").stat().st_size > 1000
    found = json.loads((tmp_path / "tenants.json").read_text())
    assert [each["name"] for each in found["policies"]] == ["ALERT", "FIFO, large"]
    assert main(["demo", "--tenants", "--json", "--quiet", "-o", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == found


def test_a_tenant_without_any_output_is_shown(
    tenants: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On a machine that is far too slow."""
    require("rich")
    plan = tenants.make(profile(), 10.0, seed=0)
    n = math.nan
    rows = (
        TenantReport("camera", 5, 0, 0, 5, 0, 0, n, 0.0, n),
        TenantReport("archive", 5, 5, 1, 0, 0, 0, 0.5, 0.6, 0.01),
    )
    report = ServerReport(rows, 50.0, 0, 5.0, 1e-4, "emulated", True, False)
    given = tenants.Outcome("ALERT", report, np.full(10, n))

    class Measured:
        origin: Any = {"emulated": True}  # noqa: RUF012

    monkeypatch.setattr(tenants, "run", lambda **options: (plan, Measured(), [given]))
    monkeypatch.setattr("alert.cli.demo._prepare", lambda arguments: None)
    monkeypatch.setattr("alert.cli.demo_tenants.find_spec", lambda name: None)
    assert main(["demo", "--tenants", "--quiet", "-o", str(tmp_path)]) == 0
    assert " nan" not in (printed := capsys.readouterr().out)
    assert "Picture" not in printed
    [policy] = json.loads((tmp_path / "tenants.json").read_text())["policies"]
    assert policy["tenants"]["camera"]["energy"] is None


@pytest.mark.parametrize("words", [["--recorded"], ["--inputs", "3"]])
def test_options_of_the_other_demonstration_are_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["demo", "--tenants", *words])
    assert "not allowed with --tenants" in capsys.readouterr().err
