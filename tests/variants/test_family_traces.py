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


@pytest.mark.parametrize("name", ["patches", "photographs"])
def test_a_family_takes_less_energy_than_its_network(script: Any, name: str) -> None:
    alone, family = script.compared(KEPT / f"{name}.npz")
    assert family.energy <= 0.6 * alone.energy
    assert family.violated <= alone.violated
    assert family.late <= alone.late


def test_one_network_becomes_several_of_which_none_beats_another(script: Any) -> None:
    profile = script.alert.Trace.load(KEPT / "patches.npz").profile
    own, *others = profile.accuracy
    seconds = profile.latency[:, -1]
    order = seconds[1:].argsort()
    assert len(others) >= 4
    assert (profile.accuracy[1:][order][1:] > profile.accuracy[1:][order][:-1]).all()
    assert seconds[0] / seconds.min() >= 5.0
    assert sum(accuracy >= own - 0.05 for accuracy in others) >= 3
