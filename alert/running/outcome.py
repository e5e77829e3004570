"""What became of one input of a runner."""

from __future__ import annotations

from typing import NamedTuple

from alert._core import Decision
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
