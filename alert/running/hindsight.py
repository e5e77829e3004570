"""Hindsight: what the inputs of a run would have taken without a scheduler.

The slowdown of every input is known when it is done. Any other configuration would have taken its
profiled latency times this slowdown. It would have drawn its profiled power, times the same ratio
of measured to profiled power as what ran. Joules include the idle time up to the deadline, as a
goal counts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alert._arguments import Floats
from alert._text import under_cap
from alert.goal import Goal
from alert.profile import Profile

MISSES_ALLOWED = 0.1
"""Share of the inputs that may miss their deadline before a goal counts as missed."""

_ROUNDING = 1e-9


class Alternative(NamedTuple):
    """Holds what the same inputs would have taken with other choices.

    Attributes
    ----------
    choice : str
        What would have run.
    energy : float
        Mean joules per input.
    accuracy : float
        Mean credited accuracy.
    misses : int
        Inputs without an output in time.
    """

    choice: str
    energy: float
    accuracy: float
    misses: int


@dataclass(frozen=True)
class Hindsight:
    """Compares a run with what its inputs would have taken without a scheduler.

    Attributes
    ----------
    inputs : int
        The last inputs of the run: those that it remembers.
    energy : float
        Mean joules per input of the run, idle time up to the deadline included.
    best_fixed : Alternative or None
        The model and the cap that take the least energy where they stay the same for all inputs.
        They reach the accuracy that the goal asks for, or else that of the run, and at most one
        input in ten is late. None where there are no such two.
    highest_cap : Alternative
        The models that ran, all under the highest cap.
    """

    inputs: int
    energy: float
    best_fixed: Alternative | None
    highest_cap: Alternative

    @classmethod
    def of(
        cls,
        profile: Profile,
        goal: Goal,
        history: NDArray[np.void],
        overhead: float,
        offsets: Floats | float = 1.0,
    ) -> Hindsight | None:
        """Look back at inputs; None where there are none, or the profile knows no power.

        `offsets` has one factor a model, by which it is off its profile.
        """
        if not len(history) or not profile.knows_power:
            return None
        past = _Past(profile, goal, history, overhead, offsets)
        return cls(len(history), float(past.ran().mean()), past.best_fixed(), past.highest_cap())

    def saved(self, other: Alternative) -> float:
        """Return the share of the other choices' energy that the run saved; < 0: it took more."""
        return 1.0 - self.energy / other.energy


def _by(profile: Profile, history: NDArray[np.void]) -> NDArray[np.void]:
    """Return the history with slowdowns by what is known now of latencies that are learnt."""
    judged = history.copy()
    profiled = profile.latency[history["model"], history["cap"]]
    for ran, exits in profile.exits.items():
        here = history["model"] == ran
        profiled[here] *= np.array([part for part, _ in exits])[history["exit"][here]]
    judged["slowdown"] = history["latency"] / profiled
    return judged


