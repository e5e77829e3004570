"""RAPL through the real libpowercap over the plant: named machines that draw power and obey caps.

The plant's clock stands still until a test moves it, so that joules are exact.
"""

from __future__ import annotations

import errno
import math
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from devices import drawn, joules
from plants import MACHINES, TOP, Plant, compile_plant, running

from alert import power

Start = Callable[[str], AbstractContextManager[Plant]]

LIMIT = f"{TOP}:0/constraint_0_power_limit_uw"
SHORT = f"{TOP}:0/constraint_1_power_limit_uw"
ENERGY = f"{TOP}:0/energy_uj"
CAPPABLE = (
    "client",
    "server",
    "dies",
    "disabled",
    "mmio",
    "private",
    "wrapping",
    "compute",
    "cores",
)
READABLE = (*CAPPABLE, "amd", "mirrored")
# what the counters must show over one second
WATTS = {
    "client": 45.0,
    "server": 300.0,
    "dies": 100.0,
    "disabled": 80.0,
    "mmio": 28.0,
    "cores": 45.0,
}
WATTS |= {
    "compute": 30.0,
    "private": 45.0,
    "wrapping": 80.0,
    "amd": 65.0,
    "mirrored": 65.0,
    "locked": 45.0,
}


@pytest.fixture
def start(tmp_path: Path) -> Start:
    return lambda machine: running(compile_plant(), tmp_path / machine, machine)


@pytest.fixture
def server(start: Start) -> Iterator[Plant]:
    with start("server") as plant:
        yield plant


@pytest.fixture
def wrapping(start: Start) -> Iterator[Plant]:
    """One package at 80 W, two limits of 95 W and above."""
    with start("wrapping") as plant:
        yield plant


# ---------------------------------------------------------------------------------- every machine


@pytest.mark.parametrize("machine", READABLE)
def test_energy_of_every_machine(start: Start, machine: str) -> None:
    with start(machine) as plant, power.open("rapl", root=plant.root) as device:
        assert device.can_read
        for _ in range(3):
            assert drawn(plant, device, 1.0) == pytest.approx(WATTS[machine], abs=3e-4)


@pytest.mark.parametrize("machine", CAPPABLE)
def test_caps_of_every_machine(start: Start, machine: str) -> None:
    with start(machine) as plant:
        found = plant.limits()
        with power.open("rapl", root=plant.root) as device:
            assert plant.limits() == found
            low, high = device.cap_range
            for cap in (high / 2, high / 3, high / 2):
                device.set_cap(cap)
                assert device.cap == pytest.approx(cap, abs=0.125 * len(device.zones))
                plant.advance(1.0)
                assert drawn(plant, device, 1.0) == pytest.approx(device.cap, abs=3e-4)
            assert low < high
        assert plant.limits() == found


@pytest.mark.parametrize("machine", MACHINES)
def test_description_of_every_machine(start: Start, machine: str) -> None:
    with start(machine) as plant:
        found = plant.limits()
        told = power.describe(plant.root)["rapl"]
        assert told["can_cap"] == (machine in (*CAPPABLE, "locked"))
        assert told["can_read"] == (machine in (*READABLE, "locked"))
        assert (told["missing"] == []) == (told["can_cap"] and told["can_read"])
        assert plant.limits() == found
        assert all(writes == 0 for _, _, writes in plant.counts().values())


def test_zones_by_machine(start: Start) -> None:
    names = {
        "client": ["package-0"],
        "server": ["package-0", "package-1"],
        "dies": ["package-0-die-0", "package-0-die-1"],
        "mmio": ["package-0"],
    }
    for machine, expected in names.items():
        with start(machine) as plant, power.open("rapl", root=plant.root) as device:
            assert [zone["name"] for zone in device.zones] == expected


def test_no_powercap_at_all(start: Start) -> None:
    with start("none") as plant, pytest.raises(power.PowerError, match="No such file"):
        power.open("rapl", root=plant.root)


