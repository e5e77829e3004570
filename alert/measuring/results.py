"""Profiles of measurements, also of those that stopped before their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alert.measuring.models import MeasuredModel
from alert.profile import Profile

# Distance in a profile between outputs that came at the same time, as a share of the latency.
_APART = 1e-8


def profile_of(
    models: Sequence[MeasuredModel],
    caps: Sequence[float],
    latency: ArrayLike,
    power: ArrayLike | None,
    idle_power: float | None,
    fractions: Mapping[int, Sequence[float]],
    origin: Mapping[str, Any],
    unit: str = "W",
    fixed_share: ArrayLike | None = None,
    size: float = 1.0,
) -> Profile:
    """Make the profile of some models under some caps.

    Parameters
    ----------
    models, caps, latency, power, idle_power, origin, unit, fixed_share, size
        See `alert.Profile`; an unknown idle power counts as zero.
    fractions : mapping
        For every anytime model, the shares of its latency after which its outputs came.
    """
    return Profile(
        latency=latency,
        power=power,
        accuracy=[model.accuracy[-1] for model in models],
        power_caps=caps,
        idle_power=0.0 if idle_power is None else idle_power,
        models=[model.name for model in models],
        exits={
            i: list(zip(_ascending(shares), models[i].accuracy, strict=True))
            for i, shares in fractions.items()
        },
        origin=origin,
        unit=unit,
        fixed_share=fixed_share,
        size=size,
    )


def rehearse(
    models: Sequence[MeasuredModel], caps: Sequence[float], idle_power: float | None
) -> Profile:
    """Make a profile of invented numbers, so that mistakes are found before the measurement.

    Raises
    ------
    ValueError, TypeError
        A name, an accuracy, a cap or the idle power does not fit into a profile.
    """
    ones = np.ones((len(models), len(caps)))
    fractions = {
        i: np.linspace(0.0, 1.0, len(model.accuracy) + 1)[1:].tolist()
        for i, model in enumerate(models)
        if model.anytime
    }
    return profile_of(models, caps, ones, ones, idle_power, fractions, {})


def are_of(models: Sequence[MeasuredModel], profile: Profile) -> bool:
    """Tell whether a profile is of these models, exits and accuracies."""
    exits = {i: [reached for _, reached in pairs] for i, pairs in profile.exits.items()}
    return (
        [model.name for model in models] == list(profile.models)
        and [model.accuracy[-1] for model in models] == profile.accuracy.tolist()
        and {i: model.accuracy for i, model in enumerate(models) if model.anytime} == exits
    )


def note(error: BaseException, text: str) -> None:
    """Add a line to the traceback of an error, from Python 3.11 on."""
    if hasattr(error, "add_note"):
        error.add_note(text)


def _ascending(fractions: Sequence[float]) -> list[float]:
    """Move outputs apart that came at the same time, and the last one to the end.

    A profile takes no fraction below 1e-9.
    """
    shares = [*fractions[:-1], 1.0]
    for k in reversed(range(len(shares) - 1)):
        shares[k] = min(shares[k], shares[k + 1] - _APART)
    return [max(share, (k + 1) * 1e-9) for k, share in enumerate(shares)]
