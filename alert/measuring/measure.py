"""Measuring a profile: every model under every cap, until its median is precise enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alert import _arguments, _progress
from alert._arguments import Floats
from alert._warnings import warn
from alert.measuring import fingerprint
from alert.measuring.caps import caps_to_measure
from alert.measuring.models import Accuracies, MeasuredModel, measured_models
from alert.measuring.precision import Precision
from alert.measuring.results import note, profile_of, rehearse
from alert.measuring.stopwatch import Stopwatch
from alert.power.device import Device, borrowed
from alert.profile import Profile
from alert.running.models import Models, repeatable, warn_of_training
from alert.running.models import inference_mode as mode


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
    inference_mode: bool,
    progress: bool,
    clock: Callable[[], float],
    sleep: Callable[[float], object],
) -> Profile:
    """Do the work of `alert.Profile.measure`, which describes the parameters."""
    measured = measured_models(models, accuracy)
    warn_of_training([model.name for model in measured], [model.model for model in measured])
    call = repeatable("example", example)
    settle = None if settle is None else _arguments.seconds("settle", settle)
    idle_seconds = _arguments.seconds("idle_seconds", idle_seconds)
    _arguments.instance("clock", clock, Callable, "a callable")
    _arguments.instance("sleep", sleep, Callable, "a callable")
    if idle_power is not None:
        idle_power = _arguments.at_least("idle_power", idle_power, 0.0)
    with ExitStack() as stack:
        device = stack.enter_context(borrowed(power))
        caps = caps_to_measure(power_caps, device)
        rehearse(measured, caps, idle_power)
        total = len(caps) * len(measured)
        bar = stack.enter_context(_progress.bar(total, "configuration", shown=progress))
        stack.enter_context(mode(inference_mode))
        stopwatch = Stopwatch(device, clock)
        result = _Result(measured, caps, idle_power, precision, device.kind, device.emulated)
        try:
            if idle_power is None:
                result.idle_power = stopwatch.idle_power(idle_seconds, sleep)
            for j in reversed(range(len(caps))):  # full speed first: then the machine is warm
                device.set_cap(caps[j])
                wanted = precision
                if j == len(caps) - 1 and precision.warmup:
                    for model in measured:  # so that all that fails does so now
                        compiles = ", compiles" if model.is_compiled else ""
                        bar.set_description(f"{model.name}, first run{compiles}")
                        stopwatch.run(model, call)
                        result.has_run = True
                    wanted = replace(precision, warmup=precision.warmup - 1)
                stopwatch.run_for(device.settle if settle is None else settle, measured[0], call)
                for i, model in enumerate(measured):
                    bar.set_description(f"{model.name} under {caps[j]:g} W")
                    result.costs[:, i, j] = stopwatch.measure(model, call, wanted)
                    bar.update()
        except BaseException as error:
            result.keep(error)
            raise
    return result.profile()


@dataclass
class _Result:
    """Costs of the configurations that have been measured."""

    models: list[MeasuredModel]
    caps: list[float]
    idle_power: float | None
    precision: Precision
    kind: str
    emulated: bool
    has_run: bool = False  # a model
    costs: Floats = field(init=False)  # latency, power, precision of the latency; NaN: none yet

    def __post_init__(self) -> None:
        self.costs = np.full((3, len(self.models), len(self.caps)), math.nan)

    def profile(self) -> Profile:
        """Return all of it, and warn of what could not be measured well."""
        self._warn_of_energy()
        self._warn_of_precision()
        return self._part(range(len(self.models)), range(len(self.caps)))

    def keep(self, error: BaseException) -> None:
        """Attach the profile of what was measured so far to an exception that ends it.

        That is all models under the caps that are complete, or some models under the first cap.
        """
        done = np.isfinite(self.costs[0])
        if isinstance(error, Exception) and self.has_run:
            note(error, "the models had run with this example before: does one of them change it?")
        if not done.any():
            return
        models, caps = np.arange(len(self.models)), np.flatnonzero(done.all(axis=0))
        if len(caps) == 0:
            models, caps = np.flatnonzero(done[:, -1]), np.array([len(self.caps) - 1])
        error.profile = self._part(models, caps)  # type: ignore[attr-defined]
        note(
            error,
            f"{done.sum()} of {done.size} configurations were measured; the attribute `profile` of "
            f"this exception holds {len(models) * len(caps)} of them",
        )

    def _part(self, models: Sequence[int] | Any, caps: Sequence[int] | Any) -> Profile:
        """Return the profile of some models under some caps."""
        latency, power, reached = self.costs[:, models][:, :, caps]
        missing = ~(power > 0.0)  # of NaN, too
        precision = float(reached.max())
        chosen, watts = [self.models[i] for i in models], [self.caps[j] for j in caps]
        return profile_of(
            chosen,
            watts,
            latency,
            np.where(missing, watts, power),
            self.idle_power,
            {i: model.fractions_of_exits() for i, model in enumerate(chosen) if model.anytime},
            {
                "machine": fingerprint.machine(),
                "power": self.kind,
                "emulated": self.emulated,
                "energy_read": not bool(missing.any()),
                "precision": precision if math.isfinite(precision) else None,
            },
        )

    def _warn_of_energy(self) -> None:
        missing = ~(self.costs[1] > 0.0)
        if missing.all():
            idle = f"an idle power of {self.idle_power or 0.0:g} W"
            warn(
                "the energy of this device cannot be read: the profile takes each power cap for "
                f"the power drawn under it, and {idle}; energies expected from it are upper bounds "
                "for the models"
            )
        elif missing.any():
            i, j = np.argwhere(missing)[0]
            warn(
                f"no energy was counted for {missing.sum()} of {missing.size} configurations, "
                f"{self.models[i].name} under {self.caps[j]:g} W among them: the profile takes the "
                "power cap for the power drawn there"
            )

    def _warn_of_precision(self) -> None:
        reached, wanted = self.costs[2], self.precision
        missed = reached > wanted.share
        if missed.any():
            i, j = divmod(int(np.argmax(reached)), len(self.caps))
            warn(
                f"{missed.sum()} of {missed.size} medians are less precise than {wanted.share:g} "
                f"after {wanted.max_repeats} runs or {wanted.max_seconds:g} s; "
                f"worst {self.models[i].name} under {self.caps[j]:g} W: {reached[i, j]:.2g}"
            )
