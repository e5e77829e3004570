"""A pause of a runner: a call after some time without an input."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable


class Pause:
    """Calls a method from a thread of its own, once for each pause that is long enough.

    Parameters
    ----------
    seconds : float
        Length of a pause after which `act` is called.
    act : bound method
        Its object may be collected meanwhile: then the thread ends.
    """

    __slots__ = ("_act", "_begun", "_ended", "_resting", "_seconds")

    def __init__(self, seconds: float, act: Callable[[], object]) -> None:
        self._seconds = seconds
        self._act = weakref.WeakMethod(act)
        self._begun = time.monotonic()  # when the last pause began
        self._resting = threading.Event()  # `act` is still due in this pause
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name="alert.Runner pause", daemon=True).start()

    def begin(self) -> None:
        """Note that an input has just finished: a pause begins."""
        self._begun = time.monotonic()
        if not self._resting.is_set():
            self._resting.set()

    def end(self) -> None:
        """Let the thread end."""
        self._ended.set()
        self._resting.set()

    def _watch(self) -> None:
        while True:
            self._resting.wait()
            left = self._begun + self._seconds - time.monotonic()
            if self._ended.wait(max(left, 0.0)):
                return
            if left > 0.0:  # another input may have run meanwhile
                continue
            self._resting.clear()
            act = self._act()
            if act is None:
                return
            act()
            del act
