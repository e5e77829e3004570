"""The simulation of tenants: arrivals, what they get, and the grid of it all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import alert
from alert.cli import main
from alert.evaluation.tenants import grid, summary
from alert.evaluation.tenants.arrivals import KINDS, Arrivals, draw
from alert.evaluation.tenants.simulation import Machine, simulate
from alert.serving.policies import find

TRACES = Path(__file__).parents[2] / "benchmarks" / "traces"


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.of(alert.Trace.load(TRACES / "images-quiet.npz"))


def test_arrivals_have_the_rate_and_the_shares_asked_for() -> None:
    for bursty in (False, True):
        arrivals = draw(10.0, bursty, 20_000, seed=1)
        assert np.all(np.diff(arrivals.time) >= 0.0)
        assert 20_000 / arrivals.time[-1] == pytest.approx(10.0, rel=0.06)
        shares = np.bincount(arrivals.tenant) / 20_000
        assert shares == pytest.approx([kind.share for kind in KINDS], abs=0.02)


def test_bursts_are_bursty() -> None:
    def spread(bursty: bool) -> float:
        counts = np.histogram(draw(10.0, bursty, 20_000, seed=1).time, bins=1000)[0]
        return float(counts.var() / counts.mean())

    assert spread(False) == pytest.approx(1.0, abs=0.25)
    assert spread(True) > 3.0


def test_equal_seeds_draw_equal_arrivals() -> None:
    one, same, other = (draw(10.0, True, 100, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.time, same.time)
    assert not np.array_equal(one.time, other.time)


def test_a_flood_is_of_the_first_tenant_alone_and_in_the_middle() -> None:
    calm = draw(8.0, False, 300, seed=0)
    flood = calm.with_flood(60.0)
    low, high = calm.time[100], calm.time[200]
    extra = len(flood.time) - 300
    assert extra == int(60.0 * (high - low))
    assert np.bincount(flood.tenant)[1:].tolist() == np.bincount(calm.tenant)[1:].tolist()
    outside = (flood.time < low) | (flood.time > high)
    assert outside.sum() == ((calm.time < low) | (calm.time > high)).sum()


def lonely(machine: Machine) -> Arrivals:
    """Requests so far apart that nobody waits."""
    return Arrivals(10.0 * np.arange(30.0), np.zeros(30, np.int64))


def test_what_nobody_waits_for_costs_what_was_recorded(machine: Machine) -> None:
    profile = machine.profile
    outcome = simulate(machine, lonely(machine), lambda p: f"fixed:{p.models[0]}")
    cap = len(profile.power_caps) - 1
    latency, energy = machine.outputs.latency[:30, 0, cap], machine.outputs.energy[:30, 0, cap]
    camera = outcome.tallies[0]
    assert (camera.answered, camera.late, camera.refused) == (30, (latency > 0.1).sum(), 0)
    assert camera.energy == pytest.approx(energy.sum())
    end = 290.0 + latency[-1]
    idle = machine.outputs.idle_power * (end - latency.sum())
    assert outcome.energy == pytest.approx((energy.sum() + idle) / 30)
    assert outcome.accuracy == pytest.approx(profile.accuracy[0] * (latency <= 0.1).mean())


def test_every_request_ends_once(machine: Machine) -> None:
    arrivals = draw(40.0, True, 300, seed=3)
    for name, policy in grid.POLICIES.items():
        outcome = simulate(machine, arrivals, policy)
        counts = [tally.requests for tally in outcome.tallies]
        assert counts == np.bincount(arrivals.tenant).tolist(), name


def test_giving_up_the_hopeless_saves_the_others(machine: Machine) -> None:
    arrivals = draw(40.0, False, 300, seed=0)

    def missed(gives_up: Any) -> float:
        def policy(profile: alert.Profile) -> Any:
            fixed = find(f"fixed:{profile.models[0]}", profile)
            return replace(fixed, gives_up=gives_up)

        return simulate(machine, arrivals, policy).missed

    assert missed("early") < 0.6 * missed("never")


def test_the_price_of_the_machine_helps(machine: Machine) -> None:
    arrivals = draw(16.0, False, 300, seed=0)
    with_price = simulate(machine, arrivals, lambda profile: "price")
    alone = simulate(machine, arrivals, grid.POLICIES["per request"])
    assert with_price.missed < 0.3 * alone.missed


def test_a_flood_harms_its_own_tenant_only(machine: Machine) -> None:
    arrivals = draw(8.0, False, 600, seed=3).with_flood(60.0)
    outcome = simulate(machine, arrivals, lambda profile: "price")
    camera, archive, battery = (tally.missed / tally.requests for tally in outcome.tallies)
    assert camera > 0.2
    assert archive <= 0.01
    assert battery <= 0.01


@pytest.fixture(scope="module")
def table() -> Any:
    traces = [alert.Trace.load(TRACES / f"images-{name}.npz") for name in ("quiet", "compute")]
    return grid.run(traces, requests=60, seeds=(0, 1))


def test_the_grid_has_every_setting(table: Any) -> None:
    assert len(table) == 2 * (2 * 3 + 1) * 2 * len(grid.POLICIES) * len(KINDS)
    assert len(summary.settings(table)) == 12
    rows = summary.of_setting(table, ("quiet", "bursty", 16.0), "EDF")
    assert len(rows) == 2 * len(KINDS)
    assert rows["requests"].sum() == 120


def test_the_summary_adds_up(table: Any) -> None:
    found = summary.summarize(table)
    shares = [each["missed"] for each in found["settings"]]
    for policy, sums in found["policies"].items():
        assert sums["missed"] == pytest.approx(sum(share[policy] for share in shares))
        rows = table[~table["flood"] & (table["policy"] == policy)]
        whole = (rows["late"] + rows["refused"]).sum() / rows["requests"].sum()
        assert sums["missed"] / 12 == pytest.approx(whole, rel=1e-9)
    ratios = found["ratios"]
    best = sum(min(share[peer] for peer in grid.PEERS) for share in shares)
    mine = found["policies"]["price"]["missed"]
    assert ratios["missed / best peer of each setting"] == pytest.approx(mine / best)
    assert set(found["flood"]) == {"quiet", "compute"}


def test_some_policies_alone_are_summed_up_and_not_compared(table: Any) -> None:
    found = summary.summarize(table[np.isin(table["policy"], ["FIFO", "EDF"])])
    assert set(found["policies"]) == {"FIFO", "EDF"}
    assert found["ratios"] == {}


def test_unknown_policies_are_refused() -> None:
    with pytest.raises(ValueError, match="policies: expected some of"):
        grid.run([], ["best"])


def test_the_command_writes_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid, "SEEDS", (0,))
    monkeypatch.setattr(grid, "REQUESTS", 30)
    words = ["evaluate", "--tenants", "--quiet", "--jobs", "1", "--traces", str(TRACES)]
    assert main([*words, "-o", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "share of the requests not in time" in printed
    assert "missed / best peer" in printed
    assert (tmp_path / "tenants.json").exists()
    lines = (tmp_path / "tenants.csv").read_text().splitlines()
    assert lines[0] == ",".join(grid.ROW.names or ())
    assert len(lines) == 1 + 2 * 7 * len(grid.POLICIES) * len(KINDS)
