"""Writes a grid of tenants: the table as CSV, the summary as JSON."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alert import files
from alert.evaluation.tenants.summary import summarize


def write(table: NDArray[np.void], directory: Path) -> dict[str, Any]:
    """Write both, and return the summary."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "tenants.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.dtype.names or ())
        writer.writerows(table.tolist())
    found = summarize(table)
    files.write_json(directory / "tenants.json", found)
    return found
