"""The traces of a demonstration as a CSV file, one row for each input under each scheme."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from math import isinf
from pathlib import Path

from alert.demo.stream import Outcome

# Fields of `Runner.history` that go into the file as they are: seconds, watts, joules.
_FIELDS = (
    "power_cap",
    "deadline",
    "latency",
    "response",
    "lateness",
    "energy",
    "slowdown",
    "slowdown_mean",
    "slowdown_std",
    "expected_latency",
    "expected_energy",
    "expected_accuracy",
    "probability",
    "feasible",
)

COLUMNS = ("scheme", "input", "environment", "picture", "label", "model", "power", *_FIELDS)
"""`power` is the kind of power device; for "emulated" caps and joules are computed."""


def save(
    path: Path, outcomes: Sequence[Outcome], environments: Sequence[str], pictures: Sequence[str]
) -> None:
    """Write the file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for outcome in outcomes:
            power = outcome.report.power
            shown = zip(environments, pictures, outcome.outputs, outcome.models, strict=True)
            for i, (known, record) in enumerate(zip(shown, outcome.trace, strict=True)):
                values = [record[name].item() for name in _FIELDS]
                if isinf(values[0]):
                    values[0] = "no cap"
                writer.writerow([outcome.scheme.name, i, *known, power, *values])