@pytest.mark.needs("powercap-utils", "root")  # to mount
def test_other_tools_see_the_same(tmp_path: Path) -> None:
    """`rapl-info` and `powercap-info` on the tree in its usual place agree with us."""
    code = f"""
import re, subprocess, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[1] / "support")!r})
from plants import running
from alert import power

def shown(*command):
    # the first zone of the output, and its two constraints, by the names of the files
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    zone, long_term, short_term = re.split(r"Constraint .|Subzone|Zone .:", run.stdout)[:3]
    parts = [dict(re.findall(r"(\\w+): (\\S+)", part)) for part in (zone, long_term, short_term)]
    assert [part["name"] for part in parts[1:]] == ["long_term", "short_term"], run.stdout
    return parts

with running(Path({str(compile_plant())!r}), Path("/sys/class/powercap"), "server") as plant:
    with power.open() as device:
        device.set_cap(150.0)
        plant.advance(2.0)
        ours = {{zone["name"]: zone for zone in power.describe()["rapl"]["zones"]}}
        drawn = 0
        for number in ("0", "1"):
            for command in (["rapl-info", "-p", number],
                            ["powercap-info", "-z", number, "intel-rapl"]):
                zone, long_term, short_term = shown(*command)
                told = ours[zone["name"]]
                assert bool(int(zone["enabled"])) == told["enabled"], zone
                assert int(long_term["power_limit_uw"]) == round(told["limit"] * 1e6) == 75e6
                assert int(long_term["time_window_us"]) == round(told["window"] * 1e6) == 10000
                assert int(short_term["power_limit_uw"]) == round(told["short_term"] * 1e6)
            drawn += int(zone["energy_uj"]) - 999973  # where the counters began
        assert abs(drawn * 1e-6 - device.energy()) < 1e-3 and drawn > 299e6, drawn
        print("agreed", device.kind)
"""
    command = 'mount -t tmpfs none /sys/class && mkdir /sys/class/powercap && exec "$0" -c "$1"'
    result = in_namespace(command, code)
    assert result.stdout == "agreed rapl\n", result.stderr + result.stdout


