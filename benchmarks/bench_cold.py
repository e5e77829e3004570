"""Serve the recorded traces without a profile, and compare with the measured one.

Sizes of models are guessed wrong by 40 % (one standard deviation), five times. Energies are
relative to the measured profile; "late" and the error are shares.

    python benchmarks/bench_cold.py [guesses]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import alert
from alert.evaluation.cold_start import ColdStart, cold_starts

TRACES = Path(__file__).parent / "traces"
COLUMNS = ("late", "late, measured", "accuracy", "accuracy, measured")
RATIOS = ("energy, first 50", "energy", "error after 200")


def row(name: str, found: list[ColdStart]) -> list[str]:
    """Return the means, and where guesses matter the worst one."""
    columns = np.array(
        [
            (c.late, c.late_measured, c.accuracy, c.accuracy_measured, c.first, c.energy, c.error)
            for c in found
        ]
    ).T
    means = [f"{values.mean():.3f}" for values in columns[:4]]
    return [name, *means, *(f"{v.mean():.2f} ({v.max():.2f})" for v in columns[4:])]


def main() -> None:
    """Print a line for each trace: the mean of all guesses, and the worst."""
    guesses = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    table = Table("trace", *COLUMNS, *(f"{name} (worst)" for name in RATIOS))
    for path in sorted(TRACES.glob("*.npz")):
        table.add_row(*row(path.stem, cold_starts(alert.Trace.load(path), range(guesses))))
    Console(width=180).print(table)


if __name__ == "__main__":
    main()
