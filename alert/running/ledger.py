"""The ledger of a runner: counts of its inputs, and the times of the last ones."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alert import _core
from alert.running.hindsight import Hindsight
from alert.running.metering import Source
from alert.running.report import Percentiles, Report
from alert.running.verdict import Verdict

# What is remembered of an input: as `struct` packs it, and as NumPy reads it.
_PACKING = struct.Struct("=q4d?32s")
_ROW = np.dtype(
    [
        ("input", np.int64),
        *((name, np.float64) for name in ("arrival", "start", "response", "lateness")),
        ("cap_changed", np.bool_),
        ("energy_source", "U8"),
    ]
)
_ADDED = (_ROW.names or ())[1:]
_KNOWN = _core.HISTORY.names or ()

_SOURCES: dict[Source, bytes] = {
    source: np.array(source, _ROW["energy_source"]).tobytes()
    for source in ("measured", "blended", "profile")
}
_NOT_ENTERED = _PACKING.pack(-1, *[math.nan] * 4, False, b"")


class Ledger:
    """Counts inputs, and remembers the times of the last `capacity` of them."""

    __slots__ = (
        "_accuracy",
        "_began",
        "_cap_changes",
        "_capacity",
        "_choices",
        "_ended",
        "_infeasible",
        "_misses",
        "_next",
        "_own_goals",
        "_rows",
    )

    def __init__(self, capacity: int) -> None:
        self._capacity = max(capacity, 1)
        self._rows = [_NOT_ENTERED] * self._capacity  # input n is in row n % capacity
        self._next = 0  # number that the scheduler gives to the next input
        self._choices: dict[tuple[int, float | None], int] = {}
        self._accuracy = 0.0  # sum of the expected accuracies
        self._began = self._ended = math.nan  # start of the first input, and output of the last
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
        number, source = self._next, _SOURCES[energy_source]
        row = number, arrival, start, out - arrival, out - due, cap_changed, source
        self._rows[number % self._capacity] = _PACKING.pack(*row)
        self._next += 1
        if math.isnan(self._began):
            self._began = start
        self._ended = out
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
        rows = np.frombuffer(b"".join(self._rows.copy()), _ROW)  # others may add meanwhile
        rows = rows.take(known["input"].astype(np.intp), mode="wrap")
        rows[rows["input"] != known["input"]] = np.frombuffer(_NOT_ENTERED, _ROW)
        history: NDArray[np.void] = np.empty(len(known), _history_dtype())
        _block(history, _KNOWN)[:] = _block(known, _KNOWN)
        _block(history, _ADDED)[:] = _block(rows, _ADDED)
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
        remembered: NDArray[np.void],
        hindsight: Hindsight | None,
        loads: int | None = None,
        waits: int = 0,
        learnt: tuple[int, int] | None = None,
    ) -> Report:
        """Make the report of the remembered inputs; other parameters are attributes of `Report`."""
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
            delivered=float(remembered["accuracy"].mean()) if len(remembered) else math.nan,
            duration=self._ended - self._began,
            response=Percentiles.of(remembered["response"]),
            exits=_exits(models, remembered),
            hindsight=hindsight,
            own_goals=self._own_goals,
            loads=loads,
            waits=waits,
            unit=unit,
            learnt=learnt,
        )


def _exits(models: Sequence[str], history: NDArray[np.void]) -> dict[tuple[str, int], int]:
    """Count the exits that anytime models reached."""
    anytime = history[history["exit"] >= 0]
    pairs, counts = np.unique(anytime[["model", "exit"]], return_counts=True)
    return {
        (models[model], reached): count
        for (model, reached), count in zip(pairs.tolist(), counts.tolist(), strict=True)
    }


@cache
def _history_dtype() -> np.dtype[np.void]:
    """Return the columns of a scheduler's history and those of a runner."""
    columns = [(name, _core.HISTORY[name]) for name in _KNOWN]
    return np.dtype([*columns, *((name, _ROW[name]) for name in _ADDED)])


def _block(array: NDArray[np.void], names: Sequence[str]) -> NDArray[np.void]:
    """View columns that lie side by side as one: column by column, a copy takes 0.1 ms."""
    fields: Mapping[str, Any] = array.dtype.fields or {}
    begin, (last, offset) = fields[names[0]][1], fields[names[-1]][:2]
    part, size = f"V{offset + last.itemsize - begin}", array.dtype.itemsize
    layout = {"names": ["block"], "formats": [part], "offsets": [begin], "itemsize": size}
    view: NDArray[np.void] = array.view(np.dtype(layout))["block"]  # type: ignore[call-overload]
    return view
