"""Measuring a profile: every model under every cap, until its median is precise enough."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alert import _progress
from alert._arguments import Floats
from alert.measuring import fingerprint
from alert.measuring.caps import caps_to_measure
from alert.measuring.models import Accuracies, MeasuredModel, measured_models
from alert.measuring.precision import Precision
from alert.measuring.stopwatch import Stopwatch
from alert.power.device import Device, borrowed
from alert.profile import Profile
from alert.running.models import Call, Models, inference_mode


def measure_profile(
    models: Models,
    example: Any,
    *,
    accuracy: Accuracies,
    power: str | Device,
    power_caps: ArrayLike | None,
    precision: Precision,
    settle: float | None,
    idle_seconds: float,
    idle_power: float | None,
    progress: bool,
    clock: Callable[[], float],
    sleep: Callable[[float], object],
) -> Profile:
    """Do the work of `alert.Profile.measure`, which describes the parameters."""
    measured = measured_models(models, accuracy)
    call = Call.of(example)
    with ExitStack() as stack:
        device = stack.enter_context(borrowed(power))
        caps = caps_to_measure(power_caps, device)
        total = len(caps) * len(measured)
        bar = stack.enter_context(_progress.bar(total, "configuration", shown=progress))
        stack.enter_context(inference_mode())
        stopwatch = Stopwatch(device, clock)
        if idle_power is None:
            idle_power = stopwatch.idle_power(idle_seconds, sleep)
        costs = np.empty((3, len(measured), len(caps)))  # latency, power, precision of the latency
        for j in reversed(range(len(caps))):  # full speed first: then the machine is warm
            device.set_cap(caps[j])
            seconds = device.settle if settle is None else settle
            stopwatch.run_for(seconds, measured[0], call)
            for i, model in enumerate(measured):
                bar.set_description(f"{model.name} under {caps[j]:g} W")
                costs[:, i, j] = stopwatch.measure(model, call, precision)
                bar.update()
        origin = {
            "machine": fingerprint.machine(),
            "power": device.kind,
            "emulated": device.emulated,
            "energy_read": not bool(np.isnan(costs[1]).any()),
            "precision": _finite(costs[2].max()),
        }
    latency, drawn, reached = costs
    if not origin["energy_read"]:
        drawn = np.broadcast_to(caps, latency.shape)
        _warn_of_energy(idle_power)
    _warn_of_precision(measured, caps, reached, precision)
    return Profile(
        latency=latency,
        power=drawn,
        accuracy=[model.accuracy[-1] for model in measured],
        power_caps=caps,
        idle_power=idle_power or 0.0,
        models=[model.name for model in measured],
        exits={i: model.exits() for i, model in enumerate(measured) if model.anytime},
        origin=origin,
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


# Warnings name the line that called Profile.measure: two levels above measure_profile.


def _warn_of_energy(idle_power: float | None) -> None:
    idle = "an idle power of 0 W" if idle_power is None else f"an idle power of {idle_power:g} W"
    warnings.warn(
        "the energy of this device cannot be read: the profile takes each power cap for the power "
        f"drawn under it, and {idle}; energies expected from it are upper bounds for the models",
        stacklevel=4,
    )


def _warn_of_precision(
    models: Sequence[MeasuredModel], caps: Sequence[float], reached: Floats, wanted: Precision
) -> None:
    missed = reached > wanted.share
    if missed.any():
        i, j = divmod(int(np.argmax(reached)), len(caps))
        warnings.warn(
            f"{missed.sum()} of {missed.size} medians are less precise than {wanted.share:g} "
            f"after {wanted.max_repeats} runs or {wanted.max_seconds:g} s; "
            f"worst {models[i].name} under {caps[j]:g} W: {reached[i, j]:.2g}",
            stacklevel=4,
        )
