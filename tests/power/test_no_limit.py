"""Limits so high that they are none: the range of caps is unknown, and is asked for."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from rapl_tree import Constraint, Zone, build, constraint_file, package, read, zone_path

import alert
from alert import power

pytestmark = [pytest.mark.usefixtures("directory"), pytest.mark.needs("libpowercap")]

OPTIONS: dict[str, Any] = {
    "accuracy": [0.5],
    "idle_power": 1.0,
    "settle": 0,
    "max_seconds": 0.02,
    "precision": 10.0,
    "progress": False,
}


def limited(watts: float, states: float | None, name: str = "package-0") -> Zone:
    limit = round(watts * 1e6)
    return package(
        name,
        constraints=[
            Constraint(
                "long_term", limit, 1_000, max_uw=None if states is None else round(states * 1e6)
            ),
            Constraint("short_term", limit, 1_000, max_uw=0),
        ],
    )


@pytest.mark.parametrize(
    ("watts", "states"),
    [(4095.875, 125.0), (4095.875, None), (3408.0, 0.0), (200.0, 17.0), (1000.0, 350.0)],
)
def test_a_limit_that_is_none(tmp_path: Path, watts: float, states: float | None) -> None:
    root = build(tmp_path / "powercap", [limited(watts, states)])
    limit = constraint_file(zone_path(root), "long_term", "power_limit_uw")
    with power.open("rapl", root=root) as device:
        assert device.cap_range == (1.0, math.inf)
        said = f"power_caps: .*limit of {watts:g} W limits nothing"
        with pytest.raises(ValueError, match=said) as told:
            alert.Profile.measure([abs], 1, power=device, **OPTIONS)
        hint = f"the processor states {states or 0.0:g} W"
        assert (hint in str(told.value)) == bool(states)
        with pytest.warns(UserWarning, match="energy"):  # the counter stands still
            profile = alert.Profile.measure([abs], 1, power=device, power_caps=[10, 20], **OPTIONS)
        assert profile.power_caps.tolist() == [10.0, 20.0]
        device.set_cap(50.0)
        assert read(limit) == 50_000_000
        device.set_cap(1e5)  # never more than was found
        assert read(limit) == round(watts * 1e6)
    described = power.describe(root)["rapl"]
    assert described["can_cap"]
    assert described["cap_range"] is None
    assert "power_caps=" in described["missing"][0]["remedy"]
    assert described["zones"][0]["max_power"] == (states or None)
    assert json.loads(json.dumps(described)) == described


@pytest.mark.parametrize(("watts", "states"), [(253.0, 125.0), (45.0, None), (500.0, 350.0)])
def test_boards_that_exceed_what_the_processor_states(
    tmp_path: Path, watts: float, states: float | None
) -> None:
    root = build(tmp_path / "powercap", [limited(watts, states)])
    with power.open("rapl", root=root) as device:
        assert device.cap_range == (1.0, watts)
        assert device.zones[0]["range_missing"] is None


def test_one_package_of_two(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [limited(100, 90), limited(4095, 90, "package-1")])
    with power.open("rapl", root=root) as device:
        assert device.cap_range == (2.0, math.inf)


def test_a_range_that_is_given_is_known(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [limited(4095.875, 125.0)])
    with power.open("rapl", root=root, cap_range=(20, 125)) as device:
        assert device.cap_range == (20.0, 125.0)
        assert device.zones[0]["range_missing"] is None
