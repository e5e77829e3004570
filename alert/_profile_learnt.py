"""Profiles that are learnt while serving: the guess at first, and what is known later."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alert import _core
from alert._arguments import Caps, Floats, caps, grid, number, refuse, seconds
from alert._profile_arguments import Exits
from alert._text import shown

if TYPE_CHECKING:
    from alert.profile import Profile

# Latency falls with this power of a cap, at first: what a cap of the package does to networks.
_EXPONENT = 0.6

NO_NUMBERS: Floats = np.empty(0)
"""Of a guess: nothing has been learnt yet."""


def guess(
    kind: type[Profile],
    accuracy: ArrayLike,
    size: ArrayLike | None,
    power_caps: Caps | None,
    idle_power: float,
    busy_power: float | None,
    latency: float,
    models: Sequence[str] | None,
    exits: Exits | None,
    origin: Mapping[str, Any],
    unit: str,
) -> Profile:
    """Do the work of `alert.Profile.guess`, which describes the parameters."""
    reached = grid("accuracy", accuracy, (None,))
    if len(reached) == 0:
        raise ValueError("accuracy: expected at least one model, got none")
    sizes = _sizes(size, len(reached))
    offered = caps("power_caps", [None] if power_caps is None else power_caps)
    if offered.ndim != 1 or len(offered) == 0:
        raise ValueError(f"power_caps: expected a row of numbers, got {shown(power_caps)}")
    refuse("power_caps", offered, ~(offered > 0.0), "a number > 0")
    slower = _slower(offered)
    longest = seconds("latency", latency, above_zero=True)
    if busy_power is None and unit == "W" and not np.isinf(offered[0]):
        busy_power = float(offered[np.isfinite(offered)][-1])
    if busy_power is not None and not 0.0 < number("busy_power", busy_power) < math.inf:
        raise ValueError(f"busy_power: expected watts > 0, got {shown(busy_power)}")
    watts = None if busy_power is None else np.outer(np.ones(len(sizes)), busy_power / slower)
    return kind(
        latency=longest * np.outer(sizes / sizes.max(), slower**_EXPONENT),
        power=watts,
        accuracy=reached,
        power_caps=offered,
        idle_power=idle_power,
        models=models,
        exits=exits,
        origin={**origin, "learnt": _tally(np.zeros((len(sizes), len(offered))))},
        unit=unit,
        spread=_spread(len(sizes), slower),
    )


def known(profile: Profile, found: tuple[Floats, Floats, Floats, NDArray[Any], Floats]) -> Profile:
    """Return the profile as it is known by now, of what `_core.Scheduler._known` found."""
    latency, power, spread, runs, numbers = found
    shape = profile.latency.shape
    return profile._with(
        latency=latency.reshape(shape),
        power=power.reshape(shape) if profile.knows_power else None,
        spread=spread.reshape(shape),
        origin={**profile.origin, "learnt": _tally(runs)},
    )._going_on_from(numbers)


def configurations_run(profile: Profile) -> tuple[int, int] | None:
    """Return how many configurations of a learnt profile have run, and of how many."""
    if profile.spread is None:
        return None
    tally = profile.origin.get("learnt")  # of a file, anything
    run = tally.get("run") if isinstance(tally, dict) else 0
    return (run if isinstance(run, int) else 0), profile.latency.size


def settled(profile: Profile) -> Profile:
    """Return a profile that is served from as it is: what was learnt counts as measured.

    Raises
    ------
    ValueError
        Nothing has been learnt yet.
    """
    found = configurations_run(profile)
    if found is None:
        return profile
    if found[0] == 0:
        raise ValueError(f"profile: expected a measured profile, or a learnt one, got {profile}")
    return profile._with(spread=None)


def label(profile: Profile) -> str:
    """Tell in a few words how much of a profile has been learnt; nothing of a measured one."""
    found = configurations_run(profile)
    if found is None:
        return ""
    run, configurations = found
    return f", learnt: {run} of {configurations} configurations run" if run else ", a guess"


def _sizes(size: ArrayLike | None, count: int) -> Floats:
    """Return the relative sizes of the models."""
    if size is None:
        return np.ones(count)
    sizes = grid("size", size, (None,))
    if len(sizes) != count:
        raise ValueError(f"size: expected {count} numbers, one for each model, got {len(sizes)}")
    refuse("size", sizes, ~((sizes >= 1e-9) & (sizes <= 1e18)), "a number from 1e-9 to 1e18")
    return sizes


def _slower(offered: Floats) -> Floats:
    """Return for each cap how many times the highest finite one exceeds it; 1 for no cap."""
    finite = offered[np.isfinite(offered)]
    ratio: Floats = np.ones(len(offered))
    ratio[: len(finite)] = finite[-1:] / finite
    return ratio


def _spread(models: int, slower: Floats) -> Floats:
    """Return the deviation of the logarithm of each guessed latency."""
    c = _core.constants("calibrated")
    lean = c["table_exponent"] * np.log(slower)
    row = np.sqrt(c["table_scale"] ** 2 + c["table_size"] ** 2 + c["table_cap"] ** 2 + lean**2)
    spread: Floats = np.tile(row, (models, 1))
    return spread


def _tally(runs: NDArray[Any]) -> dict[str, int]:
    return {"inputs": int(runs.sum()), "run": int((runs > 0).sum())}
