"""A profile as a device can run it."""

from __future__ import annotations

import numpy as np

from alert.power.device import Device, check_caps, check_unit
from alert.profile import Profile
from alert.running import doubts


def fitted(profile: Profile, device: Device, opened: bool) -> Profile:
    """Return the profile, or where the device sets no caps that of its highest cap.

    Parameters
    ----------
    profile : Profile
    device : Device
    opened : bool
        The device has just been opened by its name; that has said what is missing.

    Raises
    ------
    ValueError
        A cap lies outside the range of the device, or the caps are in another unit.

    Warns
    -----
    UserWarning
        The profile has caps that the device does not set, or was measured elsewhere.
    """
    doubts.of_origin(profile, device)
    if not device.can_cap and np.isfinite(profile.power_caps).any():
        if not opened and device.kind != "none":
            doubts.of_caps(profile, device)
        profile = profile.without_caps()
    if np.isfinite(profile.power_caps).any():
        check_unit(profile.unit, device)
    check_caps("profile.power_caps", profile.power_caps.tolist(), device)
    return profile
