"""The report of a runner."""

from __future__ import annotations

from dataclasses import dataclass

from alert import _html
from alert._text import under_cap
from alert.running.verdict import Verdict


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
    own_goals : int
        Inputs that had a goal of their own.
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
    loads: int | None = None
    waits: int = 0
    estimated: bool = False
    unit: str = "W"
    own_goals: int = 0

    def _rows(self) -> list[tuple[str, str]]:
        mark = " emulated" if self.emulated else ""
        energy = "not read"
        if self.energy is not None:
            kind = " estimated" if self.estimated else mark
            energy = f"{self.energy:.4g} J{kind}, {self.energy / self.inputs:.3g} J per input"
        late = f"{self.misses}"
        if self.inputs:
            late += f" ({100 * self.misses / self.inputs:.1f} %)"
        rows = [
            ("goal", repr(self.verdict.goal)),
            ("kept", self.verdict.text),
            ("energy", energy),
            ("late", late),
            ("accuracy", f"{self.accuracy:.4f} expected on average"),
            ("infeasible", f"{self.infeasible}"),
            ("overhead", f"{1e6 * self.overhead:.1f} µs per input"),
        ]
        if not self.choices or any(cap is not None for _, cap in self.choices):
            rows.insert(-1, ("cap changes", f"{self.cap_changes}{mark}"))
        if self.own_goals:
            rows.append(("own goals", f"{self.own_goals}, not counted in the verdict"))
        if self.loads is not None:
            rows.append(("loads", f"{self.loads}, {self.waits} of them waited for"))
        for (model, cap), count in self.choices.items():
            rows.append(("", f"{count} x {model} {under_cap(cap, self.unit)}{mark}"))
        return rows

    def _title(self) -> str:
        return f"{self.inputs} input{'' if self.inputs == 1 else 's'}, power: {self.power}"

    def __repr__(self) -> str:
        lines = [f"  {name:<12}{text}" for name, text in self._rows()]
        return "\n".join([f"alert.Report: {self._title()}", *lines])

    def _repr_html_(self) -> str:
        return _html.table(("Report", self._title()), self._rows())
