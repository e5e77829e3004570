"""What was measured, as a profile; and what was measured so far, where a measurement stops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alert.measuring.models import MeasuredModel
from alert.profile import Profile

# Outputs that came at the same time are that far apart in a profile, as shares of the latency.
_APART = 1e-8


def profile_of(
    models: Sequence[MeasuredModel],
    caps: Sequence[float],
    latency: ArrayLike,
    power: ArrayLike,
    idle_power: float | None,
    fractions: Mapping[int, Sequence[float]],
    origin: Mapping[str, Any],
) -> Profile:
    """Make the profile of some models under some caps.

    Parameters
    ----------
    models, caps, latency, power, idle_power, origin
        See `alert.Profile`; an idle power that is not known counts as zero.
    fractions : mapping
        For every anytime model, the shares of its latency after which its outputs were there.
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
    )


def rehearse(
    models: Sequence[MeasuredModel], caps: Sequence[float], idle_power: float | None
) -> Profile:
    """Make a profile of numbers that are made up, so that what does not fit is said beforehand.

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


def note(error: BaseException, text: str) -> None:
    """Add a line to what a traceback shows, where Python can (3.11)."""
    if hasattr(error, "add_note"):
        error.add_note(text)


def _ascending(fractions: Sequence[float]) -> list[float]:
    """Pull outputs apart that came at the same time, and let the last come at the end.

    A profile takes no fraction below 1e-9.
    """
    shares = [*fractions[:-1], 1.0]
    for k in reversed(range(len(shares) - 1)):
        shares[k] = min(shares[k], shares[k + 1] - _APART)
    return [max(share, (k + 1) * 1e-9) for k, share in enumerate(shares)]
