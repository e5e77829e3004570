"""Every fault of a RAPL file, at every moment, ends as documented.

One table: what fails, where, and when; its last column names what must come of it, which a function
below checks. Whatever it is, joules never run backwards or count twice, and the limits come back.
"""

from __future__ import annotations

import errno
import itertools
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from devices import drawn, joules
from plants import FAULTS, TOP, Plant, compile_plant, running

from alert import power

pytestmark = pytest.mark.usefixtures("directory")

ZONE = f"{TOP}:0"
LIMIT = f"{ZONE}/constraint_0_power_limit_uw"
WINDOW = f"{ZONE}/constraint_0_time_window_us"
ENERGY = f"{ZONE}/energy_uj"

WRITES = [f"write {code}" for code in FAULTS]
READS = [f"read {code}" for code in FAULTS]
TRICKS = ["short", "cut", "garbage", "vanish"]

# when, which file, the fault, what must come of it
TABLE = [
    *itertools.product(
        ["open"], [LIMIT], [*WRITES, *READS, "short", "garbage", "vanish"], ["no caps"]
    ),
    *itertools.product(["open"], [ENERGY], [*READS, "short", "garbage", "vanish"], ["no energy"]),
    ("open", f"{ZONE}/constraint_0_name", "vanish", "no caps"),
    ("open", f"{ZONE}/name", "vanish", "no package"),
    *itertools.product(["open"], [f"{ZONE}/name"], READS, ["no machine"]),
    *itertools.product(["set_cap"], [LIMIT], [*WRITES, *READS, *TRICKS], ["caps end"]),
    ("set_cap", LIMIT, "ignore", "caps end"),
    ("set_cap", LIMIT, "ignore", "not as asked"),
    *itertools.product(["set_cap"], [WINDOW], [*WRITES, *READS, "ignore"], ["short_term follows"]),
    *itertools.product(["energy"], [ENERGY], [*READS, *TRICKS], ["energy pauses"]),
    *itertools.product(
        ["close"], [LIMIT, WINDOW], [*WRITES, *READS, "ignore", "garbage", "short", "cut"], ["kept"]
    ),
    ("close", LIMIT, f"write {errno.EBUSY} 2", "back"),
    ("close", LIMIT, f"read {errno.EBUSY} 2", "back"),
    ("close", LIMIT, "vanish", "gone"),
]


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    """One package at 80 W under a limit of 95 W, its counter near the wrap."""
    with running(compile_plant(), tmp_path / "machine", "wrapping") as machine:
        yield machine


def inject(plant: Plant, file: str, fault: str) -> None:
    words = fault.split()
    if len(words) == 1:
        plant.trick(fault, file)
    else:
        plant.command(f"fault {words[0]} {file} {' '.join(words[1:])}")


def heal(plant: Plant, file: str) -> None:
    plant.trick("honest", file)
    for access in ("read", "write"):
        plant.fault(access, file, 0)


def said(fault: str) -> str:
    """Return what a message about the fault must say, as a pattern."""
    words = fault.split()
    return os.strerror(int(words[1])) if len(words) > 1 else "."


@pytest.mark.parametrize(("when", "file", "fault", "outcome"), TABLE)
def test_fault(
    plant: Plant, directory: Path, when: str, file: str, fault: str, outcome: str
) -> None:
    found = plant.limits()
    OUTCOMES[outcome](plant, file, fault)
    heal(plant, file)
    power.restore(directory)
    assert plant.limits() == found
    assert not directory.exists() or list(directory.iterdir()) == []


def no_caps(plant: Plant, file: str, fault: str) -> None:
    inject(plant, file, fault)
    with power.open("rapl", root=plant.root) as device:
        assert not device.can_cap
        assert drawn(plant, device, 1.0) == pytest.approx(80.0, abs=3e-4)
        with pytest.raises(power.PowerError, match=said(fault)):
            device.set_cap(30.0)
        plant.counts()
        with pytest.raises(power.PowerError):
            device.set_cap(40.0)
        assert plant.counts() == {}
        missing = device.zones[0]["cap_missing"]
        code = int(fault.split()[1]) if " " in fault else errno.ENODATA * (fault == "short")
        right = "--privileged" if os.geteuid() == 0 else "alert info"
        assert (right in missing["remedy"]) == (code in (errno.EACCES, errno.EROFS))
        assert ("BIOS" in missing["remedy"]) == (code in (errno.ENODATA, errno.EIO))


def no_energy(plant: Plant, file: str, fault: str) -> None:
    inject(plant, file, fault)
    with power.open("rapl", root=plant.root) as device:
        assert not device.can_read
        with pytest.warns(power.PowerWarning, match=f"energy_uj.*{said(fault)}") as caught:
            assert device.energy() is None
        assert device.energy() is None
        assert len(caught) == 1
        device.set_cap(30.0)
        assert device.cap == 30.0


