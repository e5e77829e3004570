"""No cap lets a package draw more than the limits that were found.

Whatever the order of the constraints: the lowest of them is in force, and is the highest cap. Only
`cap_range=` goes beyond.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from rapl_tree import Constraint, Zone, build, constraint_file, package, read, zone_path

from alert import power

pytestmark = [pytest.mark.usefixtures("directory"), pytest.mark.needs("libpowercap")]

MMIO = "intel-rapl-mmio"
LIMITS = ("long_term", "short_term", "peak_power")


def limited(*watts: int, name: str = "package-0") -> Zone:
    """Return a package with the limits of `LIMITS`."""
    constraints = [
        Constraint(constraint, limit * 1_000_000, 1_000)
        for constraint, limit in zip(LIMITS, watts, strict=False)
    ]
    return package(name, constraints=constraints)


def highest(zone: Path) -> list[int]:
    """Return the limits in the files of a zone, in watts."""
    return [
        read(constraint_file(zone, name, "power_limit_uw")) // 1_000_000
        for name in LIMITS
        if any(p.read_text().strip() == name for p in zone.glob("constraint_*_name"))
    ]


@pytest.mark.parametrize(
    ("main", "twin", "lowest"),
    [
        ((150, 40, 120), None, 40),  # short_term below long_term
        ((150, 180, 90), None, 90),  # peak_power below both
        ((30, 60, 90), (50, 25), 25),  # the twin's short_term below all
        ((30, 60), (20, 40), 20),  # the twin's long_term
        ((28, 64), (50, 80), 28),  # the usual order
    ],
)
def test_the_highest_cap_is_the_lowest_limit_found(
    tmp_path: Path, main: tuple[int, ...], twin: tuple[int, ...] | None, lowest: int
) -> None:
    root = build(tmp_path / "powercap", [limited(*main)])
    if twin:
        build(root, [limited(*twin)], MMIO)
    zone = zone_path(root)
    with power.open("rapl", root=root) as device:
        assert device.cap_range == (1.0, lowest)
        assert device.cap == lowest
        for cap in (lowest, lowest / 2, lowest):
            device.set_cap(cap)
            assert device.cap == cap
            assert all(now <= found for now, found in zip(highest(zone), main, strict=True))
        with pytest.raises(ValueError, match=f"power_cap: expected 1 to {lowest} W"):
            device.set_cap(lowest + 0.5)
    assert highest(zone) == list(main)


def test_a_twin_that_is_switched_off_limits_nothing(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [limited(30, 60)])
    build(root, [Zone("package-0", limited(10, 12).constraints, enabled=0)], MMIO)
    with power.open("rapl", root=root) as device:
        assert device.cap_range == (1.0, 30.0)


def test_the_lowest_limits_of_packages_are_summed(tmp_path: Path) -> None:
    """Each package has its own lowest, and gets no more than that."""
    root = build(tmp_path / "powercap", [limited(150, 50), limited(40, 90, name="package-1")])
    with power.open("rapl", root=root) as device:
        assert device.cap_range == (2.0, 90.0)
        device.set_cap(90.0)
        assert [highest(zone_path(root, i)) for i in (0, 1)] == [[50, 50], [40, 90]]


def test_only_a_range_that_is_asked_for_goes_beyond(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [limited(150, 40)])
    zone = zone_path(root)
    with power.open("rapl", root=root, cap_range=(5, 100)) as device:
        device.set_cap(80.0)  # below long_term and above short_term
        assert highest(zone) == [80, 80]
        assert device.cap == 80.0
        device.set_cap(30.0)
        assert highest(zone) == [30, 40]
    assert highest(zone) == [150, 40]


def test_a_constraint_below_the_cap_is_told(tmp_path: Path) -> None:
    """peak_power is never written: a range that is asked for may not reach beyond it."""
    root = build(tmp_path / "powercap", [limited(40, 50, 60)])
    with power.open("rapl", root=root, cap_range=(5, 100)) as device:
        with pytest.warns(power.PowerWarning, match="60 W is in force: another constraint"):
            device.set_cap(80.0)
        assert device.cap == 60.0
