"""A thread that acts at a time which may change meanwhile."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable


class Alarm:
    """Calls a function when it is time, from a thread of its own.

    Parameters
    ----------
    act : callable
        Called without arguments; returns when it wants to be called again, on the clock.
    clock : callable
        Monotonic seconds.
    """

    __slots__ = ("_act", "_at", "_changed", "_clock", "_ended", "_thread")

    def __init__(self, act: Callable[[], float], clock: Callable[[], float]) -> None:
        self._act = act
        self._clock = clock
        self._changed = threading.Condition()
        self._at = math.inf
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="alert.Server alarm", daemon=True)
        self._thread.start()

    def by(self, when: float) -> None:
        """Call `act` at this time, or earlier."""
        if when < self._at:  # most come after the time that is set already
            with self._changed:
                self._at = min(self._at, when)
                self._changed.notify()

    def end(self) -> None:
        """Let the thread end."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._ended and (left := self._at - self._clock()) > 0.0:
                    self._changed.wait(min(left, threading.TIMEOUT_MAX))
                if self._ended:
                    return
                self._at = math.inf
            self.by(self._act())
