"""RAPL through the real libpowercap, over generated trees (see rapl_tree.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from devices import joules
from rapl_tree import (
    PSYS,
    Constraint,
    Zone,
    build,
    constraint_file,
    limits,
    package,
    read,
    run_as_nobody,
    zone_path,
)

from alert import power

pytestmark = pytest.mark.needs("libpowercap")


def test_the_package_is_found_by_name(client: Path) -> None:
    with power.open("rapl", root=client) as device:
        assert device.kind == "rapl"
        assert not device.emulated
        assert [zone["name"] for zone in device.zones] == ["package-0"]
        assert device.zones[0]["path"] == str(zone_path(client, 1))
        assert device.can_cap
        assert device.can_read
        assert device.cap == 45.0
        assert device.cap_range == (1.0, 45.0)
        assert device.energy() == 0.0


def test_a_cap_is_written_and_given_back(client: Path) -> None:
    zone = zone_path(client, 1)
    found = limits(zone)
    with power.open("rapl", root=client) as device:
        assert limits(zone) == found
        device.set_cap(20.0)
        assert device.cap == 20.0
        # held over 10 ms; short_term, above the cap already, stays
        assert limits(zone) == (20_000_000, 10_000, found[2], 1)
        assert device.settle == 0.01
        device.set_cap(33.3)
        assert limits(zone)[0] == 33_300_000
    assert limits(zone) == found
    assert read(zone_path(client, 0) / "constraint_0_power_limit_uw") == 80_000_000


def test_window_zero_keeps_the_one_found(client: Path) -> None:
    zone = zone_path(client, 1)
    with power.open("rapl", root=client, window=0) as device:
        device.set_cap(20.0)
        assert limits(zone)[:2] == (20_000_000, 27_983_872)
        assert device.settle == pytest.approx(27.983872)


def test_short_term_is_raised_when_the_range_asked_for_exceeds_it(tmp_path: Path) -> None:
    low = package(
        constraints=(
            Constraint("long_term", 45_000_000, 1_000_000),
            Constraint("short_term", 30_000_000, 2_440),
        )
    )
    root = build(tmp_path / "powercap", [low])
    zone = zone_path(root)
    with power.open("rapl", root=root, cap_range=(1, 45)) as device:
        device.set_cap(40.0)
        assert device.cap == 40.0
        assert limits(zone)[::2] == (40_000_000, 40_000_000)
        device.set_cap(20.0)
        assert limits(zone)[::2] == (20_000_000, 30_000_000)
    assert limits(zone)[::2] == (45_000_000, 30_000_000)


def test_short_term_takes_the_cap_where_the_window_stays_long(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package()])
    zone = zone_path(root)
    window = constraint_file(zone, "long_term", "time_window_us")
    # read-only for real: bind-mounted files are a root matter, an immutable name is not
    code = f"""
