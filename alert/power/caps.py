"""The power caps that are measured, or tried, where nobody names others."""

from __future__ import annotations

import math

import numpy as np

from alert._arguments import Caps, Floats
from alert._arguments import caps as as_caps
from alert.power.device import Device, check_caps, unit_of

# Power caps by default, evenly spaced over the range of the device.
_CAPS = 5


def caps_to_offer(power_caps: Caps | None, device: Device) -> list[float]:
    """Return the caps asked for, or by default some over the range of the device.

    The default is one cap where the device has only one, and no cap, which is infinite, where it
    cannot be capped.

    Raises
    ------
    ValueError, TypeError
        There are no caps, they are no numbers, they do not ascend, or one lies outside the range of
        the device. None are given, and the range of the device is unknown.
    OSError
        The device cannot be capped, and says why.
    """
    if power_caps is None:
        if not device.can_cap:
            return [math.inf]
        low, high = device.cap_range
        if math.isinf(high):
            raise ValueError(
                f"power_caps: expected numbers in {unit_of(device)}, got none{_why_unknown(device)}"
            )
        power_caps = _spread(low, high, device)
    row = np.atleast_1d(as_caps("power_caps", power_caps))
    if row.ndim > 1:
        raise ValueError(f"power_caps: expected one row of numbers, got the shape {row.shape}")
    caps: list[float] = row.tolist()
    if not caps:
        raise ValueError("power_caps: expected at least one, got none")
    check_caps("power_caps", caps, device)
    for j in range(1, len(caps)):
        if caps[j] <= caps[j - 1]:
            raise ValueError(
                f"power_caps[{j}]: expected strictly ascending numbers, got {caps[j]!r}"
            )
    return caps


def _spread(low: float, high: float, device: Device) -> Floats:
    """Return some caps, evenly spaced over the range, or over the settings there are."""
    settings = getattr(device, "settings", None)
    if settings:
        last = len(settings) - 1
        chosen = {round(place) for place in np.linspace(0, last, min(_CAPS, len(settings)))}
        return np.array(settings)[sorted(chosen)]
    return np.linspace(low, high, _CAPS) if high > low * (1.0 + 1e-9) else np.array([high])


def _why_unknown(device: Device) -> str:
    """Say why the highest cap of the device is unknown, as far as it tells."""
    lacks = [part.get("range_missing") for part in getattr(device, "parts", [])]
    return "".join(f"; {lack['what']}: {lack['why']}" for lack in lacks if lack)
