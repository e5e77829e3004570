"""One device of two: the knob of one and the meter of another."""

from __future__ import annotations

import math
from typing import Any

from alert._core import PowerError, PowerWarning
from alert._warnings import warn
from alert.power.device import Device, cap_set, put_cap
from alert.power.lacking import sentence


class Combined(Device):
    """Turns the knob of one device and reads the meter of another; see `combine`."""

    def __init__(self, knob: Device, meter: Device) -> None:
        self.knob, self.meter = knob, meter
        self.closed = False

    @property
    def kind(self) -> str:
        """The kind of the knob."""
        return self.knob.kind

    @property
    def unit(self) -> str:
        """Of a cap."""
        return self.knob.unit

    @property
    def emulated(self) -> bool:
        """Whether one of the two is."""
        return self.knob.emulated or self.meter.emulated

    @property
    def can_cap(self) -> bool:
        """Whether the knob can be set."""
        return self.knob.can_cap

    @property
    def can_read(self) -> bool:
        """Whether the meter can be read."""
        return self.meter.can_read

    @property
    def cap(self) -> float:
        """The cap in force."""
        return self.knob.cap

    @property
    def asked(self) -> float | None:
        """The cap that was last set; None for none."""
        return cap_set(self.knob)

    @property
    def cap_range(self) -> tuple[float, float]:
        """Lowest and highest cap."""
        return self.knob.cap_range

    @property
    def settings(self) -> list[float] | None:
        """The caps there are; None for all of the range."""
        return self.knob.settings

    @property
    def switch_cost(self) -> float:
        """Seconds of the caller's time that a change of the cap takes."""
        return self.knob.switch_cost

    @property
    def settle(self) -> float:
        """Seconds from a change of the cap until it acts."""
        return self.knob.settle

    @property
    def tick(self) -> float:
        """Seconds between two steps of the counter."""
        return self.meter.tick

    @property
    def parts(self) -> list[dict[str, Any]]:
        """What is known about the parts of the knob. Whether they can be read is the meter's."""
        lacks = [part["read_missing"] for part in _parts(self.meter) if not self.can_read]
        read = {"can_read": self.can_read, "read_missing": next(filter(None, lacks), None)}
        return [{**part, **read} for part in _parts(self.knob)]

    def set_cap(self, cap: float, /) -> None:
        """Set the knob."""
        self.knob.set_cap(cap)

    def release(self) -> None:
        """Have the knob give back what it found, until the next cap."""
        put_cap(self.knob, None)

    def energy(self) -> float | None:
        """Return the joules of the meter."""
        return self.meter.energy()

    def begin(self) -> None:
        """Say to both that work starts now."""
        self.knob.begin()
        self.meter.begin()

    def pace(self) -> None:
        """Say to both that the work is done."""
        self.knob.pace()
        self.meter.pace()

    def close(self) -> None:
        """Close both. The settings found are given back."""
        self.closed = True
        try:
            self.knob.close()
        finally:
            self.meter.close()


def _parts(device: Device) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = getattr(device, "parts", [])
    return parts


class Unmetered(Device):
    """Stands for a meter that could not be opened, and says why, once."""

    kind, can_cap, can_read = "unmetered", False, False
    cap, cap_range = math.nan, (math.nan, math.nan)

    def __init__(self, error: PowerError) -> None:
        self._error = error
        self._told = False

    @property
    def parts(self) -> list[dict[str, Any]]:
        """What is missing, as the one part."""
        error = self._error
        words = {"what": error.what, "why": error.why, "remedy": error.remedy}
        return [{"read_missing": {"errno": error.errno, **words}}]

    def set_cap(self, cap: float, /) -> None:
        """Do nothing: it only stands for a meter."""

    def energy(self) -> None:
        """Return None; the first time with a warning."""
        if not self._told:
            self._told = True
            error = self._error
            reason = sentence(error.what, error.why, error.remedy)
            warn(f"energy is not read: {reason}", PowerWarning)


def combine(knob: Device, meter: Device) -> Combined:
    """Make one device of two: it caps by one of them, and reads the other.

    Parameters
    ----------
    knob : device
        The one that caps. Its own meter is not read.
    meter : device
        The one that counts joules. It is never capped.

    Returns
    -------
    Combined
        A device. Closing it closes both.

    Examples
    --------
    >>> import alert
    >>> cpu = alert.power.open("emulated")
    >>> board = alert.power.open("emulated", idle_power=2.0)
    >>> with alert.power.combine(cpu, board) as device:
    ...     device.set_cap(10.0)
    ...     cpu.cap, board.cap
    (10.0, 25.0)
    """
    for name, device, wanted in (("knob", knob, "set_cap"), ("meter", meter, "energy")):
        if not hasattr(device, wanted):
            raise TypeError(f"{name}: expected an open device, got {type(device).__name__}")
    if isinstance(knob, Combined):
        knob.meter.close()
        knob = knob.knob
    return Combined(knob, meter)
