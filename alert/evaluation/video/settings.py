"""Deadlines and goals relative to what a trace allows, and what fixed choices reach on it.

A single goal is a matter of luck: branches are few, so that the best fixed choice may lie just
above the goal, or far above. A detector that is a tenth slower moves it from one to the other. So
goals and deadlines cover a range, and figures are means over all of them, beside the worst.

A detector that takes 1.25 times as long is a deadline that is 0.8 times as long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alert._arguments import Floats
from alert.evaluation.output_trace import OutputTrace
from alert.goal import Goal
from alert.profile import Profile
from alert.running.hindsight import MISSES_ALLOWED
from alert.trace import Trace

DEADLINES = (1.25, 1.6, 2.0, 2.5, 3.2, 4.0)
"""Beside contention: times the latency of a detection at full size once a group, tracked since."""

RELAXED = (1.6, 2.0, 2.5)
"""Where only scenes change: times the latency of the slowest branch."""

SHARES = (0.85, 0.88, 0.91, 0.94, 0.97, 1.0)
"""Goals: shares of the highest F1 that a fixed choice reaches in time."""

_ROUNDING = 1e-9


def once_a_group(profile: Profile) -> float:
    """Return the seconds a frame of the largest scale at its longest interval, at full power."""
    kinds = [(scale, every) for _, scale, every in profile.origin["video"]["branches"]]
    return float(profile.latency[kinds.index(max(kinds)), -1])


def slowest(profile: Profile) -> float:
    """Return the seconds a frame of the slowest branch, at full power."""
    return float(profile.latency[:, -1].max())


def goal_of(trace: Trace, accuracy: float, deadline: float) -> Goal:
    """Return the goal of an F1; late groups are worth what boxes that are held are worth."""
    held = trace.profile.origin["video"]["held"]
    return Goal.min_energy(deadline, accuracy, q_fail=held)


@dataclass(frozen=True)
class FixedChoices:
    """What each branch under each cap reaches on a whole trace, known in hindsight.

    Attributes
    ----------
    f1, energy, late : array of branches x caps
        Means over groups: energy is in joules a frame, the idle time up to the deadline included.
    """

    f1: Floats
    energy: Floats
    late: Floats

    @classmethod
    def of(cls, trace: OutputTrace, goal: Goal) -> FixedChoices:
        """Compare all choices for one deadline."""
        late = trace.latency > goal.deadline
        rest = np.maximum(goal.deadline - trace.latency, 0.0)
        return cls(
            np.where(late, goal.q_fail, trace.accuracy[:, :, None]).mean(axis=0),
            (trace.energy + trace.idle_power * rest).mean(axis=0),
            late.mean(axis=0),
        )

    @property
    def _in_time(self) -> NDArray[np.bool_]:
        return self.late <= MISSES_ALLOWED

    def goals(self) -> list[float]:
        """Return the F1 at `SHARES`; none where no choice is in time."""
        if not self._in_time.any():
            return []
        highest = self.f1[self._in_time].max()
        return [float(share * highest) for share in SHARES]

    def best(self, f1: float) -> tuple[int, int] | None:
        """Return the cheapest branch and cap that reach an F1 and are in time."""
        keep = self._in_time & (self.f1 >= f1 - _ROUNDING)
        if not keep.any():
            return None
        branch, cap = np.unravel_index(np.where(keep, self.energy, np.inf).argmin(), keep.shape)
        return int(branch), int(cap)

    def cost(self, f1: float) -> float | None:
        """Return the joules a frame of the best choice."""
        place = self.best(f1)
        return None if place is None else float(self.energy[place])

    def said(self, place: tuple[int, int]) -> dict[str, Any]:
        """Return energy, F1 and the share late of a branch and cap."""
        arrays = (("energy", self.energy), ("F1", self.f1), ("late", self.late))
        return {name: float(array[place]) for name, array in arrays}
