"""The cost of changing the power cap, in the terms of a scheduler, which counts in inputs."""

from __future__ import annotations

import math

from alert._arguments import seconds
from alert.power.device import Device
from alert.scheduler import Scheduler

# By default a cap stays in force this many times as long as the change of it takes.
_COSTS = 20

# Weight of one input in the average period, the time from one input to the next.
_WEIGHT = 1.0 / 8.0

# A period counts for at most this multiple of the average: a pause says nothing about the pace.
_PAUSE = 4.0


class Switching:
    """Keeps `switch_cost` and `hold_inputs` of a scheduler as its device states them.

    Parameters
    ----------
    scheduler : Scheduler
    device : Device
    dwell : float, optional
        Seconds that a new cap stays in force; by default until it has settled, and at least 20
        times as long as a change takes.
    """

    __slots__ = ("_cost", "_device", "_entered", "_given", "_period", "_scheduler", "_seconds")

    def __init__(self, scheduler: Scheduler, device: Device, dwell: float | None) -> None:
        if dwell is not None:
            seconds("dwell", dwell)
        self._scheduler = scheduler
        self._device = device
        self._given = dwell
        deadline = scheduler.goal.deadline
        # seconds from one input to the next, on average
        self._period = deadline if deadline < math.inf else scheduler.decision.latency
        self._entered = math.nan  # when the last input came
        self.ask_device()

    def ask_device(self) -> None:
        """Take over what the device states; a change of the cap may have changed it."""
        self._cost = self._device.switch_cost
        self._seconds = self._given
        if self._seconds is None:
            self._seconds = max(self._device.settle, _COSTS * self._cost)
        self._tell_scheduler()

    def count(self, entered: float) -> None:
        """Note that an input came at `entered`, on the clock."""
        if not self._seconds:
            return
        since = entered - self._entered
        self._entered = entered
        if since > 0.0:  # False for NaN
            self._period += (min(since, _PAUSE * self._period) - self._period) * _WEIGHT
            self._tell_scheduler()

    def _tell_scheduler(self) -> None:
        inputs = max(math.ceil((self._seconds or 0.0) / self._period), 1)
        if (self._cost, inputs) != (self._scheduler.switch_cost, self._scheduler.hold_inputs):
            self._scheduler.set_switching(self._cost, inputs)
