"""The bounds that a tenant states, and the goal that they make."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from alert import _arguments
from alert._text import shown
from alert.goal import Goal
from alert.profile import Profile

Optimise: TypeAlias = Literal["energy", "accuracy", "latency"]

# A unit of accuracy is worth so many times the joules of the profile's dearest configuration, to a
# tenant that bounds neither accuracy nor energy.
_WORTH = 200.0

# Seconds that a request without a deadline has, for goals that need one: beyond all latencies.
AGES = 1e6

# Seconds left of a request that is late already: schedulers take no deadline of zero.
_NO_TIME = 1e-9


def as_deadline(left: float) -> float:
    """Return the seconds that a request has left as a deadline that schedulers take."""
    return min(max(left, _NO_TIME), AGES)


class Bounds(NamedTuple):
    """What a tenant, or one request, asks for; None where it asks for nothing.

    What is made best, by default:

    - ``max_latency``: the accuracy of what is in time;
    - ``min_accuracy``, with or without a latency: the energy;
    - ``max_energy``, with or without a latency: the accuracy;
    - ``min_accuracy`` and ``max_energy`` without a latency: the latency;
    - all three: the energy.
    """

    max_latency: float | None = None
    min_accuracy: float | None = None
    max_energy: float | None = None
    optimise: Optimise | None = None

    def with_others(
        self, max_latency: float | None, min_accuracy: float | None, max_energy: float | None
    ) -> Bounds:
        """Return these bounds with the given ones in their place."""
        return Bounds(
            self.max_latency if max_latency is None else max_latency,
            self.min_accuracy if min_accuracy is None else min_accuracy,
            self.max_energy if max_energy is None else max_energy,
            self.optimise,
        )

    def goal_for(self, profile: Profile) -> Goal:
        """Return the goal that keeps the bounds, for choices from a profile.

        Raises
        ------
        ValueError, TypeError
            As `goal` does, or the profile knows no power that a bound on the energy needs.
        """
        goal = self.goal()
        if self.max_energy is not None and not profile.knows_power:
            raise ValueError(
                "max_energy: expected no bound where the profile has no power "
                f"(state it as busy_power= of Profile.measure), got {shown(self.max_energy)}"
            )
        return goal

    def goal(self) -> Goal:
        """Return the goal that keeps the bounds.

        The least energy that is accurate enough keeps a bound on the energy wherever that can be
        kept, and likewise the highest accuracy for so many joules. So one of the two is enough.

        Raises
        ------
        ValueError, TypeError
            A bound is out of range; the message names it.
        """
        latency, accuracy, energy, _ = self
        deadline = AGES
        if latency is not None:
            deadline = _arguments.seconds("max_latency", latency, above_zero=True)
        if accuracy is not None and not 0.0 <= _arguments.number("min_accuracy", accuracy) <= 1.0:
            raise ValueError(f"min_accuracy: expected 0 to 1, got {shown(accuracy)}")
        if energy is not None:
            _arguments.above_zero("max_energy", energy)
        optimise = self.optimise or self._usual()
        if optimise == "latency":
            return Goal.min_latency(accuracy=accuracy, energy=energy, deadline=deadline)
        if optimise == "accuracy":
            return Goal.max_accuracy(deadline, energy)
        if optimise != "energy":
            raise ValueError(
                f"optimise: expected one of {get_args(Optimise)}, got {shown(optimise)}"
            )
        if accuracy is None:
            raise ValueError("optimise: expected min_accuracy beside 'energy', got none")
        return Goal.min_energy(deadline, accuracy)

    def _usual(self) -> Optimise:
        if self.min_accuracy is None:
            return "accuracy"
        return "latency" if self.max_energy is not None and self.max_latency is None else "energy"


def is_unbounded(goal: Goal) -> bool:
    """Tell whether a goal bounds neither accuracy nor energy, so that accuracy has no price."""
    return goal.objective == "max_accuracy" and goal.energy is None


def usual_worth(profile: Profile) -> float:
    """Return what a unit of accuracy is worth where nothing else says so, in joules."""
    power = profile.power if profile.knows_power else np.ones_like(profile.power)
    return _WORTH * float((power * profile.latency).max())
