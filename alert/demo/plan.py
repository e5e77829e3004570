"""What the demonstration asks for, and who tries: all of it follows from the quiet profile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alert.goal import Goal
from alert.power.device import Device
from alert.profile import Profile

# Power caps, evenly spaced from this share of the highest cap up to it. Lower ones are slower than
# any deadline here allows.
_CAPS = 5
_LOWEST_CAP = 0.3

# The deadline, as a multiple of what the largest network takes at full power on the quiet machine:
# with as much work again beside it, and what is lost in sharing caches, many of its outputs are
# late. The middle one, at full power, is in time even then.
_DEADLINE = 2.25

# From one arrival to the next, in deadlines: an output that takes a third longer than allowed is
# still out before the next input comes.
_PERIOD = 1.4

# The accuracy asked for, as a share of the smallest network's: it is good enough by itself as long
# as no more than two outputs in a hundred are late. With every change of what runs beside it one
# or two are, and have to be made up for by larger networks while there is time for them.
_ACCURACY = 0.98


@dataclass(frozen=True)
class Scheme:
    """One way to choose: any scheduler, over the configurations it may choose from."""

    name: str
    profile: Profile


@dataclass(frozen=True)
class Plan:
    """The task, and the schemes that are compared on it."""

    goal: Goal
    period: float
    """Seconds between two arrivals."""
    schemes: tuple[Scheme, Scheme, Scheme]


def power_caps(device: Device) -> list[float]:
    """Return the caps to profile under: what lies well within the range of the device."""
    low, high = device.cap_range
    return [float(cap) for cap in np.linspace(max(low, _LOWEST_CAP * high), high, _CAPS)]


def make(profile: Profile) -> Plan:
    """Choose deadline, accuracy goal and period, and the two fixed schemes ALERT is compared with.

    The fixed ones are what a careful user picks without it. The first: the configuration of the
    least energy that meets deadline and accuracy by the profile. The second: the most accurate
    model under the highest cap.
    """
    largest = int(np.argmax(profile.accuracy))
    full = profile.latency.shape[1] - 1
    deadline = _DEADLINE * float(profile.latency[largest, full])
    goal = Goal.min_energy(deadline, _ACCURACY * float(profile.accuracy.min()))
    return Plan(
        goal=goal,
        period=_PERIOD * deadline,
        schemes=(
            Scheme("ALERT", profile),
            Scheme("cheapest by profile", only(profile, *cheapest(profile, goal))),
            Scheme("full power", only(profile, largest, full)),
        ),
    )


def cheapest(profile: Profile, goal: Goal) -> tuple[int, int]:
    """Return model and cap of the least energy, idle time included, that meets a goal if quiet.

    Raises
    ------
    ValueError
        No configuration meets it.
    """
    assert goal.accuracy is not None
    t = profile.latency
    good = (t <= goal.deadline) & (profile.accuracy[:, None] >= goal.accuracy)
    if not good.any():
        raise ValueError(f"goal: no configuration of {profile} meets {goal}")
    energy = profile.power * t + profile.idle_power * (goal.deadline - t)
    model, cap = np.unravel_index(np.argmin(np.where(good, energy, np.inf)), t.shape)
    return int(model), int(cap)


def only(profile: Profile, model: int, cap: int) -> Profile:
    """Return the profile of a single configuration: a scheduler over it has no choice."""
    return Profile(
        latency=profile.latency[model : model + 1, cap : cap + 1],
        power=profile.power[model : model + 1, cap : cap + 1],
        accuracy=profile.accuracy[model : model + 1],
        power_caps=profile.power_caps[cap : cap + 1],
        idle_power=profile.idle_power,
        models=profile.models[model : model + 1],
        origin=profile.origin,
        unit=profile.unit,
    )
