"""Instructions that one step takes, counted by valgrind, against the checked-in table.

Run ``python benchmarks/instructions.py`` to compare (exit status 1 when a count moved by more than
the tolerance) and ``--write`` to renew the table. Counts do not depend on how busy the machine is;
they do depend on the compiler, which the table names. ``--feedback`` compares steps of a scheduler
that learns from ratings, when none comes, with those of one that does not.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import tables

from alert._core import METHODS

SIZES = ((1, 1), (5, 11), (40, 2), (40, 50), (100, 100), (250, 400))
STEPS = 2000
TOLERANCE = 0.05
TABLE = Path(__file__).with_suffix(".json")


def count(program: Path, data: Path, method: int, steps: int, *more: str) -> int:
    """Instructions of a whole run of `steps` steps."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command += [str(program), str(data), str(method), str(steps), "1", *more]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    found = re.search(r"refs:\s+([\d,]+)", run.stderr)
    if not found:
        raise RuntimeError(f"valgrind printed no count: {run.stderr}")
    return int(found[1].replace(",", ""))


def compiler() -> str:
    """Name the compiler the counts belong to."""
    version = subprocess.run(["cc", "--version"], check=True, capture_output=True, text=True)
    return version.stdout.splitlines()[0]


def measure(*more: str) -> dict[str, dict[str, int]]:
    """Instructions a step by method and size, from two runs so that start-up cancels out."""
    counts: dict[str, dict[str, int]] = {name: {} for name in METHODS}
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        program = tables.build_step_core(directory)
        for models, caps in SIZES:
            data = directory / "table.bin"
            tables.write_for_c(tables.profile(models, caps), data)
            for method, name in enumerate(METHODS):
                both = [count(program, data, method, steps, *more) for steps in (STEPS, 2 * STEPS)]
                counts[name][f"{models}x{caps}"] = round((both[1] - both[0]) / STEPS)
    return counts


def compare_feedback(
    without: dict[str, dict[str, int]], learning: dict[str, dict[str, int]]
) -> int:
    """Print what steps cost more where ratings may come; 1 when it is more than the tolerance."""
    worst = 0.0
    for method, sizes in without.items():
        for size, plain in sizes.items():
            ratio = learning[method][size] / plain
            worst = max(worst, ratio - 1)
            print(
                f"{method:>10} {size:>8}: {learning[method][size]:6d} with feedback, {ratio:.3f}x"
            )
    return int(worst > TOLERANCE)


def main() -> int:
    """Compare with the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"renew {TABLE.name}")
    parser.add_argument("--feedback", action="store_true", help="what learning from ratings costs")
    arguments = parser.parse_args()
    counts = measure()
    if arguments.feedback:
        return compare_feedback(counts, measure("feedback"))
    if arguments.write:
        table = {"compiler": compiler(), "instructions_per_step": counts}
        TABLE.write_text(json.dumps(table, indent=1) + "\n")
        return 0
    saved = json.loads(TABLE.read_text())
    worst = 0.0
    for method, sizes in saved["instructions_per_step"].items():
        for size, expected in sizes.items():
            got = counts[method][size]
            worst = max(worst, abs(got / expected - 1))
            print(f"{method:>10} {size:>8}: {got:6d}, {got / expected - 1:+.1%} of {expected}")
    if saved["compiler"] != compiler():
        print(f"counted with {compiler()}, the table with {saved['compiler']}")
    return int(worst > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
