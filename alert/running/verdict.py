"""The verdict of a report: whether the goal was kept."""

from __future__ import annotations

import math
from dataclasses import dataclass

from alert.goal import Goal
from alert.scheduler import Scheduler

# Sums over a run may miss a bound by this share, for rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, repr=False)
class Verdict:
    """Says whether a goal was kept since it was set.

    Inputs with a goal of their own are not counted.

    Attributes
    ----------
    goal : Goal
    inputs : int
        Inputs under this goal.
    in_time : int
        Inputs that had an output by their deadline.
    accuracy : float
        Mean of the credited accuracies: of the last output in time by the profile, else `q_fail`.
        NaN before the first input.
    energy : float or None
        Mean joules per input as the goal counts them, idle time up to the deadline included. None
        where the profile knows no power, or before the first input.
    latency : float
        Mean seconds; NaN before the first input.
    kept : bool or None
        None before the first input, and where the goal has no bound.
    text : str
        The same in words, with the numbers.
    """

    goal: Goal
    inputs: int
    in_time: int
    accuracy: float
    energy: float | None
    latency: float
    kept: bool | None
    text: str

    @classmethod
    def of(cls, scheduler: Scheduler) -> Verdict:
        """Judge the inputs of a scheduler."""
        goal, (inputs, in_time, kept, *sums) = scheduler.goal, scheduler._tally
        counts = _Counts(goal, inputs, in_time, kept, *sums)
        parts = [counts.by_window(), counts.by_probability()] if inputs else []
        judged = [part for part in parts if part is not None]
        knows = inputs and scheduler.profile.knows_power
        verdict = all(held for held, _ in judged) if judged else None
        said = {True: "yes", False: "no", None: "no bound" if inputs else "no inputs"}[verdict]
        return cls(
            goal,
            inputs,
            in_time,
            counts.accuracy / inputs if inputs else math.nan,
            counts.energy / inputs if knows else None,
            counts.latency / inputs if inputs else math.nan,
            verdict,
            ": ".join([said, ", ".join(text for _, text in judged)]) if judged else said,
        )

    def __repr__(self) -> str:
        return f"<alert.Verdict on {self.goal!r}: {self.text}>"


@dataclass(frozen=True)
class _Counts:
    """The tally of a scheduler."""

    goal: Goal
    inputs: int
    in_time: int
    kept: int
    accuracy: float  # these are sums
    energy: float
    allowed: float
    latency: float

    def by_window(self) -> tuple[bool, str] | None:
        """Judge the bounds on accuracy and energy; None where there are none."""
        goal, measure = self.goal, self._measure()
        if not measure:
            return None
        if goal.window is None:
            return self._holds_on_average(), measure
        what = "inputs" if goal.window == 1 else f"windows of {goal.window} inputs"
        return self.kept == self.inputs, f"{measure}, kept by {self.kept} of {self.inputs} {what}"

    def by_probability(self) -> tuple[bool, str] | None:
        """Judge the share of inputs in time; None where nothing is asked of it."""
        asked = self.goal.probability
        if not asked:
            return None
        share = self.in_time / self.inputs
        return share >= asked - _ROUNDING, f"{share:.3f} in time of {asked:g} asked"

    def _holds_on_average(self) -> bool:
        if self.goal.objective == "min_energy":
            return self.accuracy >= self.inputs * (self.goal.bound - _ROUNDING)
        return self.energy <= self.allowed * (1.0 + _ROUNDING)

    def _measure(self) -> str:
        """Say what was reached of what was asked."""
        goal, n, reached = self.goal, self.inputs, []
        if goal.accuracy is not None:
            reached.append(f"accuracy {self.accuracy / n:.4f} of {goal.accuracy:.4f} asked")
        if goal.power is not None:
            watts = self.energy / (self.allowed / goal.power)
            reached.append(f"{watts:.4g} W of {goal.power:.4g} W allowed")
        elif goal.budget is not None:
            reached.append(f"{self.energy:.4g} J of {self.allowed:.4g} J allowed so far")
        elif goal.energy is not None:
            reached.append(f"{self.energy / n:.4g} J of {goal.energy:.4g} J per input allowed")
        return ", ".join(reached)
