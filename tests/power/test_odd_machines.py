"""RAPL trees that lack this or that, or hold what none should, as the real library reads them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from rapl_tree import (
    Constraint,
    Zone,
    build,
    constraint_file,
    package,
    read,
    run_as_nobody,
    zone_path,
)

from alert import power

pytestmark = [pytest.mark.usefixtures("directory"), pytest.mark.needs("libpowercap")]

LONG, SHORT = Constraint("long_term", 45_000_000, 1_000_000), Constraint("short_term", 50_000_000)
MMIO = "intel-rapl-mmio"


def limit_of(root: Path, zone: int = 0, constraint: str = "long_term") -> Path:
    return constraint_file(zone_path(root, zone), constraint, "power_limit_uw")


# ---------------------------------------------------------------------------------------- names


def test_names_that_are_nearly_those_of_packages(tmp_path: Path) -> None:
    names = ("package--1", "package-0-die-0x", "package-0-die", "package-1 ", "packages-0")
    root = build(tmp_path / "powercap", [package(name) for name in names])
    with pytest.raises(power.PowerError, match="no package among its zones"):
        power.open("rapl", root=root)


def test_other_directories_are_no_zones(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package()])
    zone_path(root).rename(root / "intel-rapl" / "intel-rapl-0")
    with pytest.raises(power.PowerError, match="no package among its zones"):
        power.open("rapl", root=root)


@pytest.mark.parametrize("length", [500, 484])
def test_paths_that_end_within_a_zone(tmp_path: Path, length: int) -> None:
    """Of 511 letters at the most: where the twin's path is longer, it is not looked for."""
    root = tmp_path
    while len(str(root)) < length - 201:
        root /= "x" * 200
    root /= "y" * (length - len(str(root)) - 1)
    assert len(str(root)) == length
    build(root, [package()])
    build(root, [package(limit_uw=20_000_000)], MMIO)
    if length == 500:
        with pytest.raises(power.PowerError, match="File name too long"):
            power.open("rapl", root=root)
        return
    with power.open("rapl", root=root) as device:
        assert device.cap == 45.0


def test_many_constraints(tmp_path: Path) -> None:
    """The kernel has three at the most; what comes after the sixteenth is not looked at."""
    many = [Constraint(f"other_{i}", 1_000_000) for i in range(16)]
    root = build(tmp_path / "powercap", [package(constraints=(*many, LONG))])
    with power.open("rapl", root=root) as device:
        assert not device.can_cap
    root = build(tmp_path / "fewer", [package(constraints=(*many[1:], LONG))])
    with power.open("rapl", root=root) as device:
        assert device.can_cap


def test_the_first_name_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package()])
    for number in (0, 1, 2):
        (zone_path(root) / f"constraint_{number}_name").unlink()
        (zone_path(root) / f"constraint_{number}_name").mkdir()
    with power.open("rapl", root=root) as device:
        with pytest.raises(power.PowerError, match="Is a directory") as caught:
            device.set_cap(20.0)
        assert caught.value.what == str(zone_path(root) / "constraint_*_name")
        assert caught.value.remedy == ""


# --------------------------------------------------------------------------------------- energy


def test_a_range_that_is_no_number_of_bits(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package(energy_uj=9_000_000)])
    (zone_path(root) / "max_energy_range_uj").write_text("9" * 23 + "\n")
    with power.open("rapl", root=root) as device:
        (zone_path(root) / "energy_uj").write_text("2000000\n")
        assert device.energy() == 2.0  # no wrap at a place that cannot be


@pytest.mark.parametrize("unreadable", [(0,), (1,), (0, 1)])
def test_dies_whose_counters_cannot_all_be_read(
    tmp_path: Path, unreadable: tuple[int, ...]
) -> None:
    zones = [
        package(f"package-0-die-{i}", energy_uj=None if i in unreadable else 5_000_000)
        for i in range(2)
    ]
    root = build(tmp_path / "powercap", zones)
    with power.open("rapl", root=root) as device:
        assert not device.can_read
        assert [zone["mirrors"] for zone in device.zones] == [False, False]
        assert [zone["can_read"] for zone in device.zones] == [i not in unreadable for i in (0, 1)]
        with pytest.warns(power.PowerWarning, match=f"intel-rapl:{unreadable[0]}/energy_uj"):
            assert device.energy() is None


