"""A profile from a file, where the file fits; else a measured one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alert import _profile_files, files
from alert._arguments import Caps
from alert._text import cap_text, shown
from alert._warnings import warn
from alert.measuring.measure import measure_profile
from alert.measuring.models import Accuracies, MeasuredModel, measured_models
from alert.measuring.results import are_of
from alert.power.caps import caps_to_offer
from alert.power.device import Device
from alert.power.opening import borrowed
from alert.profile import Profile, differences_from_here
from alert.running.models import Models


def load_or_measure(
    path: Path,
    models: Models,
    example: Any,
    *,
    accuracy: Accuracies | None,
    power: str | Device,
    power_caps: Caps | None,
    **options: Any,
) -> Profile:
    """Do the work of `alert.Profile.load_or_measure`, which describes the parameters."""
    measured = measured_models(models, accuracy)
    found = _profile_files.read(Profile, path) if path.exists() else None
    with borrowed(power) as device:
        caps = None if power_caps is None else caps_to_offer(power_caps, device)
        if found is not None:
            stated = options.get("busy_power") is not None
            reason = _why_not(found, measured, device, caps, stated) or _why_not_of_sizes(
                found, options.get("size", 1.0), options.get("sizes") is not None
            )
            if reason is None:
                return found
            warn(f"{path} does not fit and is measured again: {reason}")
        files.check_writable(path)
        options.update(accuracy=accuracy, power=device, power_caps=caps)
        profile = measure_profile(models, example, **options)
    profile.save(path)
    return profile


def _why_not_of_sizes(found: Profile, size: float, asked: bool) -> str | None:
    if asked and found.fixed_share is None:
        return "it does not know how latency grows with the size, and sizes= asks for that"
    if found.size != size:
        return f"its latencies hold for inputs of size {found.size:g}"
    return None


def _why_not(
    found: Profile,
    models: Sequence[MeasuredModel],
    device: Device,
    caps: Sequence[float] | None,
    states_power: bool,
) -> str | None:
    """Say why a profile does not fit; None where it does."""
    if not are_of(models, found):
        return f"it is of the models {shown(found.models)} with other names or accuracies"
    if found.origin.get("power") != device.kind:
        return f"its power device is {shown(found.origin.get('power'))}, here {device.kind!r}"
    if caps is not None and not (
        len(caps) == len(found.power_caps) and np.allclose(found.power_caps, caps, rtol=1e-9)
    ):
        shown_caps = (cap_text(cap, found.unit) for cap in found.power_caps)
        return f"its power caps are {', '.join(shown_caps)}"
    if caps is None and device.can_cap and np.isinf(found.power_caps).all():
        return "it has no power caps, and this device sets some"
    if states_power and not found.knows_power:
        return "it has no power, and busy_power= states it"
    return "; ".join(differences_from_here(found)) or None
