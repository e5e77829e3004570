"""Powercap trees as plain files, laid out as the kernel does, for the real libpowercap."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from needs import require

HERE = Path(__file__).parent


@dataclass
class Constraint:
    name: str
    limit_uw: int
    window_us: int | None = None
    min_uw: int | None = None
    max_uw: int | None = None


@dataclass
class Zone:
    name: str
    constraints: Sequence[Constraint] = ()
    energy_uj: int | None = 1_000_000
    range_uj: int | None = 262_143_328_850
    enabled: int | None = 1
    children: Sequence[Zone] = field(default_factory=tuple)


def package(name: str = "package-0", limit_uw: int = 45_000_000, **changes: object) -> Zone:
    """Return a client package with the three constraints of newer processors, in odd order."""
    constraints = (
        Constraint("short_term", limit_uw * 5 // 4, 2_440),
        Constraint("peak_power", limit_uw * 2),
        Constraint("long_term", limit_uw, 27_983_872),
    )
    return Zone(name, **{"constraints": constraints, **changes})  # type: ignore[arg-type]


def build(root: Path, zones: Sequence[Zone], control: str = "intel-rapl") -> Path:
    """Write the tree under `root`, which is returned."""
    require("libpowercap")
    top = root / control
    top.mkdir(parents=True)
    (top / "enabled").write_text("1\n")
    for index, zone in enumerate(zones):
        _write_zone(top / f"{control}:{index}", zone)
    return root


def read(path: Path) -> int:
    """Read a file that libpowercap wrote: what follows the number is left over."""
    return int(re.split(rb"[^0-9]", path.read_bytes())[0])


def zone_path(root: Path, index: int = 0) -> Path:
    return root / "intel-rapl" / f"intel-rapl:{index}"


def constraint_file(zone: Path, name: str, file: str) -> Path:
    """Return the file of the constraint of that name."""
    for path in sorted(zone.glob("constraint_*_name")):
        if path.read_text().strip() == name:
            return zone / path.name.replace("_name", f"_{file}")
    raise LookupError(name)


def _write_zone(path: Path, zone: Zone) -> None:
    path.mkdir()
    values = {
        "name": zone.name,
        "energy_uj": zone.energy_uj,
        "max_energy_range_uj": zone.range_uj,
        "enabled": zone.enabled,
    }
    for index, constraint in enumerate(zone.constraints):
        values[f"constraint_{index}_name"] = constraint.name
        values[f"constraint_{index}_power_limit_uw"] = constraint.limit_uw
        values[f"constraint_{index}_time_window_us"] = constraint.window_us
        values[f"constraint_{index}_min_power_uw"] = constraint.min_uw
        values[f"constraint_{index}_max_power_uw"] = constraint.max_uw
    for file, value in values.items():
        if value is not None:
            (path / file).write_text(f"{value}\n")
    for index, child in enumerate(zone.children):
        _write_zone(path / f"{path.name}:{index}", child)


PSYS = Zone("psys", (Constraint("long_term", 80_000_000, 27_983_872),), energy_uj=5_000_000)
UNCORE = Zone("uncore", energy_uj=7_000_000)
CLIENT = (PSYS, package(children=(Zone("core", energy_uj=1), UNCORE)))


def limits(zone: Path) -> tuple[int, int, int, int]:
    """Return long_term's limit and window, short_term's limit, enabled."""
    return (
        read(constraint_file(zone, "long_term", "power_limit_uw")),
        read(constraint_file(zone, "long_term", "time_window_us")),
        read(constraint_file(zone, "short_term", "power_limit_uw")),
        read(zone / "enabled"),
    )


def run_as_nobody(root: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run `code`, which gives up root itself; the tree belongs to nobody then."""
    require("root")
    for directory, names, files in os.walk(root):
        for name in [*names, *files]:
            os.chown(Path(directory) / name, 65534, 65534)
    for parent in root.parents:
        if parent.stat().st_mode & 0o5 != 0o5 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o5)
    prelude = f"import sys; sys.path.insert(0, {str(HERE)!r}); import pytest\n"
    return subprocess.run(
        [sys.executable, "-W", "always", "-c", prelude + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
