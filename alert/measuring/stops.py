"""Where inputs leave anytime models: the share of each exit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from alert import _arguments
from alert._arguments import Floats
from alert.profile import Profile
from alert.running.models import Call, Models, check_output, in_order, outputs, too_few_exits
from alert.running.models import inference_mode as mode


def exit_shares(
    profile: Profile,
    models: Models,
    inputs: Iterable[Any],
    stop: Callable[[Any], bool],
    inference_mode: bool,
) -> dict[int, Floats]:
    """Do the work of `alert.Profile.with_stop`, which describes the parameters."""
    _arguments.instance("inputs", inputs, Iterable, "an iterable of inputs")
    _arguments.instance("stop", stop, Callable, "a callable")
    if not profile.exits:
        raise ValueError(f"profile: expected anytime models, got {profile}")
    offered = in_order(models, profile.models)
    left = {i: np.zeros(len(exits)) for i, exits in profile.exits.items()}
    with mode(inference_mode):
        for x in inputs:
            for i, shares in left.items():
                returned = Call.of(x)(offered[i])
                shares[_left_at(profile.models[i], returned, len(shares), stop)] += 1.0
    if not next(iter(left.values())).any():
        raise ValueError("inputs: expected at least one input, got none")
    return {i: shares / shares.sum() for i, shares in left.items()}


def _left_at(name: str, returned: Any, exits: int, stop: Callable[[Any], bool]) -> int:
    """Return the exit where an input leaves: the first sure one, or the last."""
    reached = -1
    try:
        for output in outputs(name, returned):
            check_output(name, output)
            reached += 1
            if reached + 1 == exits or stop(output):
                return reached
    finally:
        if hasattr(returned, "close"):
            returned.close()
    raise too_few_exits(name, reached + 1, exits)
