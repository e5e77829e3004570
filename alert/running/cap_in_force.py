"""Looking now and then whether the power cap that was set is still in force."""

from __future__ import annotations

import math
from collections.abc import Callable

from alert._core import PowerWarning
from alert._text import cap_text
from alert._warnings import warn
from alert.power.device import Device, unit_of

# Seconds between two looks. A look that takes long comes more seldom: so many times its own time.
_PERIOD = 0.1
_COSTS = 100

# Hardware rounds caps: a cap in force within this share, or so much, is the one that was set.
_SHARE = 0.02
_ROUNDING = {"W": 0.5}


class CapInForce:
    """Tells of a cap that somebody else has written, or of another limit that is lower.

    Firmware, thermal daemons and other programs set limits as well. A look is one reading of the
    device. A difference is said once, unless it is the cap of another user in this process.
    """

    __slots__ = ("_asked", "_clock", "_device", "_next", "_other", "_rounding", "_told")

    def __init__(self, device: Device, clock: Callable[[], float]) -> None:
        self._device = device
        self._clock = clock
        self._told = False
        self._rounding = _ROUNDING.get(unit_of(device), 0.0)
        self.note_change()

    def note_change(self) -> None:
        """Note that a cap has just been set: for a while it is in force."""
        self._other: float | None = None
        self._asked: float | None = getattr(self._device, "asked", None)
        self._next = math.inf if self._device.emulated else self._clock() + _PERIOD

    @property
    def is_overruled(self) -> bool:
        """Whether another user of the device in this process has set a cap since."""
        return getattr(self._device, "asked", self._asked) != self._asked

    def other_than(self, power_cap: float | None, now: float) -> float | None:
        """Return the cap in force, as last seen; None where it is the one set."""
        if power_cap is not None and now >= self._next:
            self._look(power_cap)
        return self._other

    def _look(self, power_cap: float) -> None:
        begun = self._clock()
        in_force = self._device.cap
        done = self._clock()
        self._next = done + max(_PERIOD, _COSTS * (done - begun))
        if not abs(in_force - power_cap) > max(self._rounding, _SHARE * power_cap):  # also of NaN
            self._other = None
            return
        self._other = in_force
        if not self._told and not self.is_overruled:
            self._told = True
            unit = unit_of(self._device)
            warn(
                f"a power cap of {cap_text(in_force, unit)} is in force, not the "
                f"{cap_text(power_cap, unit)} that were set: something else sets limits, too; "
                "inputs are judged by the cap in force",
                PowerWarning,
            )