def no_package(plant: Plant, file: str, fault: str) -> None:
    inject(plant, file, fault)
    with pytest.raises(power.PowerError, match="no package"):
        power.open("rapl", root=plant.root)


def no_machine(plant: Plant, file: str, fault: str) -> None:
    """A zone that may be a package: without it a part of the machine would not be capped."""
    inject(plant, file, fault)
    with pytest.raises(power.PowerError, match=f"{ZONE}: {said(fault)}"):
        power.open("rapl", root=plant.root)


def caps_end(plant: Plant, file: str, fault: str) -> None:
    """Said once, not tried for every input, energy goes on, and what was capped comes back."""
    for already_capped in (False, True) if fault != "ignore" else (False,):
        heal(plant, file)
        found = plant.limits()
        with power.open("rapl", root=plant.root) as device:
            if already_capped:
                device.set_cap(50.0)
            inject(plant, file, fault)
            with pytest.warns(power.PowerWarning, match=f"uw.*{said(fault)}") as caught:
                device.set_cap(40.0)
            plant.counts()
            for cap in (30.0, 20.0, 40.0):
                device.set_cap(cap)
            assert plant.counts() == {}
            assert len(caught) == 1
            assert not device.can_cap
            with pytest.raises(ValueError, match="power_cap"):
                device.set_cap(1e6)
            assert drawn(plant, device, 1.0) > 0.0
            heal(plant, file)
        assert plant.limits() == found


def not_as_asked(plant: Plant, file: str, fault: str) -> None:
    """A limit that has moved may stand at its end: said once, and other caps are tried."""
    with power.open("rapl", root=plant.root) as device:
        device.set_cap(50.0)
        inject(plant, file, fault)
        with pytest.warns(power.PowerWarning, match="40 W did not take, 50 W") as caught:
            device.set_cap(40.0)
        device.set_cap(30.0)
        assert len(caught) == 1
        heal(plant, file)
        device.set_cap(60.0)
        assert device.cap == 60.0


def short_term_follows(plant: Plant, file: str, fault: str) -> None:
    """Under a long window bursts would pass, so short_term holds the cap as well."""
    with power.open("rapl", root=plant.root) as device:
        inject(plant, file, fault)
        device.set_cap(40.0)
        assert plant.value(f"{ZONE}/constraint_1_power_limit_uw") == 40_000_000
        assert device.settle == pytest.approx(0.00244)
        heal(plant, file)


def energy_pauses(plant: Plant, file: str, fault: str) -> None:
    """None, said once; what was drawn meanwhile is made up for, over a wrap and all."""
    with power.open("rapl", root=plant.root) as device:
        total = drawn(plant, device, 1.0)
        readings = [total]
        for _ in range(3):
            inject(plant, file, fault)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                seen = []
                for _ in range(3):
                    plant.advance(1.0)
                    seen.append(device.energy())
            assert len(caught) == (readings == [total])
            assert seen == [None] * 3
            heal(plant, file)
            plant.advance(1.0)
            readings.append(joules(device))
            assert readings[-1] - readings[-2] == pytest.approx(320.0, abs=3e-4)


def kept(plant: Plant, file: str, fault: str) -> None:
    """What cannot be given back is said, and kept for `restore`."""
    device = power.open("rapl", root=plant.root)
    device.set_cap(40.0)
    inject(plant, file, fault)
    with pytest.warns(power.PowerWarning, match=f"{file}.*could not be given back") as caught:
        device.close()
    assert len(caught) == 1
    if " " in fault:
        assert said(fault) in str(caught[0].message)
    assert "alert restore" in str(caught[0].message)
    told = power.restore()
    assert [item["path"] for item in told] == [str(plant.root / file)]
    assert told[0]["error"]


def back(plant: Plant, file: str, fault: str) -> None:
    """A fault that passes within milliseconds is waited out."""
    found = plant.limits()
    device = power.open("rapl", root=plant.root)
    device.set_cap(40.0)
    inject(plant, file, fault)
    device.close()
    assert plant.limits() == found


def gone(plant: Plant, file: str, fault: str) -> None:
    """A zone that is gone needs nothing back."""
    device = power.open("rapl", root=plant.root)
    limit = plant.value(file)
    device.set_cap(40.0)
    inject(plant, file, fault)
    device.close()
    heal(plant, file)
    (plant.root / file).write_text(str(limit))


OUTCOMES: dict[str, Callable[[Plant, str, str], None]] = {
    "no caps": no_caps,
    "no energy": no_energy,
    "no package": no_package,
    "no machine": no_machine,
    "caps end": caps_end,
    "not as asked": not_as_asked,
    "short_term follows": short_term_follows,
    "energy pauses": energy_pauses,
    "kept": kept,
    "back": back,
    "gone": gone,
}
