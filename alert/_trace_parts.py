"""The arrays of a trace: checks of what is given, and what fits single precision."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from alert._arguments import Floats, floats, grid, refuse
from alert.profile import Profile


def fits_single(array: Floats) -> bool:
    """Tell whether no number is too large or too small for single precision."""
    limits = np.finfo(np.float32)
    size = np.abs(array)
    fits = (size >= limits.tiny) & (size <= limits.max)
    return bool((fits | (array == 0.0) | np.isnan(array)).all())


def exit_times(
    profile: Profile, exits: Mapping[int, ArrayLike], latency: Floats
) -> dict[int, Floats]:
    if sorted(exits) != sorted(profile.exits):
        raise ValueError(
            f"exits: expected the times of the anytime models {sorted(profile.exits)}, "
            f"got {sorted(exits)}"
        )
    times = {}
    for model, outputs in profile.exits.items():
        name = f"exits[{model}]"
        n, _, caps = latency.shape
        seconds = grid(name, exits[model], (n, caps, len(outputs)))
        refuse(name, seconds[..., 0], seconds[..., 0] <= 0.0, "> 0")
        refuse(name, seconds, np.diff(seconds, prepend=0.0) < 0.0, "ascending seconds")
        last = seconds[..., -1]
        refuse(name, last, last != latency[:, model], "the latency of the last exit")
        times[model] = seconds
    return times


def accuracies(profile: Profile, given: ArrayLike, inputs: int) -> Floats:
    """Check the accuracy of every output on every input."""
    models = range(len(profile.models))
    outputs = sum(len(profile.exits[i]) if i in profile.exits else 1 for i in models)
    found = grid("accuracy", given, (inputs, outputs))
    refuse("accuracy", found, (found < 0.0) | (found > 1.0), "0 to 1")
    return found


def seen_by_models(given: Mapping[str, ArrayLike], shape: tuple[int, int]) -> dict[str, Floats]:
    """Check what each model saw in every input; NaN stands for nothing."""
    found = {}
    for name, what in given.items():
        array = floats(f"seen[{name!r}]", what)
        if array.shape != shape:
            raise ValueError(f"seen[{name!r}]: expected the shape {shape}, got {array.shape}")
        refuse(f"seen[{name!r}]", array, np.isinf(array), "a finite number or NaN")
        found[str(name)] = array
    return found