import os
from alert import power
from rapl_tree import read
from rapl_tree import limits
from pathlib import Path
os.chown({str(window)!r}, 0, 0); os.chmod({str(window)!r}, 0o444)
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
zone = Path({str(zone)!r})
device = power.open("rapl", root={str(root)!r})
device.set_cap(20.0)
print(limits(zone), device.settle)
device.close()
print(limits(zone))
"""
    result = run_as_nobody(root, code)
    assert result.stdout.splitlines() == [
        "(20000000, 27983872, 20000000, 1) 0.00244",
        "(45000000, 27983872, 56250000, 1)",
    ], result.stderr


def test_the_range_can_be_given(client: Path) -> None:
    with power.open("rapl", root=client, cap_range=(10, 60)) as device:
        assert device.cap_range == (10.0, 60.0)
        device.set_cap(58.0)
        assert limits(zone_path(client, 1))[::2] == (58_000_000, 58_000_000)
        for cap in (9.9, 60.1, float("nan")):
            with pytest.raises(ValueError, match="power_cap: expected 10 to 60 W"):
                device.set_cap(cap)
    assert limits(zone_path(client, 1))[::2] == (45_000_000, 56_250_000)


@pytest.mark.parametrize("cap_range", [(0, 10), (20, 10), (10, 10), (-1, 5), (float("nan"), 5)])
def test_a_range_that_is_none(client: Path, cap_range: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="cap_range: expected"):
        power.open("rapl", root=client, cap_range=cap_range)


def test_a_window_that_is_none(client: Path) -> None:
    with pytest.raises(ValueError, match="window: expected a number of seconds"):
        power.open("rapl", root=client, window=-1.0)


def test_the_least_limit_a_machine_states(tmp_path: Path) -> None:
    constraint = Constraint("long_term", 45_000_000, 1_000_000, min_uw=12_000_000)
    root = build(tmp_path / "powercap", [package(constraints=(constraint,))])
    with power.open("rapl", root=root) as device:
        assert device.cap_range == (12.0, 45.0)


def test_a_cap_is_split_over_packages(tmp_path: Path) -> None:
    zones = [package("package-1", 50_000_000), package("package-0", 150_000_000)]
    root = build(tmp_path / "powercap", zones)
    with power.open("rapl", root=root) as device:
        assert [zone["name"] for zone in device.zones] == ["package-0", "package-1"]
        assert device.cap_range == (2.0, 200.0)
        device.set_cap(100.0)
        assert device.cap == 100.0
        assert limits(zone_path(root, 0))[0] == 25_000_000
        assert limits(zone_path(root, 1))[0] == 75_000_000
    assert limits(zone_path(root, 0))[0] == 50_000_000
    assert limits(zone_path(root, 1))[0] == 150_000_000


def test_a_disabled_zone_is_enabled_meanwhile(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package(enabled=0)])
    with power.open("rapl", root=root) as device:
        assert read(zone_path(root) / "enabled") == 0
        device.set_cap(20.0)
        assert read(zone_path(root) / "enabled") == 1
    assert read(zone_path(root) / "enabled") == 0


def test_somebody_elses_later_change_stays(client: Path) -> None:
    zone = zone_path(client, 1)
    with power.open("rapl", root=client) as device:
        device.set_cap(20.0)
        constraint_file(zone, "long_term", "power_limit_uw").write_text("15000000\n")
        assert device.cap == 15.0
    assert limits(zone) == (15_000_000, 27_983_872, 56_250_000, 1)


def test_energy_over_wraps(tmp_path: Path) -> None:
    span = 300_000_000  # of a counter that wraps after 300 J, half of which are drawn at a time
    root = build(tmp_path / "powercap", [package(range_uj=span)])
    counter = zone_path(root) / "energy_uj"
    with power.open("rapl", root=root) as device:
        counter.write_text("3500000\n")
        assert device.energy() == pytest.approx(2.5)
        counter.write_text(f"{span - 1_000_000}\n")
        high = joules(device)
        counter.write_text("250000\n")
        assert joules(device) - high == pytest.approx(1.25)
        for _ in range(3):
            before = joules(device)
            counter.write_text(f"{span // 2}\n")
            counter_at_half = joules(device)
            counter.write_text("250000\n")
            assert joules(device) - before == pytest.approx(span * 1e-6)
            assert counter_at_half > before


@pytest.mark.parametrize("range_uj", [None, 0])
def test_a_counter_that_starts_again_without_a_range(tmp_path: Path, range_uj: int | None) -> None:
    root = build(tmp_path / "powercap", [package(energy_uj=9_000_000, range_uj=range_uj)])
    with power.open("rapl", root=root) as device:
        (zone_path(root) / "energy_uj").write_text("2000000\n")
        assert device.energy() == pytest.approx(2.0)


def test_dram_is_counted_when_asked_for(tmp_path: Path) -> None:
    dram = Zone("dram", energy_uj=100)
    root = build(
        tmp_path / "powercap", [package(children=(Zone("core"), dram)), package("package-1")]
    )
    for wanted, expected in ((False, 1.0), (True, 5.0)):
        with power.open("rapl", root=root, dram=wanted) as device:
            energy = zone_path(root) / "energy_uj"
            dram_energy = zone_path(root) / "intel-rapl:0:1" / "energy_uj"
            energy.write_text(f"{read(energy) + 1_000_000}\n")
            dram_energy.write_text(f"{read(dram_energy) + 4_000_000}\n")
            assert device.energy() == pytest.approx(expected)
            assert len(device.zones) == 2 + wanted


def test_a_zone_that_only_counts(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [Zone("package-0", energy_uj=5)])
    with power.open("rapl", root=root) as device:
        assert not device.can_cap
        assert device.can_read
        assert device.energy() == 0.0
        assert str(device.cap) == str(device.cap_range[0]) == "nan"
        with pytest.raises(power.PowerError, match="no long_term constraint") as caught:
            device.set_cap(20.0)
        assert caught.value.what == str(zone_path(root))
        assert repr(device) == "<alert power device: rapl, no caps, energy>"


def test_caps_without_energy(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package(energy_uj=None)])
    with power.open("rapl", root=root) as device:
        assert device.can_cap
        assert not device.can_read
        with pytest.warns(power.PowerWarning, match="energy_uj: No such file") as caught:
            assert device.energy() is None
        assert device.energy() is None
        assert len(caught) == 1
        device.set_cap(20.0)
        assert device.cap == 20.0


@pytest.mark.parametrize("text", ["", "garbage\n", "0\n"])
def test_a_counter_that_never_worked(client: Path, text: str) -> None:
    (zone_path(client, 1) / "energy_uj").write_text(text)
    with power.open("rapl", root=client) as device:
        assert not device.can_read
        with pytest.warns(power.PowerWarning, match="energy_uj"):
            assert device.energy() is None


def test_a_limit_of_zero_is_no_limit(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package(constraints=(Constraint("long_term", 0, 1),))])
    with power.open("rapl", root=root) as device:
        assert not device.can_cap
        with pytest.raises(power.PowerError, match="0 W"):
            device.set_cap(1.0)


@pytest.mark.parametrize("text", ["", "garbage\n", "0\n"])
def test_a_counter_that_fails_later(client: Path, text: str) -> None:
    with power.open("rapl", root=client) as device:
        counter = zone_path(client, 1) / "energy_uj"
        counter.write_text("2000000\n")
        assert device.energy() == pytest.approx(1.0)
        counter.write_text(text)
        with pytest.warns(power.PowerWarning, match="energy_uj"):
            assert device.energy() is None
        assert device.energy() is None  # said once
        counter.write_text("3000000\n")
        assert device.energy() == pytest.approx(2.0)


def test_no_rapl_at_all(tmp_path: Path) -> None:
    with pytest.raises(power.PowerError) as caught:
        power.open("rapl", root=tmp_path)
    error = caught.value
    assert isinstance(error, OSError)
    assert error.errno == 2
    assert error.what == str(tmp_path / "intel-rapl")
    assert "modprobe intel_rapl_msr" in error.remedy
    assert error.remedy in str(error)


def test_a_tree_without_packages(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [PSYS, Zone("package-x"), Zone("package-0-die")])
    with pytest.raises(power.PowerError, match="no package among its zones"):
        power.open("rapl", root=root)


def test_a_path_too_long_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(power.PowerError, match="too long"):
        power.open("rapl", root=tmp_path / ("x" * 600))


def test_auto_takes_rapl_where_it_works(client: Path) -> None:
    with power.open(root=client) as device:
        assert device.kind == "rapl"


def test_auto_falls_back_and_says_why(tmp_path: Path) -> None:
    with pytest.warns(power.PowerWarning, match="no power cap is set.*No such file") as caught:
        device = power.open(root=tmp_path)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert device.kind == "none"
    device.close()
    root = build(tmp_path / "powercap", [Zone("package-0")])
    with pytest.warns(power.PowerWarning, match="no long_term constraint") as caught:
        device = power.open(root=root)
    assert len(caught) == 1
    assert (device.kind, device.can_cap, device.can_read) == ("rapl", False, True)
    device.close()


def test_description(client: Path) -> None:
    before = limits(zone_path(client, 1))
    told = power.describe(client)
    assert json.loads(json.dumps(told)) == told
    assert told["auto"] == "rapl"
    rapl = told["rapl"]
    assert rapl["can_cap"]
    assert rapl["can_read"]
    assert rapl["cap_range"] == [1.0, 45.0]
    assert rapl["missing"] == []
    assert rapl["zones"] == [
        {
            "name": "package-0",
            "path": str(zone_path(client, 1)),
            "can_cap": True,
            "can_read": True,
            "enabled": True,
            "limit": 45.0,
            "window": pytest.approx(27.983872),
            "short_term": 56.25,
            "twin_limit": None,
            "mirrors": False,
            "cap_missing": None,
            "read_missing": None,
            "range_missing": None,
            "max_power": None,
        }
    ]
    assert limits(zone_path(client, 1)) == before


def test_description_of_nothing(tmp_path: Path) -> None:
    told = power.describe(tmp_path)
    assert told["auto"] == "none"
    assert told["rapl"]["zones"] == []
    assert told["rapl"]["missing"][0]["what"] == str(tmp_path / "intel-rapl")
    assert json.loads(json.dumps(told)) == told
