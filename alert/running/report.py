"""What a runner did: the books it keeps, and what it reports."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alert import _core, _html
from alert.running.metering import Source

_TIMES = ("arrival", "start", "response", "lateness")


class Ledger:
    """Counts inputs, and remembers the times of the last `capacity` of them."""

    __slots__ = (
        "_accuracy",
        "_cap_changes",
        "_choices",
        "_infeasible",
        "_misses",
        "_times",
    )

    def __init__(self, capacity: int) -> None:
        self._times: deque[tuple[float, float, float, float, bool, str]] = deque(maxlen=capacity)
        self._choices: dict[tuple[int, float], int] = {}
        self._accuracy = 0.0  # expected, summed up
        self._misses = self._cap_changes = self._infeasible = 0

    @property
    def inputs(self) -> int:
        """Inputs so far."""
        return sum(self._choices.values())

    def add(
        self,
        decision: _core.Decision,
        cap_changed: bool,
        energy_source: Source,
        times: tuple[float, float, float, float],
    ) -> None:
        """Enter one input.

        Parameters
        ----------
        decision : Decision
        cap_changed : bool
            Another cap was set for it.
        energy_source : {"measured", "blended", "profile"}
            See `alert.running.metering.Meter`.
        times : tuple of 4 floats
            When it arrived, when the model started, when its output was there, when that was due.
        """
        arrival, start, out, due = times
        self._times.append((arrival, start, out - arrival, out - due, cap_changed, energy_source))
        self._choices[decision] = self._choices.get(decision, 0) + 1
        self._accuracy += decision.accuracy
        self._infeasible += not decision.feasible
        self._misses += out > due
        self._cap_changes += cap_changed

    def history(self, known: NDArray[np.void]) -> NDArray[np.void]:
        """Add the times to the history of a scheduler that remembers as many inputs."""
        inputs = min(len(known), len(self._times))
        record = [(name, known.dtype[name]) for name in known.dtype.names or ()]
        added = [(name, np.dtype(np.float64)) for name in _TIMES]
        marks = [("cap_changed", np.dtype(np.bool_)), ("energy_source", np.dtype("U8"))]
        dtype = np.dtype([*record, *added, *marks])
        history = np.empty(inputs, dtype)
        for name, _ in record:
            history[name] = known[name][len(known) - inputs :]
        rows = list(self._times)[len(self._times) - inputs :]
        for i, name in enumerate((*_TIMES, "cap_changed", "energy_source")):
            history[name] = [row[i] for row in rows]
        return history

    def report(
        self,
        models: Sequence[str],
        energy: float | None,
        overhead: float,
        power: str,
        emulated: bool,
    ) -> Report:
        """Sum up."""
        inputs = self.inputs
        frequent = sorted(self._choices.items(), key=lambda item: -item[1])
        return Report(
            inputs=inputs,
            energy=energy,
            misses=self._misses,
            accuracy=self._accuracy / inputs if inputs else math.nan,
            choices={(models[model], cap): count for (model, cap), count in frequent},
            cap_changes=self._cap_changes,
            infeasible=self._infeasible,
            overhead=overhead,
            power=power,
            emulated=emulated,
        )


@dataclass(frozen=True, repr=False)
class Report:
    """What a `Runner` did since it was made.

    Attributes
    ----------
    inputs : int
        Inputs that finished.
    energy : float or None
        Joules drawn from the first input to the last output, idle time between inputs included;
        None where the energy cannot be read, or before the first input.
    misses : int
        Outputs that came after their deadline.
    accuracy : float
        Mean of the accuracy expected when each input was chosen for, lateness counted, 0 to 1; NaN
        before the first input.
    choices : dict
        ``{(model name, power cap in watts): inputs}``, the most frequent first.
    cap_changes : int
        Inputs for which another power cap was set.
    infeasible : int
        Inputs for which a bound of the goal had to be given up.
    overhead : float
        Seconds an input takes besides its model, averaged over the last inputs.
    power : str
        Kind of the power device.
    emulated : bool
        True where caps and energy are those of the emulated package: computed, not measured.
    """

    inputs: int
    energy: float | None
    misses: int
    accuracy: float
    choices: dict[tuple[str, float], int]
    cap_changes: int
    infeasible: int
    overhead: float
    power: str
    emulated: bool

    def _rows(self) -> list[tuple[str, str]]:
        mark = " emulated" if self.emulated else ""
        energy = "not read"
        if self.energy is not None:
            energy = f"{self.energy:.4g} J{mark}, {self.energy / self.inputs:.3g} J per input"
        late = f"{self.misses}"
        if self.inputs:
            late += f" ({100 * self.misses / self.inputs:.1f} %)"
        rows = [
            ("energy", energy),
            ("late", late),
            ("accuracy", f"{self.accuracy:.4f} expected on average"),
            ("infeasible", f"{self.infeasible}"),
            ("cap changes", f"{self.cap_changes}{mark}"),
            ("overhead", f"{1e6 * self.overhead:.1f} µs per input"),
        ]
        for (model, cap), count in self.choices.items():
            rows.append(("", f"{count} x {model} under {cap:g} W{mark}"))
        return rows

    def _title(self) -> str:
        return f"{self.inputs} input{'' if self.inputs == 1 else 's'}, power: {self.power}"

    def __repr__(self) -> str:
        lines = [f"  {name:<12}{text}" for name, text in self._rows()]
        return "\n".join([f"alert.Report: {self._title()}", *lines])

    def _repr_html_(self) -> str:
        return _html.table(("Report", self._title()), self._rows())
