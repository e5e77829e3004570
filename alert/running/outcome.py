"""What became of one input of a runner."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from alert import _html
from alert._core import Decision
from alert._text import seconds_text
from alert.running.metering import Source


class Outcome(NamedTuple):
    """Says what ran for one input, what it took, and why it was chosen.

    Attributes
    ----------
    model : str
        Name of the model that ran.
    exit : int or None
        Exit that an anytime model reached; None for a traditional model.
    power_cap : float or None
        Cap that was set, in the unit of the profile; None for no cap.
    latency : float
        Seconds that the model took.
    energy : float or None
        Joules of the input; None where they are not read.
    energy_source : {"measured", "blended", "profile"}
        Where the joules come from, see the attribute `history` of `Runner`.
    lateness : float
        Seconds after the deadline; negative for an output in time.
    decision : Decision
        The choice, with what was expected of it.
    """

    model: str
    exit: int | None
    power_cap: float | None
    latency: float
    energy: float | None
    energy_source: Source
    lateness: float
    decision: Decision

    def _repr_html_(self) -> str:
        where = "" if self.exit is None else f", exit {self.exit}"
        cap = "none" if self.power_cap is None else f"{self.power_cap:.3g}"
        energy = "not read"
        if self.energy is not None:
            source = {"measured": "", "blended": ", blended", "profile": ", by the profile"}
            energy = f"{self.energy:.3g} J{source[self.energy_source]}"
        when = "after" if self.lateness > 0.0 else "before"
        rows = [
            ("model", f"{self.model}{where}"),
            ("power cap", cap),
            ("latency", seconds_text(self.latency)),
            ("energy", energy),
            ("output", f"{seconds_text(abs(self.lateness))} {when} its deadline"),
            ("expected latency", seconds_text(self.decision.latency)),
            ("expected in time", f"{self.decision.probability:.4f}"),
        ]
        return _html.table(("Outcome", ""), rows)


class OfThread(threading.local):
    """Remembers the last input of each thread: those of a web server share a runner."""

    last: tuple[Any, ...] | None = None  # fields of an Outcome