def in_namespace(command: str, code: str) -> subprocess.CompletedProcess[str]:
    import sys

    return subprocess.run(
        ["unshare", "-m", "sh", "-c", command, sys.executable, code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# ---------------------------------------------------------------------------------------- machines


def test_lag(start: Start) -> None:
    with start("client") as plant, power.open("rapl", root=plant.root) as device:
        device.set_cap(20.0)
        assert device.settle == 0.01
        # the plant goes from 45 W to 20 W with a time constant of 10 ms
        settling = 0.2 + 0.25 * (1 - math.exp(-1))
        assert drawn(plant, device, 0.01) == pytest.approx(settling, abs=2e-4)
        plant.advance(1.0)
        assert drawn(plant, device, 1.0) == pytest.approx(20.0, abs=2e-4)


def test_a_cap_is_split_over_packages(server: Plant) -> None:
    with power.open("rapl", root=server.root) as device:
        assert device.cap_range == (2.0, 400.0)
        device.set_cap(150.0)
        assert server.value(f"{TOP}:0/constraint_0_power_limit_uw") == 75_000_000
        assert server.value(f"{TOP}:1/constraint_0_power_limit_uw") == 75_000_000
        assert drawn(server, device, 2.0) == pytest.approx(300.0, abs=3e-4)


def test_one_package_alone(server: Plant) -> None:
    with (
        power.open("rapl", root=server.root, package=1) as one,
        power.open("rapl", root=server.root, package=0) as zero,
    ):
        one.set_cap(50.0)
        zero.set_cap(100.0)
        assert [zone["name"] for zone in one.zones] == ["package-1"]
        before = joules(one), joules(zero)
        server.advance(1.0)
        assert joules(one) - before[0] == pytest.approx(50.0, abs=2e-4)
        assert joules(zero) - before[1] == pytest.approx(100.0, abs=2e-4)
    with pytest.raises(power.PowerError, match="no package of that number"):
        power.open("rapl", root=server.root, package=2)
    with pytest.raises(ValueError, match="package: expected a number >= 0, got -1"):
        power.open("rapl", root=server.root, package=-1)


def test_dram(server: Plant) -> None:
    with power.open("rapl", root=server.root, dram=True) as device:
        assert [zone["name"] for zone in device.zones][2:] == ["dram", "dram"]
        assert drawn(server, device, 1.0) == pytest.approx(320.0, abs=4e-4)
        device.set_cap(100.0)
        assert drawn(server, device, 1.0) == pytest.approx(120.0, abs=4e-4)


def test_mirrored_dies_are_counted_once(start: Start) -> None:
    with start("mirrored") as plant, power.open("rapl", root=plant.root) as device:
        assert [zone["mirrors"] for zone in device.zones] == [False, True]
        assert drawn(plant, device, 1.0) == pytest.approx(65.0, abs=2e-4)


def test_a_disabled_zone_is_enabled_for_the_cap(start: Start) -> None:
    with start("disabled") as plant, power.open("rapl", root=plant.root) as device:
        assert drawn(plant, device, 1.0) == pytest.approx(80.0, abs=2e-4)
        device.set_cap(30.0)
        assert drawn(plant, device, 1.0) == pytest.approx(30.0, abs=2e-4)


def test_a_zone_that_stays_disabled(start: Start) -> None:
    with start("disabled") as plant, power.open("rapl", root=plant.root) as device:
        plant.trick("ignore", f"{TOP}:0/enabled")
        with pytest.warns(power.PowerWarning, match="disabled") as caught:
            device.set_cap(30.0)
        assert len(caught) == 1


def test_a_locked_limit(start: Start) -> None:
    with start("locked") as plant, power.open("rapl", root=plant.root) as device:
        with pytest.warns(power.PowerWarning, match=r"a cap of 30 W did not take, 45 W .*locked"):
            device.set_cap(30.0)
        assert device.cap == 45.0
        plant.counts()
        for cap in (20.0, 25.0, 30.0):  # said once, and not tried for every input
            device.set_cap(cap)
        assert all(writes == 0 for _, _, writes in plant.counts().values())
        assert not device.can_cap


def test_a_limit_that_does_not_rise_may_still_fall(wrapping: Plant) -> None:
    with power.open("rapl", root=wrapping.root, cap_range=(10, 150)) as device:
        wrapping.trick("ignore", LIMIT)
        with pytest.warns(power.PowerWarning, match="110 W did not take, 95 W .*clamped"):
            device.set_cap(110.0)
        assert device.can_cap
        wrapping.trick("honest", LIMIT)
        device.set_cap(50.0)
        assert device.cap == 50.0


def test_a_short_term_that_cannot_be_written(wrapping: Plant) -> None:
    """It is raised before long_term, which then stays, and lowered after."""
    found = wrapping.limits()
    for before, cap, left in ((None, 130.0, 95.0), (130.0, 60.0, 60.0)):
        with power.open("rapl", root=wrapping.root, cap_range=(10, 150)) as device:
            if before is not None:
                device.set_cap(before)
            wrapping.fault("write", SHORT, errno.EIO)
            with pytest.warns(power.PowerWarning, match="constraint_1.*Input/output error"):
                device.set_cap(cap)
            assert not device.can_cap
            assert device.cap == left
            wrapping.fault("write", SHORT, 0)
        assert wrapping.limits() == found


def test_a_lower_limit_under_the_other_name(start: Start) -> None:
    with start("mmio") as plant, power.open("rapl", root=plant.root) as device:
        assert device.cap == 28.0
        assert device.cap_range == (1.0, 28.0)
        assert device.zones[0]["twin_limit"] == 28.0
        device.set_cap(20.0)
        assert device.cap == 20.0
        twin = plant.root / "intel-rapl-mmio/intel-rapl-mmio:0/constraint_0_power_limit_uw"
        twin.write_text("15000000")
        with pytest.warns(power.PowerWarning, match=r"25 W did not take, 15 W .*intel-rapl-mmio"):
            device.set_cap(25.0)
        assert device.cap == 15.0


def test_rounding_is_no_failure(wrapping: Plant) -> None:
    with power.open("rapl", root=wrapping.root) as device:
        device.set_cap(33.3)
        assert device.cap == 33.25


# ----------------------------------------------------------------------------------------- energy


def test_wraps_are_made_up_for(wrapping: Plant) -> None:
    with power.open("rapl", root=wrapping.root) as device:
        for second in range(1, 400):
            wrapping.advance(1.0)
            assert device.energy() == pytest.approx(80.0 * second, abs=3e-4 * (1 + second / 80))
        assert joules(device) > 4 * 6553.6


def test_mirrors_of_time_do_not_matter(wrapping: Plant) -> None:
    with power.open("rapl", root=wrapping.root) as device:
        readings = [joules(device) for _ in range(50)]
        assert readings == [0.0] * 50


# ------------------------------------------------------------------------------------------- caps


def test_auto_where_limits_cannot_be_written(wrapping: Plant) -> None:
    wrapping.fault("write", LIMIT, errno.EIO)
    with pytest.warns(power.PowerWarning, match="no power cap is set.*Input/output error"):
        device = power.open(root=wrapping.root)
    with device:
        assert not device.can_cap
        assert joules(device) == 0.0  # read all the same


def test_a_zone_that_vanishes_while_open(wrapping: Plant) -> None:
    with power.open("rapl", root=wrapping.root) as device:
        device.set_cap(50.0)
        for file in ("constraint_0_power_limit_uw", "energy_uj"):
            wrapping.trick("vanish", f"{TOP}:0/{file}")
        with pytest.warns(power.PowerWarning, match=os.strerror(errno.ENODEV)):
            device.set_cap(40.0)
        with pytest.warns(power.PowerWarning, match=os.strerror(errno.ENODEV)):
            assert device.energy() is None
        assert math.isnan(device.cap)


def test_what_a_cap_and_a_reading_cost(wrapping: Plant) -> None:
    with power.open("rapl", root=wrapping.root) as device:
        device.set_cap(50.0)
        device.energy()
        wrapping.counts()
        for cap in (40.0, 40.0, 60.0, 60.0):
            device.set_cap(cap)
        assert wrapping.counts() == {LIMIT: (0, 2, 2)}  # one write and its read-back per change
        for _ in range(5):
            device.energy()
        assert wrapping.counts() == {ENERGY: (0, 5, 0)}


def test_an_observer_changes_nothing(wrapping: Plant) -> None:
    with power.open("rapl", root=wrapping.root, observe=True) as device:
        assert drawn(wrapping, device, 1.0) == pytest.approx(80.0, abs=2e-4)
        with pytest.raises(power.PowerPermissionError, match="observe only"):
            device.set_cap(50.0)
    assert all(writes == 0 for _, _, writes in wrapping.counts().values())
