"""What running models asks of a power device: a knob to turn, and a meter to read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, TypeVar, runtime_checkable

_D = TypeVar("_D", bound="Device")


@runtime_checkable
class Knob(Protocol):
    """Something to set that changes how fast, and at what power, work runs.

    Its settings are called caps, whatever they limit: watts, gigahertz, threads. A higher cap makes
    work faster. What is not documented as a default is for a class of your own to say. A method
    `release()`, where there is one, lifts the cap; elsewhere the highest cap stands for none. An
    attribute `asked`, where there is one, is the cap that was last set, None for none.
    """

    @property
    def unit(self) -> str:
        """Of a cap; "W" by default."""
        return "W"

    @property
    def can_cap(self) -> bool:
        """Whether it can be set."""

    @property
    def cap(self) -> float:
        """The cap in force."""

    @property
    def cap_range(self) -> tuple[float, float]:
        """Lowest and highest cap."""

    @property
    def settings(self) -> list[float] | None:
        """The caps there are, ascending; None, the default, where all of the range is."""
        return None

    @property
    def switch_cost(self) -> float:
        """Seconds of the caller's time that a change of the cap takes; 0 by default."""
        return 0.0

    @property
    def settle(self) -> float:
        """Seconds from a change of the cap until the new one acts; 0 by default."""
        return 0.0

    def set_cap(self, cap: float, /) -> None:
        """Put a cap in force."""


@runtime_checkable
class Meter(Protocol):
    """Something that counts energy."""

    @property
    def can_read(self) -> bool:
        """Whether its energy can be read; True by default."""
        return True

    @property
    def tick(self) -> float:
        """Seconds between two steps of the counter; 0, the default, for a continuous one."""
        return 0.0

    def energy(self) -> float | None:
        """Return the joules drawn since the meter was opened; None where that cannot be read."""


@runtime_checkable
class Device(Knob, Meter, Protocol):
    """A power device: what `alert.Runner` and `alert.Profile.measure` take as ``power``.

    `open` returns one. A class of your own can be one, too; when it derives from this one, it has
    the defaults.

    Examples
    --------
    >>> import alert
    >>> class Board(alert.power.Device):
    ...     kind, can_cap, cap_range = "board", True, (5.0, 15.0)
    ...     cap, joules = 15.0, 0.0
    ...
    ...     def set_cap(self, cap, /):
    ...         self.cap = cap  # and tell the board
    ...
    ...     def energy(self):
    ...         return self.joules  # of the board's own meter
    >>> board = Board()
    >>> isinstance(board, alert.power.Knob), isinstance(board, alert.power.Meter)
    (True, True)
    >>> board.set_cap(10.0)
    >>> board.cap, board.energy(), board.settle
    (10.0, 0.0, 0.0)
    """

    @property
    def kind(self) -> str:
        """What it is: "rapl", "emulated", ..."""

    @property
    def emulated(self) -> bool:
        """Whether its caps and joules are computed rather than measured; False by default."""
        return False

    def begin(self) -> None:
        """Take note that work starts now. Does nothing by default."""
        return None

    def pace(self) -> None:
        """Take note that the work since `begin`, or since the last `pace`, is done.

        Does nothing by default. An emulated device returns when its cap would have let the work be
        done.
        """
        return None

    def close(self) -> None:
        """Give back every setting as it was found. Does nothing by default."""
        return None

    def __enter__(self: _D) -> _D:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.close()


def unit_of(device: Device) -> str:
    """Return the unit of the caps of a device; watts where it does not say."""
    return str(getattr(device, "unit", "W"))


def cap_or_none(cap: float) -> float | None:
    """Return a power cap of a profile as a decision has it: None for infinity, which is no cap."""
    return cap if math.isfinite(cap) else None


def put_cap(device: Device, cap: float | None) -> None:
    """Put a cap in force; for None, and for the infinity that stands for it, none."""
    if cap is not None and math.isfinite(cap):
        device.set_cap(cap)
    elif device.can_cap:
        release = getattr(device, "release", None)
        release() if release else device.set_cap(device.cap_range[1])


def cap_set(device: Device) -> float | None:
    """Return the cap that was last set, None for none; the one in force where only that is told."""
    cap: float | None = device.asked if hasattr(device, "asked") else device.cap
    return cap


def put_back(device: Device, found: float | None) -> None:
    """Put a cap in force again that `cap_set` returned, unless it is out of range by now."""
    if found is None or takes(device, found):
        put_cap(device, found)


def takes(device: Device, cap: float) -> bool:
    """Tell whether a cap lies in the range of the device, up to rounding."""
    low, high = device.cap_range
    return low * (1.0 - 1e-9) <= cap <= high * (1.0 + 1e-9)


def check_unit(unit: str, device: Device) -> None:
    """Raise ValueError for a profile with caps of another unit than those of the device."""
    if device.can_cap and unit != unit_of(device):
        raise ValueError(
            f"profile: expected power caps in {unit_of(device)}, as the {device.kind} device "
            f"takes, got {unit}"
        )


def check_caps(name: str, caps: Sequence[float], device: Device) -> None:
    """Raise ValueError for a power cap outside the range of the device. No cap is always in it.

    A device that cannot be capped has no range; it says so, and why, when a cap is set.
    """
    for j, cap in enumerate(caps):
        if device.can_cap and cap != math.inf and not takes(device, cap):
            low, high = device.cap_range
            raise ValueError(
                f"{name}[{j}]: expected {low:g} to {high:g} {unit_of(device)}, as the "
                f"{device.kind} device takes, got {cap!r}"
            )
