"""The ledger of a budget: which machine holds how many watts, and until when.

The shares that machines hold never exceed the budget together, whatever is lost or late:

- a share is a lease: a machine that hears nothing more falls back to its lowest cap when it ends;
- watts are given away only after the machine that held them has said that it no longer does;
- a ledger that has lost its memory gives nobody more than he holds, until all old leases ended.
  A machine that it has not heard of by then is taken to be lost. Machines tell it the budget that
  they last heard of.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from alert import _arguments
from alert.serving.budget.demand import Loss
from alert.serving.budget.division import divide

# Seconds for which a division serves: machines report one after the other.
_SERVES = 0.5


class Stated(NamedTuple):
    """A budget, as somebody stated it.

    Attributes
    ----------
    watts : float
    at : float
        When it was stated; the latest counts.
    """

    watts: float
    at: float


class Share(NamedTuple):
    """What a machine may draw.

    Attributes
    ----------
    watts : float
        Highest cap. 0 for a machine that is not in the budget yet, and has to wait.
    seconds : float
        How long it holds, from the moment the machine asked: half of the lease. The other half is
        for a machine that is slow to notice.
    price : float
        Joules that one watt more would save in a second, on the machine where it saves most.
    budget : Stated
        The budget that it is a share of.
    """

    watts: float
    seconds: float
    price: float
    budget: Stated


@dataclass(slots=True)
class _Member:
    loss: Loss
    held: float  # watts that it may have in force
    until: float  # end of its lease, on the clock


class Ledger:
    """Divides a budget over machines that report.

    No clock and no thread: every call says what time it is, in monotonic seconds.

    Parameters
    ----------
    watts : float
        The budget.
    lease : float, default 30.0
        Seconds that a share holds.
    forgetful_until : float, default -infinity
        Shares that this ledger knows nothing of may hold until then.

    Raises
    ------
    ValueError, TypeError
        An argument is no finite number above zero.
    """

    def __init__(
        self, watts: float, lease: float = 30.0, *, forgetful_until: float = -math.inf
    ) -> None:
        self.budget = Stated(_arguments.above_zero("watts", watts), -math.inf)
        self.lease = _arguments.seconds("lease", lease, above_zero=True)
        self._forgetful_until = forgetful_until
        self._members: dict[str, _Member] = {}
        self._targets: dict[str, float] = {}
        self._price = 0.0
        self._divided_at = -math.inf
        self._total = 0.0  # that all may have in force; never too low

    @property
    def watts(self) -> float:
        """The budget."""
        return self.budget.watts

    def is_held(self, now: float) -> bool:
        """Tell whether a machine may have a share in force, one that was forgotten included."""
        return now < self._forgetful_until or any(m.held for m in self._members.values())

    def change(self, watts: float, at: float = 0.0) -> None:
        """Change the budget. Machines that hold too much lower their caps with their next reports.

        Parameters
        ----------
        watts : float
        at : float, default 0.0
            When that was stated, on a clock that outlives the ledger.

        Raises
        ------
        ValueError, TypeError
            It is no finite number above zero, or smaller than the lowest caps of all machines.
        """
        watts = _arguments.above_zero("watts", watts)
        self._require(watts, [member.loss for member in self._members.values()])
        self._take(Stated(watts, at))

    def _take(self, budget: Stated) -> None:
        self.budget = budget
        self._divided_at = -math.inf

    def report(
        self, name: str, loss: Loss, held: float, now: float, heard: Stated | None = None
    ) -> Share:
        """Take a report, and return the share that holds from now on.

        Parameters
        ----------
        name : str
            Of the machine.
        loss : Loss
            What it would lose under each of its caps; all are finite.
        held : float
            The cap in force; 0 for a machine that is new.
        now : float
        heard : Stated, optional
            The budget that the machine last heard of; this ledger may have forgotten it.

        Raises
        ------
        ValueError
            The budget is smaller than the lowest caps of all machines.
        """
        if heard is not None and heard.at > self.budget.at:
            self._take(heard)
        member = self._members.get(name) or self._join(name, loss, now)
        self._hold(member, held)
        member.loss, member.until = loss, now + self.lease
        self._divide(now)
        free = self.watts - (self._total - member.held)
        share = min(self._targets[name], max(free, held))  # less than held is always free
        if now < self._forgetful_until:
            share = min(share, held)
        share = max((watts for watts in loss.watts if watts <= share), default=0.0)
        self._hold(member, max(held, share))
        return Share(share, self.lease / 2.0, self._price, self.budget)

    def leave(self, name: str) -> None:
        """Forget a machine that draws nothing any more."""
        member = self._members.pop(name, None)
        if member is not None:
            self._hold(member, 0.0)
            del self._targets[name]

    def shares(self, now: float) -> dict[str, float]:
        """Return the watts that every machine may have in force."""
        self._end_leases(now)
        return {name: member.held for name, member in self._members.items()}

    def _join(self, name: str, loss: Loss, now: float) -> _Member:
        """Let a machine in. It has its lowest cap until the budget is divided again."""
        self._require(self.watts, [*(member.loss for member in self._members.values()), loss])
        self._targets[name] = loss.watts[0]
        self._members[name] = member = _Member(loss, 0.0, now)
        return member

    @staticmethod
    def _require(watts: float, losses: list[Loss]) -> None:
        """Raise ValueError where a budget is smaller than the lowest caps together."""
        least = math.fsum(loss.watts[0] for loss in losses)
        if least > watts:
            raise ValueError(
                f"budget: expected at least {least:g} W, for the lowest caps of {len(losses)} "
                f"machines, got {watts:g} W"
            )

    def _hold(self, member: _Member, watts: float) -> None:
        self._total += watts - member.held
        member.held = watts

    def _divide(self, now: float) -> None:
        if now < self._divided_at + _SERVES:
            return
        self._divided_at = now
        self._end_leases(now)
        self._total = math.fsum(member.held for member in self._members.values())
        losses = {name: member.loss for name, member in self._members.items()}
        self._targets, self._price = divide(self.watts, losses)

    def _end_leases(self, now: float) -> None:
        """Count those that were not heard of with their lowest caps."""
        for member in self._members.values():
            if now >= member.until:
                self._hold(member, min(member.held, member.loss.watts[0]))
