"""The report of a runner."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from alert import _html
from alert._arguments import Floats
from alert._text import rows_text, seconds_text, under_cap
from alert.running.hindsight import Alternative, Hindsight
from alert.running.verdict import Verdict


class Percentiles(NamedTuple):
    """Holds the seconds that half, 95 % and 99 % of the inputs took at most; NaN without inputs."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Floats) -> Percentiles:
        """Take them of measured times."""
        known = seconds[~np.isnan(seconds)]
        return cls(*(np.percentile(known, (50, 95, 99)).tolist() if len(known) else [math.nan] * 3))

    def __str__(self) -> str:
        return ", ".join(f"{n} {seconds_text(getattr(self, n))}" for n in self._fields)


@dataclass(frozen=True, repr=False)
class Report:
    """Sums up the inputs of a `Runner`.

    Attributes
    ----------
    inputs : int
        Inputs that finished.
    energy : float or None
        Joules from the first input to the last output, idle time between inputs included. None
        where they are neither read nor estimated, or before the first input.
    misses : int
        Outputs that came after their deadline.
    accuracy : float
        Mean of the accuracy that each choice was expected to have, lateness counted, 0 to 1; NaN
        before the first input.
    choices : dict
        ``{(model name, power cap or None): inputs}``, the most frequent first.
    cap_changes : int
        Inputs for which another power cap was set.
    infeasible : int
        Inputs for which no configuration met all bounds of the goal.
    overhead : float
        Seconds that an input takes besides its model, averaged over the last inputs.
    power : str
        Kind of the power device.
    emulated : bool
        True where caps and energy come from the emulated package: computed, not measured.
    loads : int or None
        Loads of models that ended well; None where the models are of no `Store`.
    waits : int
        Inputs that had to wait for a load.
    estimated : bool
        True where the energy is the profile's power times the time, because nothing is read.
    unit : str
        Of a power cap.
    verdict : Verdict
        Whether the goal was kept since it was set.
    delivered : float
        Mean credited accuracy of the remembered inputs: of the last output in time by the profile,
        else `q_fail`. NaN before the first input.
    duration : float
        Seconds from the start of the first input to the last output; NaN before the first input.
    response : Percentiles
        Seconds from the arrival to the output, of the remembered inputs.
    exits : dict
        ``{(model name, exit reached): inputs}`` of anytime models, for the remembered inputs.
    hindsight : Hindsight or None
        What the remembered inputs would have taken without a scheduler. None where the profile
        knows no power, and before the first input.
    own_goals : int
        Inputs that had a goal of their own.
    learnt : (int, int) or None
        Where the profile is learnt: how many configurations have run, and of how many.
    """

    inputs: int
    energy: float | None
    misses: int
    accuracy: float
    choices: dict[tuple[str, float | None], int]
    cap_changes: int
    infeasible: int
    overhead: float
    power: str
    emulated: bool
    verdict: Verdict
    delivered: float
    duration: float
    response: Percentiles
    exits: dict[tuple[str, int], int]
    hindsight: Hindsight | None
    loads: int | None = None
    waits: int = 0
    estimated: bool = False
    unit: str = "W"
    own_goals: int = 0
    learnt: tuple[int, int] | None = None

    @property
    def mean_power(self) -> float | None:
        """Mean watts from the first input to the last output; None where `energy` is None."""
        return None if self.energy is None else self.energy / self.duration

    def _rows(self) -> list[tuple[str, str]]:
        if not self.inputs:
            return [("goal", self.verdict.goal._short()), ("kept", self.verdict.text)]
        mark = " emulated" if self.emulated else ""
        energy = "not read"
        if self.energy is not None:
            kind = " estimated" if self.estimated else mark
            each = f"{self.energy / self.inputs:.3g} J per input"
            energy = f"{self.energy:.4g} J{kind}, {each}, {self.mean_power:.3g} W on average"
        late = f"{self.misses} ({100 * self.misses / self.inputs:.1f} %)"
        rows = [
            ("goal", self.verdict.goal._short()),
            ("kept", self.verdict.text),
            ("energy", energy),
            *self._savings(),
            ("duration", seconds_text(self.duration)),
            ("response", str(self.response)),
            ("late", late),
            ("accuracy", f"{self.delivered:.4f} delivered, {self.accuracy:.4f} expected"),
            ("infeasible", f"{self.infeasible}"),
            ("overhead", f"{seconds_text(self.overhead)} per input"),
        ]
        if any(cap is not None for _, cap in self.choices):
            rows.insert(-1, ("cap changes", f"{self.cap_changes}{mark}"))
        if self.own_goals:
            rows.append(("own goals", f"{self.own_goals}, not counted in the verdict"))
        if self.learnt is not None:
            run, all_ = self.learnt
            rows.append(("profile", f"learnt while serving, {run} of {all_} configurations run"))
        if self.loads is not None:
            rows.append(("loads", f"{self.loads}, {self.waits} of them waited for"))
        chosen = [
            f"{n} x {m} {under_cap(cap, self.unit)}{mark}" for (m, cap), n in self.choices.items()
        ]
        reached = [f"{n} x exit {k} of {m}" for (m, k), n in self.exits.items()]
        return [*rows, *_list("choices", chosen), *_list("exits", reached)]

    def _savings(self) -> list[tuple[str, str]]:
        seen = self.hindsight
        if seen is None:
            return []
        fixed = "no choice for all inputs would have kept the accuracy in time"
        if seen.best_fixed is not None:
            fixed = f"{_compared(seen, seen.best_fixed)}, the best fixed choice"
        last = "the input" if seen.inputs == 1 else f"the last {seen.inputs} inputs"
        return [
            ("compared", fixed),
            ("", _compared(seen, seen.highest_cap)),
            ("", f"computed for {last}, by the profile and their slowdown"),
        ]

    def _title(self) -> str:
        return f"{self.inputs} input{'' if self.inputs == 1 else 's'}, power: {self.power}"

    def __repr__(self) -> str:
        return rows_text(f"alert.Report: {self._title()}", self._rows())

    def _repr_html_(self) -> str:
        return _html.table(("Report", self._title()), self._rows())


def _list(name: str, texts: list[str]) -> list[tuple[str, str]]:
    """Return a row for each text; the first one has the name."""
    return list(zip([name] + [""] * len(texts), texts, strict=False))


def _compared(seen: Hindsight, other: Alternative) -> str:
    saved = 100 * seen.saved(other)
    return f"{abs(saved):.0f} % {'more' if saved < 0 else 'less'} energy than {other.choice}"
