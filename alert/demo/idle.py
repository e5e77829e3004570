"""Whether the machine has anything else to do: other work makes the profile wrong."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PRESSURE = Path("/proc/pressure/cpu")

# Beyond these the machine is called busy: processes that run or wait, for each CPU, over the last
# minute; share of the last ten seconds in which something waited for a CPU.
_MOST_LOAD = 0.75
_MOST_PRESSURE = 0.10


@dataclass(frozen=True)
class Activity:
    """What a machine was doing a moment ago."""

    load: float
    """Processes that ran or waited, on average over a minute."""
    cpus: int
    pressure: float | None
    """Share of ten seconds in which something waited for a CPU; None where Linux does not say."""

    @property
    def is_busy(self) -> bool:
        """Whether there is so much other work that it would show."""
        return self.load > _MOST_LOAD * self.cpus or (self.pressure or 0.0) > _MOST_PRESSURE

    def __str__(self) -> str:
        pressure = "" if self.pressure is None else f", CPU pressure {self.pressure:.0%}"
        return f"load {self.load:.1f} on {self.cpus} CPUs{pressure}"


def look() -> Activity:
    """Look at the load of the machine."""
    found = None
    with suppress(OSError):  # an older kernel, or one built without it
        found = re.search(r"^some avg10=([\d.]+)", _PRESSURE.read_text(encoding="ascii"))
    pressure = float(found[1]) / 100.0 if found else None
    return Activity(os.getloadavg()[0], os.cpu_count() or 1, pressure)
