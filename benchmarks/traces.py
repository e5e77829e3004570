"""What the recorded traces are like: python benchmarks/traces.py [FILE ...]."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import alert
from alert._arguments import Floats

KEPT = Path(__file__).parent / "traces"


def spread(values: Floats) -> float:
    """Half the distance between the 16th and the 84th percentile: the deviation of a normal."""
    low, high = np.quantile(values, [0.16, 0.84])
    return float(high - low) / 2.0


def rows(trace: alert.Trace) -> Iterator[list[str]]:
    """One row for each phase: statistics of the slowdown under the highest cap."""
    shorter, *_, longer = np.argsort(trace.profile.latency[:, -1])
    for number, phase in enumerate(trace.phases):
        log = np.log(trace.slowdown[trace.phase == number, :, -1])
        correlation = np.corrcoef(log.T)[np.triu_indices(log.shape[1], 1)]
        after = np.corrcoef(log[:-1, longer], log[1:, longer])[0, 1]
        yield [
            phase,
            str(len(log)),
            f"{np.exp(log).mean():.2f}",
            f"{spread(log[:, shorter]):.3f}",
            f"{spread(log[:, longer]):.3f}",
            f"{correlation.min():.2f} – {correlation.max():.2f}",
            f"{after:.2f}",
        ]


def main(paths: list[Path]) -> None:
    table = Table(title="slowdown under the highest cap")
    for title in (
        *("trace", "phase", "inputs", "mean", "spread of log, shortest model", "longest model"),
        *("correlation of models", "of successive inputs"),
    ):
        table.add_column(title, justify="left" if title in ("trace", "phase") else "right")
    for path in paths:
        for row in rows(alert.Trace.load(path)):
            table.add_row(path.stem, *row)
        table.add_section()
    Console().print(table)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or sorted(KEPT.glob("*.npz")))
