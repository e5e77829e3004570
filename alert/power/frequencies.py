"""The frequencies of a machine as a knob, with the joules of another device."""

from __future__ import annotations

from alert.power.combined import Combined


class Frequencies(Combined):
    """What ``open("cpufreq")`` returns: cores that are capped, and the meter of RAPL."""

    @property
    def settings(self) -> list[float] | None:
        """The frequencies that the drivers have, where each of them has only some."""
        tables = [part["frequencies"].split() for part in self.parts]
        if not all(tables):
            return None
        low, high = self.cap_range
        known = {int(khz) / 1e6 for table in tables for khz in table if khz.isdigit()}
        return sorted({cap for cap in known if low <= cap <= high} | {high})
