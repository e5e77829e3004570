"""Inputs on the clock: when they arrived, when they are due, how long they may take."""

from __future__ import annotations

import math

from alert import _arguments


class Deadlines:
    """Places inputs on the clock, each under a deadline of its own or a shared one.

    Attributes
    ----------
    unusual : bool
        True where the pending choice may be for another deadline than the goal's.
    shared_due : float
        When the shared deadline is, on the clock.
    """

    __slots__ = ("_shared_inputs", "shared_due", "unusual")

    def __init__(self) -> None:
        self.unusual = False
        self._shared_inputs = 0  # that still share a deadline
        self.shared_due = 0.0

    def place(
        self, entered: float, arrival: float, deadline: float | None, usual: float
    ) -> tuple[float, float]:
        """Return when an input is due, and the seconds that it may take from `entered`.

        Inputs that share a deadline are all due at that deadline, but each may take only its share
        of the time. `usual` is the goal's deadline.
        """
        if deadline is None and self._shared_inputs:
            return self.shared_due, (self.shared_due - entered) / self._shared_inputs
        allowed = usual if deadline is None else deadline
        self.unusual = True
        return arrival + allowed, allowed - (entered - arrival)

    def share(self, due: float, inputs: int) -> None:
        """Let the next inputs share a deadline; `due` is when, on the clock."""
        self.shared_due, self._shared_inputs, self.unusual = due, inputs, True

    def count(self) -> None:
        """Note that an input is finished."""
        if self.unusual:
            self._shared_inputs = max(self._shared_inputs - 1, 0)
            self.unusual = self._shared_inputs > 0


def arrival_of(now: float, arrival: float | None, delay: float | None) -> float | None:
    """Return when an input came; None where the caller does not say.

    Raises
    ------
    ValueError, TypeError
        The argument is out of range or no number, or both are given.
    """
    if delay is not None:
        if arrival is not None:
            raise ValueError("delay: expected arrival or delay, got both")
        return now - _arguments.seconds("delay", delay)
    if arrival is not None and not -math.inf < _arguments.number("arrival", arrival) <= now:
        raise ValueError(
            f"arrival: expected seconds of time.perf_counter up to now ({now!r}), got {arrival!r}"
        )
    return arrival


def checked(deadline: float) -> float:
    """Return a deadline in seconds, which must be above 0."""
    return _arguments.seconds("deadline", deadline, above_zero=True)
