"""Warnings before the first input: arguments of a runner that may be mistakes."""

from __future__ import annotations

import math

import numpy as np

from alert._text import cap_text, shown
from alert._warnings import warn
from alert.goal import Goal
from alert.power.device import Device
from alert.profile import Profile, differences_from_here

# A deadline of so many times the latency of the slowest configuration may be a mistake. So may one
# that the fastest configuration takes so many times.
_TOO_LONG = 100.0
_TOO_SHORT = 20.0


def of_deadline(goal: Goal, profile: Profile) -> None:
    """Warn of a deadline, or of latencies, that may be in milliseconds."""
    slowest, fastest = float(profile.latency.max()), float(profile.latency.min())
    if fastest >= _TOO_SHORT * goal.deadline and profile.spread is None:  # no mere guess
        warn(
            f"the fastest model of the profile takes {fastest:g} s, {fastest / goal.deadline:.0f} "
            f"times the deadline of {goal.deadline:g} s: latencies and deadlines are in seconds"
        )
    if _TOO_LONG * slowest <= goal.deadline < math.inf:
        warn(
            f"the deadline of {goal.deadline:g} s is {goal.deadline / slowest:.0f} times as long "
            f"as the slowest model of the profile takes ({slowest:g} s): deadlines are in seconds"
        )


def of_caps(profile: Profile, device: Device) -> None:
    """Warn of a profile with power caps that the device does not set."""
    warn(
        f"the profile has power caps, and this {device.kind} device sets none: models alone are "
        f"chosen, by the latencies under {cap_text(float(profile.power_caps[-1]), profile.unit)}; "
        "measure a profile with this device"
    )


def of_origin(profile: Profile, device: Device) -> None:
    """Warn of a profile that was measured on another kind of device or another machine."""
    kind = profile.origin.get("power")
    # Where neither side has caps, latencies fit; and the one without a meter has no watts.
    is_plain = "none" in (kind, device.kind) and bool(np.isinf(profile.power_caps).all())
    if isinstance(kind, str) and kind != device.kind and not (is_plain and not device.can_cap):
        warn(
            f"the profile was measured with power {shown(kind)} and runs with power "
            f"{device.kind!r}: its watts and its caps may not fit; measure it with the device that "
            "you run with"
        )
    if differences := differences_from_here(profile):
        warn(
            f"the profile was measured on another machine: {'; '.join(differences)}; measure it "
            "here again"
        )
