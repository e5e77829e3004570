"""Recorded traces: a family keeps the goals of its network for little more than half the energy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from needs import require

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
KEPT = BENCHMARKS / "traces" / "family"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    require("rich")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import family_traces

    return family_traces


@pytest.fixture(params=["patches", "photographs"])
def trace(request: pytest.FixtureRequest, script: Any) -> Any:
    return script.alert.Trace.load(KEPT / f"{request.param}.npz")


def test_a_family_takes_less_energy_than_its_network(script: Any, trace: Any) -> None:
    alone, _, family = script.compared(trace, script.DEADLINES[: script.USUAL])
    assert family.energy <= 0.6 * alone.energy
    assert family.violated <= alone.violated
    assert family.late <= alone.late


@pytest.mark.parametrize("times", [1.3, 1.6, 2.0, 3.0, 4.0])
def test_no_deadline_favours_the_network_alone(script: Any, trace: Any, times: float) -> None:
    assert times in script.DEADLINES
    alone, exported, family = script.compared(trace, [times])
    assert family.energy <= exported.energy < alone.energy
    assert family.violated <= min(alone.violated, exported.violated)


def test_one_network_becomes_several_of_which_none_beats_another(script: Any) -> None:
    profile = script.alert.Trace.load(KEPT / "patches.npz").profile
    rows = [row for row, name in enumerate(profile.models) if name not in script.ALONE]
    alone = profile.models.index(script.ORIGINAL)
    seconds, accuracy = profile.latency[:, -1], profile.accuracy
    order = sorted(rows, key=lambda row: seconds[row])
    assert len(rows) >= 4
    assert (accuracy[order][1:] > accuracy[order][:-1]).all()
    assert seconds[alone] >= 5.0 * seconds[rows].min()
    assert (accuracy[rows] >= accuracy[alone] - 0.05).sum() >= 3
