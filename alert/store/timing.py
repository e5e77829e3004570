"""How long a load is expected to take, by those before it."""

from __future__ import annotations

from collections import deque

# Bytes per second before the first load: a slow disk.
_FIRST_RATE = 2e8


class LoadTimes:
    """Expects that a load takes as long as the slower of the last two, of this model or of any.

    A file that was read lately comes from memory, several times as fast as from a disk. So one
    fast load does not count until there is a second.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, deque[float]] = {}  # of each model
        self._rates: deque[float] = deque([_FIRST_RATE], maxlen=2)  # of all models

    def add(self, name: str, size: int, seconds: float) -> None:
        """Note how long a load took."""
        if not self._seconds:
            self._rates.clear()
        self._seconds.setdefault(name, deque(maxlen=2)).append(seconds)
        self._rates.append(size / max(seconds, 1e-6))

    def expected(self, name: str, size: int) -> float:
        """Return the seconds that the load of a model should take."""
        if own := self._seconds.get(name):
            return max(own)
        return size / min(self._rates)
