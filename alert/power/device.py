"""What running models asks of a power device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol


class Device(Protocol):
    """A power device, in watts, joules and seconds: as those of `alert.power` are."""

    @property
    def kind(self) -> str:
        """What it is: "rapl", "emulated", ..."""

    @property
    def emulated(self) -> bool:
        """Whether its caps and joules are computed rather than measured."""

    @property
    def can_cap(self) -> bool:
        """Whether its power can be capped."""

    @property
    def cap(self) -> float:
        """The power cap in force."""

    @property
    def cap_range(self) -> tuple[float, float]:
        """Lowest and highest power cap."""

    @property
    def switch_cost(self) -> float:
        """Of the caller's time, that a change of the cap takes."""

    @property
    def settle(self) -> float:
        """From a change of the cap until it acts."""

    @property
    def tick(self) -> float:
        """Between two steps of the energy counter; 0 for a continuous one."""

    def set_cap(self, watts: float, /) -> None:
        """Put a cap in force."""

    def energy(self) -> float | None:
        """Joules drawn since it was opened; None where that cannot be read."""

    def begin(self) -> None:
        """Hear that work starts."""

    def pace(self) -> None:
        """Hear that the work since `begin`, or since the last `pace`, is done.

        An emulated device returns when its cap would have let the work be done.
        """

    def close(self) -> None:
        """Give back every limit as it was found."""


def open_device(power: str | Device) -> Device:
    """Return a device itself, or open the one of that name."""
    if not isinstance(power, str):
        return power
    from alert.power import open as open_power

    return open_power(power)  # type: ignore[arg-type]  # which refuses unknown names


@contextmanager
def borrowed(power: str | Device) -> Iterator[Device]:
    """Open the device of that name for a while, or use an open one and put its cap back."""
    device = open_device(power)
    if device is not power:
        try:
            yield device
        finally:
            device.close()
        return
    found = device.cap
    try:
        yield device
    finally:
        if takes(device, found):
            device.set_cap(found)


def takes(device: Device, watts: float) -> bool:
    """Tell whether a power cap lies in the range of the device, up to rounding."""
    low, high = device.cap_range
    return low * (1.0 - 1e-9) <= watts <= high * (1.0 + 1e-9)


def check_caps(name: str, caps: Sequence[float], device: Device) -> None:
    """Raise ValueError for a power cap outside the range of the device.

    A device that cannot be capped has no range; it says so, and why, when a cap is set.
    """
    for j, cap in enumerate(caps):
        if device.can_cap and not takes(device, cap):
            low, high = device.cap_range
            raise ValueError(
                f"{name}[{j}]: expected {low:g} to {high:g} W, as the {device.kind} device takes, "
                f"got {cap!r}"
            )