def test_dies_that_show_the_counter_of_another(tmp_path: Path) -> None:
    zones = [
        package(f"package-0-die-{i}", energy_uj=energy)
        for i, energy in enumerate((5_000_000, 9_000_000, 5_000_000))
    ]
    root = build(tmp_path / "powercap", zones)
    with power.open("rapl", root=root) as device:
        assert [zone["mirrors"] for zone in device.zones] == [False, False, True]
        for i in range(3):
            (zone_path(root, i) / "energy_uj").write_text("11000000\n")
        assert device.energy() == 8.0


def test_memory_whose_counter_cannot_be_read_is_not_counted(tmp_path: Path) -> None:
    memory = Zone("dram", energy_uj=None)
    root = build(tmp_path / "powercap", [package(children=(memory,))])
    with pytest.warns(power.PowerWarning, match="intel-rapl:0:0/energy_uj: No such file") as said:
        device = power.open("rapl", root=root, dram=True)
    assert said[0].filename == __file__
    with device:
        assert len(device.zones) == 2
        (zone_path(root) / "energy_uj").write_text("3000000\n")
        assert device.energy() == 2.0


def test_a_zone_that_may_be_memory_is_not_left_out_in_silence(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package(children=(Zone("dram"),))])
    name = zone_path(root) / "intel-rapl:0:0" / "name"
    name.unlink()
    name.mkdir()
    with pytest.raises(power.PowerError, match="Is a directory") as caught:
        power.open("rapl", root=root, dram=True)
    assert caught.value.what == str(name.parent)
    power.open("rapl", root=root).close()  # nobody asked for it


def test_a_package_without_limit_or_counter(tmp_path: Path) -> None:
    """There is nothing to cap by nature: what is missing is the right to read."""
    root = build(tmp_path / "powercap", [Zone("package-0", energy_uj=None)])
    with pytest.raises(power.PowerError, match="energy_uj"):
        power.open("rapl", root=root)


def test_one_package_of_two_without_a_limit(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package(), Zone("package-1")])
    with power.open("rapl", root=root) as device:
        with pytest.raises(power.PowerError, match="no long_term constraint") as caught:
            device.set_cap(20.0)
        assert caught.value.what == str(zone_path(root, 1))


# ----------------------------------------------------------------------------------------- caps


def test_a_least_limit_that_is_no_number(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package(constraints=(LONG,))])
    (zone_path(root) / "constraint_0_min_power_uw").write_text("")
    with power.open("rapl", root=root) as device:
        assert device.cap_range == (1.0, 45.0)


def test_a_limit_alone(tmp_path: Path) -> None:
    """No window, no short_term, no `enabled`: there is less to change and to give back."""
    alone = package(constraints=(Constraint("long_term", 45_000_000),), enabled=None)
    root = build(tmp_path / "powercap", [alone])
    with power.open("rapl", root=root) as device:
        assert device.zones[0]["enabled"] is None
        assert math.isnan(device.zones[0]["window"])
        device.set_cap(20.0)
        assert device.cap == 20.0
        assert device.settle == 0.0
    assert read(limit_of(root)) == 45_000_000


def test_a_long_window_without_a_short_term(tmp_path: Path) -> None:
    """It cannot be shortened, and nothing else holds the cap: the window is what it takes."""
    root = build(tmp_path / "powercap", [package(constraints=(LONG,))])
    window = constraint_file(zone_path(root), "long_term", "time_window_us")
    code = f"""
import os
from alert import power
os.chown({str(window)!r}, 0, 0); os.chmod({str(window)!r}, 0o444)
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
with power.open("rapl", root={str(root)!r}, guard=False) as device:
    device.set_cap(20.0)
    print(device.settle)
"""
    result = run_as_nobody(root, code)
    assert result.stdout == "1.0\n", result.stderr


def test_settings_that_may_be_read_only(tmp_path: Path) -> None:
    """A short_term below the cap stays in force; a disabled zone stays without caps."""
    for name, enabled, expected in (("short_term", 1, "20.0 True"), ("enabled", 0, "nan False")):
        low = Constraint("short_term", 20_000_000)
        zone = package(constraints=(LONG, low), enabled=enabled)
        root = build(tmp_path / name, [zone])
        files = ["enabled"] if name == "enabled" else ["constraint_1_power_limit_uw"]
        code = f"""
import os, warnings
from alert import power
for file in {files!r}:
    path = os.path.join({str(zone_path(root))!r}, file)
    os.chown(path, 0, 0); os.chmod(path, 0o444)
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
with power.open("rapl", root={str(root)!r}, cap_range=(1, 45), guard=False) as device:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        device.set_cap(30.0)
    print(device.cap if device.can_cap else "nan", device.can_cap)
    for warning in caught:
        print(warning.message)
"""
        result = run_as_nobody(root, code)
        assert result.returncode == 0, result.stderr
        lines = result.stdout.splitlines()
        assert lines[0] == expected
        (said,) = lines[1:]
        assert ("cannot be enabled" if name == "enabled" else "constraint of this zone") in said
        assert read(limit_of(root)) == 45_000_000
        assert read(limit_of(root, constraint="short_term")) == 20_000_000


