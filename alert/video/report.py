"""The report of a watcher."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from alert import _html
from alert._text import rows_text, under_cap
from alert.goal import Goal
from alert.video.tally import Tally


@dataclass(repr=False)
class VideoReport:
    """Sums up the frames of a `Watcher`.

    Attributes
    ----------
    frames : int
        Frames shown, held ones included.
    groups : int
        Decisions.
    late : int
        Groups whose work took longer than their frames.
    held : int
        Frames that showed the boxes of the frame before, for their group was out of time.
    energy : float or None
        Joules of the work; None where the energy cannot be read.
    accuracy : float
        The F1 that was expected, on average over groups, lateness counted. NaN before the first.
    choices : dict
        ``{(branch, power cap): groups}``.
    power : str
        Kind of the power device.
    emulated : bool
        True where caps and energy are computed, not measured.
    unit : str
        Of the caps.
    goal : Goal or None
    """

    frames: int
    groups: int
    late: int
    held: int
    energy: float | None
    accuracy: float
    choices: dict[tuple[str, float | None], int] = field(default_factory=dict)
    power: str = ""
    emulated: bool = False
    unit: str = "W"
    goal: Goal | None = None

    @classmethod
    def start(cls) -> VideoReport:
        """Return the report of no frames."""
        return cls(0, 0, 0, 0, 0.0, math.nan)

    def count(self, branch: str, tally: Tally, late: bool) -> None:
        """Enter one group."""
        before = self.accuracy * self.groups if self.groups else 0.0
        self.groups += 1
        self.frames += tally.frames + tally.held
        self.held += tally.held
        self.late += late
        known = self.energy is not None and tally.joules is not None
        self.energy = self.energy + tally.joules if known else None  # type: ignore[operator]
        self.accuracy = (before + tally.decision.accuracy) / self.groups
        key = (branch, tally.decision.power_cap)
        self.choices[key] = self.choices.get(key, 0) + 1

    def _rows(self) -> list[tuple[str, str]]:
        mark = " emulated" if self.emulated else ""
        energy = "not read" if self.energy is None else "none yet"
        if self.energy is not None and self.frames:
            energy = f"{self.energy:.4g} J{mark}, {self.energy / self.frames:.3g} J per frame"
        rows = [
            ("energy", energy),
            ("late", f"{self.late} of {self.groups} groups, {self.held} frames held"),
            ("F1", f"{self.accuracy:.3f} expected on average" if self.groups else "none yet"),
        ]
        for (branch, cap), count in sorted(self.choices.items(), key=lambda item: -item[1]):
            rows.append(("", f"{count} x {branch} {under_cap(cap, self.unit)}{mark}"))
        return rows

    def _title(self) -> str:
        return f"{self.frames} frames, power: {self.power}"

    def __repr__(self) -> str:
        return rows_text(f"alert.video.VideoReport: {self._title()}", self._rows())

    def _repr_html_(self) -> str:
        return _html.table(("VideoReport", self._title()), self._rows())
