"""Recorded traces with two models in memory: loads beside cost little, and less than waiting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import require

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.filterwarnings("ignore")  # of a profile measured with another kind of device
def test_two_models_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    require("rich")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import store_traces

    monkeypatch.setattr(store_traces, "LEVELS", (0.2, 0.5, 0.8))
    found: dict[str, Any] = store_traces.measure()
    late, energy, accuracy, loads = np.mean(
        [[found[trace][scheme] for scheme in store_traces.SCHEMES] for trace in found], axis=0
    ).T
    whole, blocking, beside = 0, 1, 2
    assert late[beside] <= late[whole] + 0.01
    assert energy[beside] <= 1.05 * energy[whole]
    assert late[beside] < late[blocking]
    assert energy[beside] < energy[blocking]
    assert accuracy[beside] == pytest.approx(accuracy[whole], abs=0.005)
    assert loads[whole] == 0 < loads[beside]
