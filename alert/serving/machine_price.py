"""The price of a second of the machine, in watts: what an inference costs those who wait."""

from __future__ import annotations

import math

# Requests in time lower the price, others raise it. It settles where this share is not in time.
_SHARE_LATE = 0.01

# What one request that is not in time adds to the logarithm of the price.
_GAIN = 0.5

# Least and greatest price.
_LEAST, _MOST = 1.0, 3000.0

# Seconds without work in which the price falls by the factor e, down to the idle power.
_FORGETS = 100.0


class MachinePrice:
    """Learns the price of a second of the machine from requests that were late or given up.

    An inference keeps all others waiting, so that a second of the machine has a price beside the
    joules that the machine draws in this second. With the price every request chooses for itself
    what is best for all. The price is one number; nothing is assumed of arrivals.

    Parameters
    ----------
    watts : float
        Where the price starts, and where it returns when there is nothing to do: idle power.
    """

    __slots__ = ("_rest", "watts")

    def __init__(self, watts: float) -> None:
        self.watts = self._rest = min(max(watts, _LEAST), _MOST)

    def count(self, in_time: bool) -> None:
        """Learn from one request."""
        self.watts *= math.exp(_GAIN * ((not in_time) - _SHARE_LATE))
        self.watts = min(max(self.watts, _LEAST), _MOST)

    def idle(self, seconds: float) -> None:
        """Note that nothing was to do for some time."""
        if self.watts > self._rest:
            self.watts = max(self.watts * math.exp(-seconds / _FORGETS), self._rest)
