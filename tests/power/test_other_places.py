"""Packages and memory that are elsewhere than usual, or that a container hides."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import PACKAGES
from rapl_tree import PSYS, Zone, build, constraint_file, package, read, zone_path

from alert import power

pytestmark = [pytest.mark.usefixtures("directory"), pytest.mark.needs("libpowercap")]

MMIO = "intel-rapl-mmio"
DRAM = Zone("dram", energy_uj=2_000_000)


def draw(zone: Path, joules: int) -> None:
    counter = zone / "energy_uj"
    counter.write_text(f"{read(counter) + joules * 1_000_000}\n")


# ------------------------------------------------------------------------------------------- MMIO


@pytest.mark.parametrize("others", [None, (PSYS,), ()], ids=["no such type", "psys", "empty"])
def test_a_package_under_mmio_alone(tmp_path: Path, others: tuple[Zone, ...] | None) -> None:
    root = tmp_path / "powercap"
    if others is not None:
        build(root, others)
    build(root, [package(limit_uw=17_000_000)], MMIO)
    zone = root / MMIO / f"{MMIO}:0"
    limit = constraint_file(zone, "long_term", "power_limit_uw")
    with power.open("auto", root=root) as device:
        assert (device.kind, device.cap_range) == ("rapl", (1.0, 17.0))
        device.set_cap(9.0)
        assert read(limit) == 9_000_000
        draw(zone, 5)
        assert device.energy() == pytest.approx(5.0)
    assert read(limit) == 17_000_000


# ----------------------------------------------------------------------------------------- hidden


def hidden(root: Path) -> str:
    with pytest.raises(power.PowerError) as caught:
        power.open("rapl", root=root)
    assert caught.value.errno == errno.ENOENT
    return caught.value.remedy


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "intel-rapl").symlink_to("../masked/intel-rapl")
    assert "this container hides RAPL" in hidden(tmp_path)


def test_a_folder_without_anything(tmp_path: Path) -> None:
    (tmp_path / "intel-rapl").mkdir()
    assert "this container hides RAPL" in hidden(tmp_path)


def test_a_kernel_that_has_no_zones(tmp_path: Path) -> None:
    """The driver is there, the processor is not: a virtual machine."""
    assert "virtual machines and containers" in hidden(build(tmp_path / "powercap", []))
    assert "virtual machines and containers" in hidden(tmp_path / "nowhere")


# ----------------------------------------------------------------------------------------- memory


def test_memory_under_the_twin(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package(children=(Zone("core"),))])
    build(root, [package(children=(DRAM,))], MMIO)
    with power.open("rapl", root=root, dram=True) as device:
        draw(zone_path(root), 10)
        draw(root / MMIO / f"{MMIO}:0", 10)
        draw(root / MMIO / f"{MMIO}:0" / f"{MMIO}:0:0", 3)
        assert device.energy() == pytest.approx(13.0)


def test_memory_that_both_show_is_counted_once(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package(children=(DRAM,))])
    build(root, [package(children=(DRAM,))], MMIO)
    with power.open("rapl", root=root, dram=True) as device:
        draw(zone_path(root) / "intel-rapl:0:0", 3)
        draw(root / MMIO / f"{MMIO}:0" / f"{MMIO}:0:0", 3)
        assert device.energy() == pytest.approx(3.0)


def test_memory_beside_the_packages(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package(), package("package-1"), DRAM])
    with power.open("rapl", root=root, dram=True) as device:
        draw(zone_path(root, 0), 1)
        draw(zone_path(root, 1), 2)
        draw(zone_path(root, 2), 4)
        assert device.energy() == pytest.approx(7.0)
        assert device.cap_range == (2.0, 90.0)  # it is not capped
    with pytest.warns(power.PowerWarning, match="memory is not metered"):
        power.open("rapl", root=root, dram=True, package=0).close()  # whose is it?


def test_memory_that_is_not_metered_is_said(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package(children=(Zone("core"),))])
    with pytest.warns(power.PowerWarning, match="memory is not metered here") as said:
        device = power.open("rapl", root=root, dram=True)
    assert said[0].filename == __file__
    device.close()
    power.open("rapl", root=root).close()  # nobody asked for it


# ---------------------------------------------------------------------------------------- remedies

DESCRIBE = """
import ctypes, json, os, sys
sys.path.insert(0, sys.argv[1])
from alert import power
libc = ctypes.CDLL(None)
if sys.argv[3] != "root":
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
if sys.argv[3] == "root of a namespace":
    libc.prctl(4, 1, 0, 0, 0)  # dumpable: then /proc/self/uid_map is ours
    if libc.unshare(0x10000000):  # CLONE_NEWUSER
        sys.exit(77)
    open("/proc/self/uid_map", "w").write("0 65534 1")
    assert os.geteuid() == 0
told = power.describe(sys.argv[2])["rapl"]
print(json.dumps([told["rule"], *(lack["remedy"] for lack in told["missing"])]))
"""


def described(root: Path, who: str, *prefix: str) -> list[str | None]:
    """Return the rule that is offered and the remedies, as another process is told."""
    command = [*prefix, sys.executable, "-c", DESCRIBE, str(PACKAGES), str(root), who]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == 77:
        pytest.skip("this kernel gives nobody a user namespace")
    assert done.returncode == 0, done.stderr
    told: list[str | None] = json.loads(done.stdout)
    return told


@pytest.mark.needs("root")
def test_a_tree_that_is_mounted_read_only(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package()])
    mount = f"mount --bind {root} {root} && mount -o remount,bind,ro {root}"
    prefix = ("unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh")
    rule, remedy = described(root, "root", *prefix)
    assert rule is None
    assert "/sys is mounted read-only" in str(remedy)


@pytest.fixture
def private() -> Iterator[Path]:
    """Make a package as current kernels show it, in a directory that everybody may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        root = build(Path(name) / "powercap", [package()])
        (zone_path(root) / "energy_uj").chmod(0o400)
        yield root


@pytest.mark.needs("root")
def test_root_of_a_user_namespace_is_not_told_to_be_root(private: Path) -> None:
    rule, *remedies = described(private, "root of a namespace")
    assert rule is None
    assert ["user namespace" in str(remedy) for remedy in remedies] == [True, True]
    assert not any("run as root" in str(remedy) for remedy in remedies)


@pytest.mark.needs("root")
def test_somebody_else_is_told_to_be_root(private: Path) -> None:
    rule, cap, read_energy = described(private, "nobody")
    assert "needs root" in str(cap)
    assert "run as root" in str(read_energy)
    assert "SUBSYSTEM" in str(rule)