def test_a_limit_put_back_by_somebody_is_not_written_again(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package()])
    with power.open("rapl", root=root) as device:
        device.set_cap(20.0)
        limit_of(root).write_text("45000000\n")
        before = limit_of(root).stat().st_mtime_ns
    assert limit_of(root).stat().st_mtime_ns == before


# ---------------------------------------------------------------------------------------- twins


def twin(root: Path, file: str, number: int = 0) -> Path:
    return root / MMIO / f"{MMIO}:{number}" / file


@pytest.mark.parametrize(
    ("change", "cap"),
    [
        (lambda root: None, 28.0),
        (lambda root: twin(root, "enabled").write_text("0\n"), 45.0),
        (lambda root: twin(root, "enabled").unlink(), 28.0),
        (lambda root: twin(root, "name").write_text("package-1\n"), 45.0),
    ],
    ids=["honest", "disabled", "without enabled", "of another package"],
)
def test_the_lower_limit_is_in_force_where_it_is_enabled(
    tmp_path: Path, change: Callable[[Path], object], cap: float
) -> None:
    root = build(tmp_path / "powercap", [package()])
    build(root, [package(limit_uw=28_000_000)], MMIO)
    change(root)
    with power.open("rapl", root=root) as device:
        assert device.cap == cap


def test_the_first_of_two_twins_counts(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package()])
    build(root, [package(limit_uw=28_000_000), package(limit_uw=27_000_000)], MMIO)
    with power.open("rapl", root=root) as device:
        assert device.cap == 28.0


def test_a_twin_that_can_no_longer_be_read(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package()])
    build(root, [package(limit_uw=28_000_000)], MMIO)
    with power.open("rapl", root=root) as device:
        twin(root, "constraint_2_power_limit_uw").write_text("")
        assert device.cap == 35.0  # its short_term
        twin(root, "constraint_0_power_limit_uw").write_text("")
        assert device.cap == 45.0
        assert math.isnan(device.zones[0]["twin_limit"])
        twin(root, "constraint_2_power_limit_uw").write_text("28000000\n")
        twin(root, "enabled").write_text("")
        assert device.cap == 28.0


# ------------------------------------------------------------------------------------- arguments


def test_arguments_are_checked_below_python_too(tmp_path: Path) -> None:
    root = str(build(tmp_path / "powercap", [package()]))
    for low, high in ((0.0, 10.0), (-1.0, 10.0), (10.0, 10.0), (1.0, 2e6), (math.nan, 10.0)):
        with pytest.raises(ValueError, match="cap_range: expected two numbers of watts"):
            power.open("rapl", root=root, cap_range=(low, high))
    for window in (-1.0, 2000.0, math.nan):
        with pytest.raises(ValueError, match="window: expected a number of seconds from 0 to 1000"):
            power.open("rapl", root=root, window=window)
    with pytest.raises(TypeError, match="window: expected a number of seconds"):
        power.open("rapl", root=root, window="1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="null"):
        power.open("rapl", root="a\0b")
    assert sorted(os.listdir(root)) == ["intel-rapl"]


@pytest.mark.needs("gcc")
def test_a_library_of_another_kind(tmp_path: Path) -> None:
    """One of that name without the functions is said to lack them."""
    import subprocess
    import sys

    source = tmp_path / "empty.c"
    source.write_text("int alert_nothing;\n")
    library = tmp_path / "libpowercap.so.0"
    command = ["gcc", "-shared", "-fPIC", f"-Wl,-soname,{library.name}", str(source)]
    subprocess.run([*command, "-o", str(library)], check=True)
    code = f"""
from alert import power
try:
    power.open("rapl", root={str(tmp_path)!r})
except power.PowerError as error:
    print(error.errno, error.what, "powercap_zone_file_get_name" in error.why)
"""
    environment = os.environ | {"LD_LIBRARY_PATH": str(tmp_path)}
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "38 libpowercap.so.0 True\n"