class _Past:
    """The inputs of a run, and what the machine did to them."""

    def __init__(
        self,
        profile: Profile,
        goal: Goal,
        history: NDArray[np.void],
        overhead: float,
        offsets: Floats | float,
    ) -> None:
        is_off = bool(np.any(np.asarray(offsets) != 1.0))
        if is_off:
            profile = profile._with(latency=np.reshape(offsets, (-1, 1)) * profile.latency)
        self.profile = profile
        self.goal = goal
        self.history = history if profile.spread is None and not is_off else _by(profile, history)
        self.allowed = np.maximum(history["deadline"] - overhead, 0.0)
        idle = history["idle_power"]
        self.idle = np.where(np.isnan(idle), profile.idle_power, idle)
        profiled = profile.power[history["model"], history["cap"]] * history["latency"]
        counted = history["energy"]
        self.ratio = np.ones(len(history))  # of watts
        known = (profiled > 0.0) & ~np.isnan(counted)
        np.divide(counted, profiled, out=self.ratio, where=known)

    def sized(self, model: int) -> Floats:
        """Return for each input how its size multiplies the latency of a model.

        The history has no sizes. They follow from the latency of what ran and its slowdown.
        """
        fixed, history = self.profile.fixed_share, self.history
        if fixed is None:
            return np.ones(len(history))
        profiled = self.profile.latency[history["model"], history["cap"]]
        for ran, exits in self.profile.exits.items():
            here = history["model"] == ran
            profiled[here] *= np.array([part for part, _ in exits])[history["exit"][here]]
        share, expected = fixed[history["model"]], profiled * history["slowdown"]
        grown, rest = history["latency"] - share * expected, (1.0 - share) * expected
        size = np.divide(grown, rest, out=np.ones(len(history)), where=rest > 0.0)
        factor: Floats = fixed[model] + (1.0 - fixed[model]) * size
        return factor

    def energy(self, power: Floats, latency: Floats) -> Floats:
        """Return the joules up to the deadline of work that draws so many watts by the profile."""
        rest = np.maximum(self.history["deadline"] - latency, 0.0)
        rest[np.isinf(rest)] = 0.0
        joules: Floats = power * self.ratio * latency + self.idle * rest
        return joules

    def ran(self) -> Floats:
        """Return the joules of what ran."""
        cells = self.history["model"], self.history["cap"]
        return self.energy(self.profile.power[cells], self.history["latency"])

    def highest_cap(self) -> Alternative:
        """Look at the models that ran, under the highest cap."""
        model, cap = self.history["model"], self.history["cap"]
        latency, power = self.profile.latency, self.profile.power
        taken = self.history["latency"] * latency[model, -1] / latency[model, cap]
        late = taken > self.allowed
        accuracy = np.where(late, self.goal.q_fail, self._accuracy_of_outputs())
        choice = f"these models {self._under(-1)}"
        return self._alternative(choice, self.energy(power[model, -1], taken), accuracy, late)

    def _accuracy_of_outputs(self) -> Floats:
        """Return the accuracy of the output at which each input stopped, in time or not."""
        reached: Floats = self.profile.accuracy[self.history["model"]]
        for model, exits in self.profile.exits.items():
            ran = self.history["model"] == model
            steps = np.array([accuracy for _, accuracy in exits])
            reached[ran] = steps[self.history["exit"][ran]]
        return reached

    def best_fixed(self) -> Alternative | None:
        """Look at every configuration for all inputs; return the cheapest that is good enough."""
        asked = self.goal.accuracy
        if asked is None:
            asked = float(self.history["accuracy"].mean())
        models, caps = self.profile.latency.shape
        good = [
            fixed
            for fixed in (self._fixed(i, j) for i in range(models) for j in range(caps))
            if fixed.accuracy >= asked - _ROUNDING
            and fixed.misses <= MISSES_ALLOWED * len(self.history)
        ]
        return min(good, key=lambda fixed: fixed.energy, default=None)

    def _fixed(self, model: int, cap: int) -> Alternative:
        """Look at one configuration for all inputs, and at the last exit in time."""
        whole = self.profile.latency[model, cap] * self.history["slowdown"] * self.sized(model)
        accuracy = np.full(len(whole), self.goal.q_fail)
        late = np.full(len(whole), True)
        exits = self.profile.exits.get(model)
        taken = np.minimum(whole, self.allowed) if exits else whole
        for fraction, reached in exits or ((1.0, float(self.profile.accuracy[model])),):
            there = fraction * whole <= self.allowed
            accuracy[there], late[there] = reached, False
            taken[there] = fraction * whole[there]
        choice = f"{self.profile.models[model]} {self._under(cap)}"
        energy = self.energy(self.profile.power[model, cap], taken)
        return self._alternative(choice, energy, accuracy, late)

    def _alternative(
        self, choice: str, energy: Floats, accuracy: Floats, late: NDArray[np.bool_]
    ) -> Alternative:
        return Alternative(choice, float(energy.mean()), float(accuracy.mean()), int(late.sum()))

    def _under(self, cap: int) -> str:
        return under_cap(float(self.profile.power_caps[cap]), self.profile.unit)
