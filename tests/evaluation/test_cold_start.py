"""Without a profile on the recorded traces: as late and nearly as cheap as with a measured one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import alert
from alert.evaluation.cold_start import cold_start, cold_starts, goal_of, guess_of

TRACES = Path(__file__).parents[2] / "benchmarks/traces"


@pytest.mark.parametrize("environment", ["quiet", "compute"])
@pytest.mark.parametrize("task", ["images", "patches", "words"])
def test_five_wrong_guesses(task: str, environment: str) -> None:
    found = cold_starts(alert.Trace.load(TRACES / f"{task}-{environment}.npz"))
    late, measured = (np.mean([getattr(c, n) for c in found]) for n in ("late", "late_measured"))
    assert late <= measured + 0.02
    assert np.mean([c.energy for c in found]) <= 1.20
    assert np.mean([c.first for c in found]) <= 1.35
    assert np.mean([c.error for c in found]) <= 0.05
    short = np.mean([c.accuracy_measured - c.accuracy for c in found])
    assert short <= 0.01


def test_a_guess_is_of_the_trace_s_models_and_wrong() -> None:
    trace = alert.Trace.load(TRACES / "patches-quiet.npz")
    guess = guess_of(trace.profile, 1)
    assert guess.models == trace.profile.models
    assert guess.exits == trace.profile.exits
    assert guess.latency[:, -1].max() == 1.0  # nothing of the latencies is told but their ratios
    ratio = guess.latency[:, -1] / trace.profile.latency[:, -1]
    assert ratio.max() / ratio.min() > 1.3
    assert cold_start(trace, goal_of(trace.profile), guess).error < 0.2
