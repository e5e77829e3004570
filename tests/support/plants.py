"""Named machines with power caps, shown by the plant (see tests/plant/plant.c)."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from needs import require
from programs import kept_directory

SOURCES = Path(__file__).parents[1] / "plant"

UNIT_UJ = 61  # of the counter
UNIT_UW = 125_000  # of a limit
RANGE_UJ = 262_143_328_850


@cache
def compile_plant() -> Path:
    """Compile the plant, once for all tests; return the program."""
    require("gcc", "fuse", "/dev/fuse", "fuse-headers", "libpowercap")
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "fuse3"], capture_output=True, text=True, check=True
    ).stdout.split()
    program = Path(kept_directory()) / "plant"
    sources = [str(path) for path in sorted(SOURCES.glob("*.c"))]
    base = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*base, *sources, *flags, "-lm", "-o", str(program)], check=True)
    return program


class Plant:
    """A running plant. `root` is the powercap tree it shows."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def command(self, line: str) -> None:
        (self.root / "control").write_text(line)

    def advance(self, seconds: float) -> None:
        self.command(f"advance {seconds!r}")

    def fault(self, access: str, path: str, code: int) -> None:
        self.command(f"fault {access} {path} {code}")

    def trick(self, name: str, path: str) -> None:
        self.command(f"trick {name} {path}")

    def value(self, path: str) -> int:
        return int((self.root / path).read_text())

    def counts(self) -> dict[str, tuple[int, int, int]]:
        """Return opens, reads and writes of every file that was touched, and forget them."""
        rows = [line.split() for line in (self.root / "control").read_text().splitlines()]
        self.command("count")
        counts = {path: (int(o), int(r), int(w)) for path, o, r, w in rows}
        return {path: count for path, count in counts.items() if any(count)}

    def limits(self) -> dict[str, int]:
        """Return everything that a cap may change, by path."""
        names = ("*power_limit_uw", "*time_window_us", "enabled", "scaling_max_freq")
        paths = sorted(path for name in names for path in self.root.rglob(name))
        return {str(path.relative_to(self.root)): int(path.read_text()) for path in paths}


@contextmanager
def running(program: Path, mount: Path, machine: str) -> Iterator[Plant]:
    """Run the plant as the machine of that name, mounted at `mount`."""
    mount.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [str(program), str(mount)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(f"{line}\n" for line in MACHINES[machine]))
        process.stdin.close()
        assert process.stdout.readline() == "ready\n"
        try:
            yield Plant(mount)
        finally:
            process.terminate()


# ------------------------------------------------------------------------------------- machines


def zone(
    path: str,
    name: str,
    meter: str,
    *,
    limits: tuple[tuple[str, int, int], ...] = (),
    enabled: int = 1,
    energy_mode: str = "0444",
    limit_mode: str = "0644",
    start_uj: int = 1_000_000,
    range_uj: int = RANGE_UJ,
) -> list[str]:
    """Describe a zone: its constraints are (name, microwatts, microseconds)."""
    lines = [
        f"dir {path}",
        f"text {path}/name 0444 {name}",
        f"value {path}/enabled 0644 {enabled} 1",
        f"text {path}/max_energy_range_uj 0444 {range_uj}",
        f"energy {path}/energy_uj {energy_mode} {start_uj} {range_uj} {UNIT_UJ} {meter}",
    ]
    for index, (constraint, limit_uw, window_us) in enumerate(limits):
        file = f"{path}/constraint_{index}"
        lines += [
            f"text {file}_name 0444 {constraint}",
            f"value {file}_power_limit_uw {limit_mode} {limit_uw} {UNIT_UW}",
            f"text {file}_max_power_uw 0444 0",
        ]
        if window_us:
            lines.append(f"value {file}_time_window_us {limit_mode} {window_us} 1")
        if constraint == "long_term":
            lines.append(f"governs {meter} {file}_power_limit_uw {path}/enabled")
    return lines


def control(name: str = "intel-rapl") -> list[str]:
    return [f"dir {name}", f"value {name}/enabled 0644 1 1"]


def two_limits(watts: int) -> tuple[tuple[str, int, int], ...]:
    return (
        ("long_term", watts * 1_000_000, 999_424),
        ("short_term", watts * 1_250_000, 2_440),
    )


THREE_LIMITS = (
    ("short_term", 56_250_000, 2_440),
    ("peak_power", 90_000_000, 0),
    ("long_term", 45_000_000, 27_983_872),
)
DRAM_LIMIT = (("long_term", 0, 976),)
TOP = "intel-rapl/intel-rapl"


def policy(number: int, least_khz: int, most_khz: int, unit_khz: int = 1) -> list[str]:
    """Describe a frequency policy of one core; its settings are multiples of `unit_khz`."""
    path = f"cpufreq/policy{number}"
    return [
        f"dir {path}",
        f"text {path}/related_cpus 0444 {number}",
        f"text {path}/scaling_governor 0644 schedutil",
        f"text {path}/cpuinfo_min_freq 0444 {least_khz}",
        f"text {path}/cpuinfo_max_freq 0444 {most_khz}",
        f"value {path}/scaling_max_freq 0644 {most_khz} {unit_khz}",
    ]


