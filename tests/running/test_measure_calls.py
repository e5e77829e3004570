"""Measuring as callers see it: what is refused, bars, and real networks."""

from __future__ import annotations

import math
from typing import Any

import pytest
from lab import Lab
from simulation import Staircase

import alert
from alert import power

# ------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"accuracy": [0.5]}, ValueError, "accuracy: expected 2, one for each model"),
        ({"accuracy": {"small": 0.5}}, ValueError, "accuracy: expected one for each name"),
        ({"accuracy": [0.5, 1.5]}, ValueError, r"accuracy\[1\]: expected 0 to 1, got 1.5"),
        ({"accuracy": [math.nan, 0.5]}, ValueError, r"accuracy\[0\]: expected 0 to 1, got nan"),
        ({"accuracy": [[], 0.5]}, ValueError, r"accuracy\[0\]: expected at least one exit"),
        ({"power_caps": [10, 10]}, ValueError, r"power_caps\[1\]: expected strictly ascending"),
        ({"power_caps": [5, 10]}, ValueError, r"power_caps\[0\]: expected 10 to 40 W"),
        ({"power_caps": [math.nan]}, ValueError, r"power_caps\[0\]: expected 10 to 40 W"),
        ({"power_caps": []}, ValueError, "power_caps: expected at least one"),
        ({"precision": 0.0}, ValueError, "precision: expected a finite number > 0, got 0.0"),
        ({"precision": math.nan}, ValueError, "precision: expected a finite number > 0, got nan"),
        ({"max_repeats": 0}, ValueError, "max_repeats: expected an integer >= 1, got 0"),
        ({"warmup": -1}, ValueError, "warmup: expected an integer >= 0, got -1"),
        ({"max_seconds": -1}, ValueError, "max_seconds: expected a finite number >= 0, got -1"),
        ({"models": []}, ValueError, "models: expected at least one model"),
        ({"models": 3}, TypeError, "models: expected a sequence or a dict"),
    ],
)
def test_refuses_bad_input(options: dict[str, Any], error: type[Exception], message: str) -> None:
    lab = Lab()
    with pytest.raises(error, match=message):
        lab.measure(**options)
    assert lab.package.caps_set in ([], [40.0])  # at most the one it found


def test_refuses_exits_that_are_not_there() -> None:
    lab = Lab()
    lab.models["large"] = Staircase(lab.machine, [0.01, 0.02])
    lab.accuracy["large"] = [0.5, 0.7, 0.8]
    with pytest.raises(ValueError, match=r"accuracy\['large'\]: expected one for each of 2 exits"):
        lab.measure()
    lab.accuracy["large"] = [0.5]
    with pytest.raises(ValueError, match=r"accuracy\['large'\]: expected one for each of 2 exits"):
        lab.measure()
    lab.accuracy = {"small": [0.5, 0.6], "large": [0.5, 0.8]}
    with pytest.raises(TypeError, match="small: an anytime model yields"):
        lab.measure()


# ------------------------------------------------------------------------------- for real


@pytest.mark.needs("tqdm")
@pytest.mark.usefixtures("watched")
def test_shows_a_bar_only_if_asked(capsys: pytest.CaptureFixture[str]) -> None:
    Lab().measure(progress=False)
    silent = capsys.readouterr()
    assert silent.out + silent.err == ""
    Lab().measure(progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "6/6" in shown.err
    assert "large under 10 W" in shown.err


@pytest.mark.usefixtures("watched")
def test_does_without_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert Lab().measure(progress=True) == Lab().measure()


def test_measures_real_networks_on_the_emulated_package() -> None:
    """The real clock and device: what must hold whatever the machine is doing."""
    import torch

    inferred = []

    def net(x: Any) -> Any:
        inferred.append(torch.is_inference_mode_enabled())
        return layer(x)

    layer = torch.nn.Linear(256, 256).eval()
    found = alert.Profile.measure(
        {"net": net},
        torch.ones(4, 256),
        accuracy=[0.7],
        power="emulated",
        power_caps=[10.0, 25.0],
        precision=1.0,
        idle_seconds=0.02,
        progress=False,
    )
    assert inferred
    assert all(inferred)
    law = power.law()
    assert (found.latency > 0).all()
    assert (found.power >= law["idle_power"]).all()
    assert 0.0 < found.idle_power <= law["idle_power"] * (1 + 1e-6)
    assert found.origin["emulated"] is True
    assert "emulated" in repr(found)
