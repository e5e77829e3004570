"""What capping and reading energy cost, and the watchdog that gives limits back.

    python benchmarks/bench_power.py

A cap's write and an energy reading through `alert`, C and Python, as a ratio to a bare pwrite or
pread of the same file; and the watchdog's start, memory and CPU time while it sleeps. The files are
a generated powercap tree in /dev/shm, so ratios are higher than on a machine, where the kernel
talks to the processor: they are bounds.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / "tests/support")]

from killing import watchdogs  # noqa: E402
from rapl_tree import build, constraint_file, package, zone_path  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from alert import power  # noqa: E402

CALLS, ROUNDS = 2_000, 15
STARTS, SLEEP = 20, 5.0


def nanoseconds(call: Callable[[int], object]) -> float:
    """Median over rounds of the time of one call; `call` is given its number."""
    rounds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter_ns()
        for i in range(CALLS):
            call(i)
        rounds.append((time.perf_counter_ns() - begun) / CALLS)
    return statistics.median(rounds)


def bench_files(root: Path) -> Table:
    zone = zone_path(root)
    limit = constraint_file(zone, "long_term", "power_limit_uw")
    table = Table("", "ns", "bare call, ns", "ratio", title="on the same file, from Python")
    caps, texts = (20.0, 21.0), (b"20000000\n", b"21000000\n")
    with power.open("rapl", root=root) as device:
        device.set_cap(22.0)
        writer, reader = os.open(limit, os.O_RDWR), os.open(zone / "energy_uj", os.O_RDONLY)

        def write_and_read(i: int) -> bytes:
            os.pwrite(writer, texts[i % 2], 0)
            return os.pread(writer, 32, 0)

        rows = {
            "change a cap (write, read back)": (
                nanoseconds(lambda i: device.set_cap(caps[i % 2])),
                nanoseconds(write_and_read),
            ),
            "the same cap again": (nanoseconds(lambda i: device.set_cap(20.0)), None),
            "read energy": (
                nanoseconds(lambda i: device.energy()),
                nanoseconds(lambda i: int(os.pread(reader, 32, 0))),
            ),
        }
        os.close(writer)
        os.close(reader)
    for name, (ours, bare) in rows.items():
        ratio = ("", "") if bare is None else (f"{bare:.0f}", f"{ours / bare:.2f}")
        table.add_row(name, f"{ours:.0f}", *ratio)
    return table


def bench_watchdog(root: Path) -> Table:
    first: list[float] = []
    unguarded: list[float] = []
    for guard, seconds in [(True, first), (False, unguarded)] * STARTS:
        with power.open("rapl", root=root, guard=guard) as device:
            begun = time.perf_counter()
            device.set_cap(20.0)
            seconds.append(time.perf_counter() - begun)
    with power.open("rapl", root=root) as device:
        device.set_cap(20.0)
        (watchdog,) = watchdogs(os.getpid())
        time.sleep(0.2)
        used = _cpu_ticks(watchdog)
        time.sleep(SLEEP)
        used = _cpu_ticks(watchdog) - used
        rollup = Path(f"/proc/{watchdog}/smaps_rollup").read_text().split()
        rss, own = (int(rollup[rollup.index(key) + 1]) for key in ("Rss:", "Private_Dirty:"))
    extra = statistics.median(first) - statistics.median(unguarded)
    table = Table("watchdog", "", title="the first cap of a device starts it")
    table.add_row("start", f"{1e3 * extra:.2f} ms")
    table.add_row("memory, resident", f"{rss} kB, of which its own {own} kB")
    table.add_row(f"CPU time in {SLEEP:g} s of sleep", f"{used} ticks")
    return table


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def main() -> None:
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=shared) as directory:
        root = build(Path(directory) / "powercap", [package()])
        console = Console()
        console.print(bench_files(root))
        console.print(bench_watchdog(root))


if __name__ == "__main__":
    main()
