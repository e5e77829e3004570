"""The goal: what to minimise, and the bounds that must hold."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from operator import index
from typing import ClassVar, Literal, TypeAlias

from alert import _core
from alert._arguments import number
from alert._text import shown

Quantity: TypeAlias = Literal["latency", "accuracy", "energy"]
Objective: TypeAlias = Literal["min_energy", "max_accuracy", "min_latency"]

_QUANTITIES: tuple[Quantity, ...] = ("latency", "accuracy", "energy")

# What each objective may be bounded by.
_BOUNDS: dict[Objective, tuple[str, ...]] = {
    "min_energy": ("accuracy",),
    "max_accuracy": ("energy", "power", "budget", "inputs"),
    "min_latency": ("accuracy", "energy"),
}
_OBJECTIVES = tuple(_BOUNDS)

_GoalTuple: TypeAlias = tuple[
    int, float, float, float, float, float, float, tuple[int, int, int], int, int
]


@dataclass(frozen=True)
class Goal:
    """States what to minimise under which bounds.

    Make a goal with `Goal.min_energy`, `Goal.max_accuracy` or `Goal.min_latency`.

    Attributes
    ----------
    objective : {"min_energy", "max_accuracy", "min_latency"}
    deadline : float
        Seconds that each input has; `math.inf` for a "min_latency" goal without a deadline.
    accuracy : float or None
        Least accuracy, 0 to 1; with "min_energy" and "min_latency". None for no bound.
    energy : float or None
        Most joules per input, idle time up to the deadline included; with "max_accuracy" and
        "min_latency". None for no bound.
    probability : float or None
        Least probability that an input meets its deadline, 0 to 1, 1 excluded.
    q_fail : float
        Accuracy of an output that comes after its deadline.
    priority : tuple of str
        "latency", "accuracy" and "energy" from the most to the least important. Where no
        configuration meets every bound, bounds are given up from the end of this list.
    power : float or None
        Most watts on average, instead of `energy`; with "max_accuracy". Each input counts from its
        start to its deadline, or to its output where that comes later.
    budget, inputs : float and int, or None
        Joules for so many inputs, instead of `energy`; with "max_accuracy". Each input may take an
        equal share of what is left.
    window : int or None
        Inputs over which accuracy (or energy) holds on average: 1 for each input, N for the last N,
        None for the whole run. The bounds of a "min_latency" goal hold for each input.

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
    power: float | None = None
    budget: float | None = None
    inputs: int | None = None
    _tuple: ClassVar[_GoalTuple]  # of each goal: made once, as goals may be set often

    def __post_init__(self) -> None:
        if self.objective not in _OBJECTIVES:
            raise ValueError(f"objective: expected one of {_OBJECTIVES}, got {self.objective!r}")
        bounds = _BOUNDS[self.objective]
        for name in ("accuracy", "energy", "power", "budget", "inputs"):
            if name not in bounds and getattr(self, name) is not None:
                only = "energy" if self.objective == "max_accuracy" else " and ".join(bounds)
                raise TypeError(f"{name}: a {self.objective} goal is bounded by {only} only")
        for name in ("deadline", "accuracy", "energy", "power", "budget", "probability", "q_fail"):
            given = getattr(self, name)
            if given is not None or name not in self._optional:
                object.__setattr__(self, name, number(name, given))
        if self.energy == math.inf:
            object.__setattr__(self, "energy", None)
        object.__setattr__(self, "priority", _priority(self.priority))
        object.__setattr__(self, "window", _count("window", self.window))
        object.__setattr__(self, "inputs", _count("inputs", self.inputs))
        self._check_one_bound_on_energy()
        object.__setattr__(self, "_tuple", self._made_tuple())
        _core.check_goal(self._tuple)

    def _check_one_bound_on_energy(self) -> None:
        given = [name for name in ("energy", "power", "budget") if getattr(self, name) is not None]
        if len(given) > 1:
            raise TypeError(f"{given[1]}: expected no other bound on energy, got {given[0]} too")
        if self.budget is not None and self.inputs is None:
            raise TypeError("inputs: expected the number of inputs that budget is for, got None")
        if self.inputs is not None and self.budget is None:
            raise TypeError("budget: expected the joules that inputs may take, got None")
        for name, unit in (("power", "watts"), ("budget", "joules")):
            value = getattr(self, name)
            if value is not None and not 0.0 < value < math.inf:
                expected = f"a finite number of {unit} > 0"
                raise ValueError(f"{name}: expected {expected}, got {shown(value)}")

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
        energy: float | None = None,
        *,
        power: float | None = None,
        budget: float | None = None,
        inputs: int | None = None,
        probability: float | None = None,
        q_fail: float = 0.0,
        priority: tuple[Quantity, Quantity, Quantity] = ("latency", "accuracy", "energy"),
        window: int | None = None,
    ) -> Goal:
        """Reach the highest accuracy within a bound on energy, idle time included.

        The bound is one of `energy`, `power` and `budget`. Without one, energy decides only between
        configurations that are equally accurate.

        Parameters
        ----------
        deadline : float
            Seconds that each input has; finite, > 0.
        energy : float, optional
            Most joules per input; > 0.
        power : float, optional
            Most watts on average; > 0. An input may take `power` times the seconds from its start
            to its deadline, or to its output where that comes later.
        budget, inputs : float and int, optional
            Joules for the next `inputs` inputs together, as of a battery over a shift. Each input
            may take an equal share of what is left; `Scheduler.budget` says what that is.
            Afterwards, an input may take ``budget / inputs``.
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
            power=power,
            budget=budget,
            inputs=inputs,
        )

    @classmethod
    def min_latency(
        cls,
        *,
        accuracy: float | None = None,
        energy: float | None = None,
        deadline: float = math.inf,
        probability: float | None = None,
        q_fail: float = 0.0,
        priority: tuple[Quantity, Quantity, Quantity] = ("accuracy", "energy", "latency"),
    ) -> Goal:
        """Finish each input as soon as `accuracy` and `energy` allow.

        Parameters
        ----------
        accuracy : float, optional
            Least accuracy, 0 to 1, of each input.
        energy : float, optional
            Most joules for each input; > 0. Without a deadline, those of the inference alone.
        deadline : float, optional
            Seconds that each input has. Idle time up to the deadline then counts as energy, and a
            late output counts as `q_fail`.
        probability, q_fail, priority
            See `Goal`. With this order, the most accurate configuration is taken where `accuracy`
            is out of reach, and the cheapest that is accurate enough where `energy` is.

        Raises
        ------
        TypeError
            A bound is not a number.
        ValueError
            A value is out of range.
        """
        return cls(
            "min_latency",
            deadline,
            accuracy=accuracy,
            energy=energy,
            probability=probability,
            q_fail=q_fail,
            priority=priority,
            window=1,
        )

    @property
    def bound(self) -> float:
        """The bound on accuracy (0 to 1), or of "max_accuracy" on energy (joules per input).

        Where there is none, it is 0 for accuracy and infinite for energy. A power counts for the
        time of the deadline, a budget with its equal shares.
        """
        if self.objective != "max_accuracy":
            return self.accuracy or 0.0
        if self.power is not None:
            return self.power * self.deadline
        if self.budget is not None and self.inputs is not None:
            return self.budget / self.inputs
        return math.inf if self.energy is None else self.energy

    @property
    def _optional(self) -> tuple[str, ...]:
        """Attributes that may be None."""
        needed = ("accuracy",) if self.objective == "min_energy" else ()
        names = ("accuracy", "energy", "power", "budget", "probability")
        return tuple(name for name in names if name not in needed)

    def _as_tuple(self) -> _GoalTuple:
        """State the goal in the order and the units of the C core."""
        return self._tuple

    def _made_tuple(self) -> _GoalTuple:
        first, second, third = (_QUANTITIES.index(quantity) for quantity in self.priority)
        return (
            _OBJECTIVES.index(self.objective),
            self.deadline,
            self.bound,
            math.inf if self.energy is None else self.energy,
            0.0 if self.power is None else self.power,
            self.probability or 0.0,
            self.q_fail,
            (first, second, third),
            self.window or 0,
            self.inputs or 0,
        )

    def __repr__(self) -> str:
        return self._call(repr)

    def _short(self) -> str:
        """Return the same with four digits, for somebody to read."""
        return self._call(lambda value: repr(_rounded(value)))

    def _call(self, text_of: Callable[[object], str]) -> str:
        """Return the call that makes this goal."""
        defaults = getattr(Goal, self.objective).__kwdefaults__
        names = (
            *("deadline", "accuracy", "energy", "power", "budget", "inputs"),
            *("probability", "q_fail", "priority", "window"),
        )
        usual = dict.fromkeys(names) | {"window": 1} | defaults
        said = [name for name in names if getattr(self, name) != usual[name]]
        text = [f"{name}={text_of(getattr(self, name))}" for name in said]
        return f"Goal.{self.objective}({', '.join(text)})"


def _rounded(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _priority(given: object) -> tuple[Quantity, ...]:
    if isinstance(given, (tuple, list)) and sorted(map(str, given)) == sorted(_QUANTITIES):
        return tuple(given)
    raise ValueError(f"priority: expected {_QUANTITIES} in some order, got {given!r}")


def _count(name: str, given: object) -> int | None:
    if given is None:
        return None
    try:
        inputs = index(given)  # type: ignore[arg-type]
    except TypeError:
        kind = type(given).__name__
        raise TypeError(f"{name}: expected a number of inputs or None, got {kind}") from None
    if inputs < 1:
        raise ValueError(f"{name}: expected at least 1 input or None, got {inputs}")
    return min(inputs, sys.maxsize)
