"""The account of a tenant: what it asks for, what was learnt for it, and what it got."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from alert._core import Decision
from alert.goal import Goal
from alert.running.switching import Switching
from alert.scheduler import Scheduler


@dataclass(slots=True)
class Tally:
    """Counts the requests of one tenant.

    Attributes
    ----------
    answered, late, refused, failed, cancelled : int
        Requests that ended: with an output, given up, with an exception, taken back. The late ones
        are among those answered.
    energy : float
        Joules drawn while their models ran; those of the profile where none are read.
    accuracy : float
        Sum of the credited accuracies; a late output and a refusal count as `q_fail`.
    waited : float
        Seconds that answered requests spent in the queue, all together.
    """

    answered: int = 0
    late: int = 0
    refused: int = 0
    failed: int = 0
    cancelled: int = 0
    energy: float = 0.0
    accuracy: float = 0.0
    waited: float = 0.0

    @property
    def requests(self) -> int:
        """Requests that ended."""
        return self.answered + self.refused + self.failed + self.cancelled

    @property
    def missed(self) -> int:
        """Requests that were late or given up."""
        return self.late + self.refused


class Last(NamedTuple):
    """Says what became of the last answered request.

    Attributes
    ----------
    decision : Decision
        What ran.
    exit : int or None
        The exit that an anytime model reached.
    response, allowed : float
        Seconds from the submission to the output, and those that the request had.
    """

    decision: Decision
    exit: int | None
    response: float
    allowed: float


@dataclass(eq=False, slots=True)
class Account:
    """Holds what a machine knows of one tenant.

    Attributes
    ----------
    name : str
    number : int
        Tenants are numbered in the order in which they came.
    goal : Goal
    scheduler : Scheduler
        The tenant's own.
    weight : float
        Its share of the machine where there is no time for all, relative to the weights of others.
    switching : Switching or None
        Keeps what the scheduler knows of the cost of caps; None where caps cost nothing.
    tally : Tally
    last : Last or None
        None before the first answer.
    """

    name: str
    number: int
    goal: Goal
    scheduler: Scheduler
    weight: float = 1.0
    switching: Switching | None = None
    tally: Tally = field(default_factory=Tally)
    last: Last | None = None