MACHINES: dict[str, list[str]] = {
    # a laptop: psys comes first and is no package, a third constraint, core and uncore inside
    "client": [
        "meter load 80 0.01",
        "meter board 95 0",
        *control(),
        *zone(f"{TOP}:0", "psys", "board", limits=(("long_term", 120_000_000, 27_983_872),)),
        *zone(f"{TOP}:1", "package-0", "load", limits=THREE_LIMITS),
        *zone(f"{TOP}:1/intel-rapl:1:0", "core", "load"),
        *zone(f"{TOP}:1/intel-rapl:1:1", "uncore", "load"),
    ],
    # two sockets in the wrong order, each with its memory
    "server": [
        *("meter cpu0 180 0", "meter cpu1 120 0", "meter dram0 12 0", "meter dram1 8 0"),
        *control(),
        *zone(f"{TOP}:0", "package-1", "cpu1", limits=two_limits(200)),
        *zone(f"{TOP}:0/intel-rapl:0:0", "dram", "dram1", limits=DRAM_LIMIT, enabled=0),
        *zone(f"{TOP}:1", "package-0", "cpu0", limits=two_limits(200)),
        *zone(f"{TOP}:1/intel-rapl:1:0", "dram", "dram0", limits=DRAM_LIMIT, enabled=0),
    ],
    # one package of two dies, each with a limit and a counter of its own
    "dies": [
        *("meter die0 60 0", "meter die1 40 0"),
        *control(),
        *zone(f"{TOP}:0", "package-0-die-0", "die0", limits=two_limits(80)),
        *zone(f"{TOP}:1", "package-0-die-1", "die1", limits=two_limits(80), start_uj=7_654_321),
    ],
    # AMD: counters only; both dies show the counter of the package
    "amd": ["meter load 65 0", *control(), *zone(f"{TOP}:0", "package-0", "load")],
    "mirrored": [
        "meter load 65 0",
        *control(),
        *zone(f"{TOP}:0", "package-0-die-0", "load"),
        *zone(f"{TOP}:1", "package-0-die-1", "load"),
    ],
    "disabled": [
        "meter load 80 0",
        *control(),
        *zone(f"{TOP}:0", "package-0", "load", limits=two_limits(45), enabled=0),
    ],
    # the firmware's lock: writes succeed and change nothing
    "locked": [
        "meter load 80 0",
        *control(),
        *zone(f"{TOP}:0", "package-0", "load", limits=two_limits(45)),
        f"trick ignore {TOP}:0/constraint_0_power_limit_uw",
        f"trick ignore {TOP}:0/constraint_1_power_limit_uw",
    ],
    # the same package again under another name; the lower of the two limits rules
    "mmio": [
        "meter load 80 0",
        *control(),
        *zone(f"{TOP}:0", "package-0", "load", limits=two_limits(45)),
        *control("intel-rapl-mmio"),
        *zone("intel-rapl-mmio/intel-rapl-mmio:0", "package-0", "load", limits=two_limits(28)),
    ],
    "private": [
        "meter load 80 0",
        *control(),
        *zone(f"{TOP}:0", "package-0", "load", limits=two_limits(45), energy_mode="0400"),
    ],
    # a counter that wraps every 82 seconds at 80 W
    "wrapping": [
        "meter load 80 0",
        *control(),
        *zone(
            *(f"{TOP}:0", "package-0", "load"),
            limits=two_limits(95),
            start_uj=6_000_000_000,
            range_uj=6_553_600_000,
        ),
    ],
    # the least there is to act on real compute with
    "compute": [
        "meter load 30 0",
        *control(),
        *zone(f"{TOP}:0", "package-0", "load", limits=(("long_term", 30_000_000, 976),)),
    ],
    # two fast cores, two slow ones, and the package they draw from
    "cores": [
        "meter load 80 0",
        *control(),
        *zone(f"{TOP}:0", "package-0", "load", limits=two_limits(45)),
        "dir cpufreq",
        *policy(0, 800_000, 5_000_000),
        *policy(2, 800_000, 5_000_000),
        *policy(10, 800_000, 3_600_000),
        *policy(11, 800_000, 3_600_000),
    ],
    # a driver that has a few frequencies only
    "steps": ["dir cpufreq", *policy(0, 400_000, 2_000_000, 400_000)],
    "none": [],
}

FAULTS = (errno.EACCES, errno.EIO, errno.EINVAL, errno.ENODATA, errno.EBUSY)


def unmount(mount: Path) -> None:
    """Unmount what a plant that was killed has left."""
    if os.path.ismount(mount):
        subprocess.run(["fusermount3", "-u", "-z", str(mount)], check=False)
