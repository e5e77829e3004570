"""The ledger of a runner: counts of its inputs, and the times of the last ones."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from alert import _core
from alert.running.metering import Source
from alert.running.report import Report
from alert.running.verdict import Verdict

_TIMES = ("arrival", "start", "response", "lateness")

# Number of the input, its times, whether another cap was set for it, and the source of its energy.
_Row: TypeAlias = tuple[int, float, float, float, float, bool, str]

_NOT_ENTERED = [*[math.nan] * len(_TIMES), False, ""]


class Ledger:
    """Counts inputs, and remembers the times of the last `capacity` of them."""

    __slots__ = (
        "_accuracy",
        "_cap_changes",
        "_choices",
        "_infeasible",
        "_misses",
        "_next",
        "_own_goals",
        "_times",
    )

    def __init__(self, capacity: int) -> None:
        self._times: deque[_Row] = deque(maxlen=capacity)
        self._next = 0  # number that the scheduler gives to the next input
        self._choices: dict[tuple[int, float | None], int] = {}
        self._accuracy = 0.0  # sum of the expected accuracies
        self._misses = self._cap_changes = self._infeasible = self._own_goals = 0

    @property
    def inputs(self) -> int:
        """Number of inputs so far."""
        return sum(self._choices.copy().values())

    def add(
        self,
        decision: _core.Decision,
        cap_changed: bool,
        energy_source: Source,
        times: tuple[float, float, float, float],
        has_own_goal: bool,
    ) -> None:
        """Enter one input.

        Parameters
        ----------
        decision : Decision
        cap_changed : bool
            Another cap was set for this input.
        energy_source : {"measured", "blended", "profile"}
            See `alert.running.metering.Meter`.
        times : tuple of 4 floats
            When the input arrived, the model started, the output was out, and the output was due.
        has_own_goal : bool
            The input had a goal of its own.
        """
        arrival, start, out, due = times
        row = (self._next, arrival, start, out - arrival, out - due, cap_changed, energy_source)
        self._times.append(row)
        self._next += 1
        self._choices[decision] = self._choices.get(decision, 0) + 1
        self._accuracy += decision.accuracy
        self._infeasible += not decision.feasible
        self._misses += out > due
        self._cap_changes += cap_changed
        self._own_goals += has_own_goal

    def follow(self, known: NDArray[np.void]) -> None:
        """Go on after the last input in the history of the scheduler."""
        if len(known):
            self._next = int(known["input"][-1]) + 1

    def history(self, known: NDArray[np.void]) -> NDArray[np.void]:
        """Add the times to the history of a scheduler; NaN for an input that was not entered."""
        record = [(name, known.dtype[name]) for name in known.dtype.names or ()]
        added = [(name, np.dtype(np.float64)) for name in _TIMES]
        marks = [("cap_changed", np.dtype(np.bool_)), ("energy_source", np.dtype("U8"))]
        history = np.empty(len(known), np.dtype([*record, *added, *marks]))
        for name, _ in record:
            history[name] = known[name]
        entered = {number: row for number, *row in self._times.copy()}  # others may add meanwhile
        rows = [entered.get(number, _NOT_ENTERED) for number in known["input"].tolist()]
        for i, name in enumerate((*_TIMES, "cap_changed", "energy_source")):
            history[name] = [row[i] for row in rows]
        return history

    def report(
        self,
        models: Sequence[str],
        unit: str,
        energy: float | None,
        estimated: bool,
        overhead: float,
        power: str,
        emulated: bool,
        verdict: Verdict,
        loads: int | None = None,
        waits: int = 0,
    ) -> Report:
        """Make the report; the parameters are attributes of `Report`."""
        inputs = self.inputs
        frequent = sorted(self._choices.copy().items(), key=lambda item: -item[1])
        return Report(
            inputs=inputs,
            energy=energy,
            estimated=estimated,
            misses=self._misses,
            accuracy=self._accuracy / inputs if inputs else math.nan,
            choices={(models[model], cap): count for (model, cap), count in frequent},
            cap_changes=self._cap_changes,
            infeasible=self._infeasible,
            overhead=overhead,
            power=power,
            emulated=emulated,
            verdict=verdict,
            own_goals=self._own_goals,
            loads=loads,
            waits=waits,
            unit=unit,
        )
