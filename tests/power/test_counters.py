"""Counters that jump or stand still: what devices say of them.

`tests/c/test_counter.c` has the rules.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import pytest
from devices import joules
from gpus import Gpus
from rapl_tree import Zone, build, package, zone_path

from alert import power

pytestmark = pytest.mark.usefixtures("directory")


def show(root: Path, uj: int, zone: int = 0) -> None:
    (zone_path(root, zone) / "energy_uj").write_text(f"{uj}\n")


@pytest.mark.needs("libpowercap")
@pytest.mark.parametrize("zone", [package(), Zone("package-0")], ids=["limits known", "unknown"])
def test_steps_that_no_package_can_make(tmp_path: Path, zone: Zone) -> None:
    """Ahead by 700 J, or back by 2 kJ: neither is counted, and it is said once."""
    root = build(tmp_path / "powercap", [zone])
    line = 5_000_000_000
    show(root, line)
    with (
        power.open("rapl", root=root) as device,
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        for reading in range(1, 20):
            line += 2_000_000
            odd = {4: 700_000_000, 9: -2_000_000_000, 14: 700_000_000}.get(reading, 0)
            show(root, line + odd)
            assert joules(device) == pytest.approx(2.0 * (reading - (odd != 0)))
    (said,) = caught
    assert "energy_uj: the counter made a step that no hardware can draw" in str(said.message)


@pytest.mark.needs("libpowercap")
def test_a_counter_of_two_lines_cannot_be_read(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package()])
    seen = []
    with power.open("rapl", root=root) as device, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for reading in range(1, 30):
            show(root, 1_000_000 * (reading + 9000 * (reading % 2)))
            seen.append(device.energy())
    assert seen[-1] is None
    assert max(j for j in seen if j is not None) < 30
    assert [("two lines" in str(w.message)) for w in caught] == [False, True]


def move(root: Path, device: power.PowerDevice) -> list[float | None]:
    """Have the first zone draw 0.2 J within 0.4 s; return the readings."""
    seen = []
    for i in range(1, 21):
        show(root, 1_000_000 + 10_000 * i)
        time.sleep(0.02)
        seen.append(device.energy())
    return seen


@pytest.mark.needs("libpowercap")
def test_one_package_that_stands_still(tmp_path: Path) -> None:
    """The other one moves: the sum would look as if it were right."""
    root = build(tmp_path / "powercap", [package(), package("package-1")])
    with power.open("rapl", root=root) as device:
        with pytest.warns(power.PowerWarning, match="intel-rapl:1/energy_uj.*stands still") as said:
            seen = move(root, device)
        assert len(said) == 1
        assert seen[-1] is None
        show(root, 2_000_000, zone=1)  # now it does move
        assert joules(device) == pytest.approx(0.2 + 1.0)


@pytest.mark.needs("libpowercap")
def test_memory_that_stands_still_is_counted_no_more(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package(children=(Zone("dram"),))])
    with power.open("rapl", root=root, dram=True) as device:
        with pytest.warns(power.PowerWarning, match="intel-rapl:0:0/energy_uj.*still") as said:
            seen = move(root, device)
        assert len(said) == 1
        assert seen[-1] == pytest.approx(0.2)


def test_a_gpu_whose_counter_is_ahead_once(gpus: Gpus) -> None:
    with power.open("nvml", gpus=[0]) as device:
        gpus.gpu[0].energy_mj += 10**9
        with pytest.warns(power.PowerWarning, match=r"GPU 0 \(Stub 0\): the counter made a step"):
            assert device.energy() == 0.0
        gpus.gpu[0].energy_mj -= 10**9
        gpus.advance(1.0)
        assert joules(device) == pytest.approx(220.0)
