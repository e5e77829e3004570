"""The goal: what to minimise, and the bounds that must hold."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from operator import index
from typing import Literal, TypeAlias

from alert import _core
from alert._arguments import number

Quantity: TypeAlias = Literal["latency", "accuracy", "energy"]
Objective: TypeAlias = Literal["min_energy", "max_accuracy"]

_QUANTITIES: tuple[Quantity, ...] = ("latency", "accuracy", "energy")
_OBJECTIVES: tuple[Objective, ...] = ("min_energy", "max_accuracy")
_DEFAULT_PRIORITY: tuple[Quantity, ...] = ("latency", "accuracy", "energy")

_GoalTuple: TypeAlias = tuple[int, float, float, float, float, tuple[int, int, int], int]


@dataclass(frozen=True)
class Goal:
    """States what to minimise under which bounds.

    Make a goal with `Goal.min_energy` or `Goal.max_accuracy`.

    Attributes
    ----------
    objective : {"min_energy", "max_accuracy"}
    deadline : float
        Seconds that each input has.
    accuracy : float or None
        Least accuracy, 0 to 1; with "min_energy" only.
    energy : float or None
        Most joules per input, idle time up to the deadline included; with "max_accuracy" only.
    probability : float or None
        Least probability that an input meets its deadline, 0 to 1, 1 excluded.
    q_fail : float
        Accuracy of an output that comes after its deadline.
    priority : tuple of str
        "latency", "accuracy" and "energy" from the most to the least important. Where no
        configuration meets every bound, bounds are given up from the end of this list.
    window : int or None
        Inputs over which accuracy (or energy) holds on average: 1 for each input, N for the last N,
        None for the whole run.

    Notes
    -----
    ``dataclasses.replace(goal, deadline=0.2)`` makes a changed copy.
    """

    objective: Objective
    deadline: float
    accuracy: float | None = None
    energy: float | None = None
    probability: float | None = None
    q_fail: float = 0.0
    priority: tuple[Quantity, Quantity, Quantity] = ("latency", "accuracy", "energy")
    window: int | None = None

    def __post_init__(self) -> None:
        if self.objective not in _OBJECTIVES:
            raise ValueError(f"objective: expected one of {_OBJECTIVES}, got {self.objective!r}")
        bound, other = (
            ("accuracy", "energy") if self.objective == "min_energy" else ("energy", "accuracy")
        )
        if getattr(self, other) is not None:
            raise TypeError(f"{other}: a {self.objective} goal is bounded by {bound} only")
        for name in ("deadline", bound, "q_fail"):
            object.__setattr__(self, name, number(name, getattr(self, name)))
        if self.probability is not None:
            object.__setattr__(self, "probability", number("probability", self.probability))
        object.__setattr__(self, "priority", _priority(self.priority))
        object.__setattr__(self, "window", _window(self.window))
        _core.check_goal(self._as_tuple())

    @classmethod
    def min_energy(
        cls,
        deadline: float,
        accuracy: float,
        *,
        probability: float | None = None,
        q_fail: float = 0.0,
        priority: tuple[Quantity, Quantity, Quantity] = ("latency", "accuracy", "energy"),
        window: int | None = None,
    ) -> Goal:
        """Spend the least energy that keeps the expected accuracy at `accuracy` or above.

        Parameters
        ----------
        deadline : float
            Seconds that each input has; finite, > 0.
        accuracy : float
            Least accuracy, 0 to 1; a late output counts as `q_fail`.
        probability, q_fail, priority, window
            See `Goal`.

        Raises
        ------
        TypeError
            A bound is not a number.
        ValueError
            A value is out of range.
        """
        return cls(
            "min_energy",
            deadline,
            accuracy=accuracy,
            probability=probability,
            q_fail=q_fail,
            priority=priority,
            window=window,
        )

    @classmethod
    def max_accuracy(
        cls,
        deadline: float,
        energy: float,
        *,
        probability: float | None = None,
        q_fail: float = 0.0,
        priority: tuple[Quantity, Quantity, Quantity] = ("latency", "accuracy", "energy"),
        window: int | None = None,
    ) -> Goal:
        """Reach the highest accuracy for `energy` joules per input, idle time included.

        Parameters
        ----------
        deadline : float
            Seconds that each input has; finite, > 0.
        energy : float
            Most joules per input; finite, > 0.
        probability, q_fail, priority, window
            See `Goal`.

        Raises
        ------
        TypeError
            A bound is not a number.
        ValueError
            A value is out of range.
        """
        return cls(
            "max_accuracy",
            deadline,
            energy=energy,
            probability=probability,
            q_fail=q_fail,
            priority=priority,
            window=window,
        )

    @property
    def bound(self) -> float:
        """The bound besides the deadline: accuracy (0 to 1) or energy (joules per input)."""
        bound = self.accuracy if self.objective == "min_energy" else self.energy
        assert bound is not None  # __post_init__ has checked it
        return bound

    def _as_tuple(self) -> _GoalTuple:
        """State the goal in the order and the units of the C core."""
        first, second, third = (_QUANTITIES.index(quantity) for quantity in self.priority)
        return (
            _OBJECTIVES.index(self.objective),
            self.deadline,
            self.bound,
            self.probability or 0.0,
            self.q_fail,
            (first, second, third),
            self.window or 0,
        )

    def __repr__(self) -> str:
        bound = "accuracy" if self.objective == "min_energy" else "energy"
        text = f"deadline={self.deadline!r}, {bound}={self.bound!r}"
        if self.probability is not None:
            text += f", probability={self.probability!r}"
        if self.q_fail != 0.0:
            text += f", q_fail={self.q_fail!r}"
        if self.priority != _DEFAULT_PRIORITY:
            text += f", priority={self.priority!r}"
        if self.window is not None:
            text += f", window={self.window!r}"
        return f"Goal.{self.objective}({text})"


def _priority(given: object) -> tuple[Quantity, ...]:
    if isinstance(given, (tuple, list)) and sorted(map(str, given)) == sorted(_QUANTITIES):
        return tuple(given)
    raise ValueError(f"priority: expected {_QUANTITIES} in some order, got {given!r}")


def _window(given: object) -> int | None:
    if given is None:
        return None
    try:
        inputs = index(given)  # type: ignore[arg-type]
    except TypeError:
        kind = type(given).__name__
        raise TypeError(f"window: expected a number of inputs or None, got {kind}") from None
    if inputs < 1:
        raise ValueError(f"window: expected at least 1 input or None, got {inputs}")
    return min(inputs, sys.maxsize)
