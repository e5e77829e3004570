"""Measuring a profile: every model under every cap, until its median is precise enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alert import _arguments, _progress
from alert._arguments import Caps, Floats
from alert._text import under_cap
from alert._warnings import warn
from alert.measuring import fingerprint
from alert.measuring.models import Accuracies, MeasuredModel, measured_models
from alert.measuring.precision import Precision
from alert.measuring.results import note, profile_of, rehearse
from alert.measuring.sizes import examples_of, fixed_shares
from alert.measuring.stopwatch import Stopwatch
from alert.power.caps import caps_to_offer
from alert.power.device import Device, put_cap, unit_of
from alert.power.opening import borrowed
from alert.profile import Profile
from alert.running.models import Models, repeatable, warn_of_training
from alert.running.models import inference_mode as mode


def measure_profile(
    models: Models,
    example: Any,
    *,
    accuracy: Accuracies | None,
    power: str | Device,
    power_caps: Caps | None,
    precision: Precision,
    settle: float | None,
    idle_seconds: float,
    idle_power: float | None,
    busy_power: float | None,
    size: float,
    sizes: Mapping[float, Any] | None,
    inference_mode: bool,
    progress: bool,
    clock: Callable[[], float],
    sleep: Callable[[float], object],
) -> Profile:
    """Do the work of `alert.Profile.measure`, which describes the parameters."""
    measured = measured_models(models, accuracy)
    warn_of_training([model.name for model in measured], [model.model for model in measured])
    call = repeatable("example", example)
    size = _arguments.at_least("size", size, 1e-9)
    others = examples_of(sizes, size)
    settle = None if settle is None else _arguments.seconds("settle", settle)
    idle_seconds = _arguments.seconds("idle_seconds", idle_seconds)
    _arguments.instance("clock", clock, Callable, "a callable")
    _arguments.instance("sleep", sleep, Callable, "a callable")
    if idle_power is not None:
        idle_power = _arguments.at_least("idle_power", idle_power, 0.0)
    if busy_power is not None:
        busy_power = _arguments.at_least("busy_power", busy_power, 1e-12)
    with ExitStack() as stack:
        device = stack.enter_context(borrowed(power))
        caps = caps_to_offer(power_caps, device)
        rehearse(measured, caps, idle_power)
        total = (len(caps) + len(others)) * len(measured)
        bar = stack.enter_context(_progress.bar(total, "configuration", shown=progress))
        stack.enter_context(mode(inference_mode))
        stopwatch = Stopwatch(device, clock)
        stand_in = [busy_power or _watts_under(cap, device) for cap in caps]
        result = _Result(
            *(measured, caps, stand_in, idle_power, precision),
            *(device.kind, device.emulated, unit_of(device)),
            *(size, list(others), getattr(models, "estimated", False)),
        )
        try:
            if idle_power is None:
                result.idle_power = stopwatch.idle_power(idle_seconds, sleep)
            for j in reversed(range(len(caps))):  # full speed first: then the machine is warm
                put_cap(device, caps[j])
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
                    bar.set_description(f"{model.name} {under_cap(caps[j], result.unit)}")
                    result.costs[:, i, j] = stopwatch.measure(model, call, wanted)
                    bar.update()
                    for k, other in enumerate(others.values() if j == len(caps) - 1 else ()):
                        bar.set_description(f"{model.name}, size {result.sizes[k]:g}")
                        result.grown[i, k] = stopwatch.latency(model, other, precision)
                        bar.update()
        except BaseException as error:
            result.keep(error)
            raise
    return result.profile()


def _watts_under(cap: float, device: Device) -> float:
    """Return the most that is drawn under a power cap; NaN where the caps do not tell."""
    if unit_of(device) != "W":
        return math.nan
    if math.isfinite(cap):
        return cap
    high = device.cap_range[1] if device.can_cap else math.nan
    return high if math.isfinite(high) else math.nan


@dataclass
class _Result:
    """Costs of the configurations that have been measured."""

    models: list[MeasuredModel]
    caps: list[float]
    stand_in: list[float]  # watts under each cap where none were counted; NaN where unknown
    idle_power: float | None
    precision: Precision
    kind: str
    emulated: bool
    unit: str  # of the caps
    size: float  # of the example
    sizes: list[float]  # of further examples
    estimated: bool  # accuracies
    has_run: bool = False  # a model
    costs: Floats = field(init=False)  # latency, power, precision of the latency; NaN: none yet
    grown: Floats = field(init=False)  # latency at the other sizes, under the highest cap

    def __post_init__(self) -> None:
        self.costs = np.full((3, len(self.models), len(self.caps)), math.nan)
        self.grown = np.full((len(self.models), len(self.sizes)), math.nan)

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
        precision = float(reached.max())
        chosen = [self.models[i] for i in models]
        missing, drawn = self._drawn(power, [self.stand_in[j] for j in caps])
        return profile_of(
            chosen,
            [self.caps[j] for j in caps],
            latency,
            drawn,
            self.idle_power,
            {i: model.fractions_of_exits() for i, model in enumerate(chosen) if model.anytime},
            {
                "machine": fingerprint.machine(),
                "power": self.kind,
                "emulated": self.emulated,
                "energy_read": not bool(missing.any()),
                "precision": precision if math.isfinite(precision) else None,
                **({"accuracy": "estimated"} if self.estimated else {}),
            },
            self.unit,
            self._fixed_shares(models),
            self.size,
        )

    def _fixed_shares(self, models: Sequence[int] | Any) -> Floats | None:
        """Fit how latency grows with the size; None where too little was measured for that."""
        grown = self.grown[models]
        if grown.size == 0 or np.isnan(grown).any():
            return None
        names = [self.models[i].name for i in models]
        return fixed_shares(names, self.costs[0, models, -1], grown, self.sizes, self.size)

    @staticmethod
    def _drawn(power: Floats, stand_in: list[float]) -> tuple[NDArray[np.bool_], Floats | None]:
        """Fill in watts where none were counted: where, and all watts; None where none are known.

        The most that was counted stands in where nothing else does.
        """
        missing = ~(power > 0.0)  # of NaN, too
        most = np.max(power, where=~missing, initial=0.0) or math.nan
        watts = np.where(missing, np.nan_to_num(stand_in, nan=most), power)
        return missing, None if np.isnan(watts).any() else watts

    def _warn_of_energy(self) -> None:
        missing, drawn = self._drawn(self.costs[1], self.stand_in)
        if not missing.any() or self.kind == "none":
            return
        i, j = np.argwhere(missing)[0]
        if drawn is None:
            warn(
                "the energy of this device cannot be read, and the profile has no power: "
                "busy_power= states it"
            )
        elif missing.all():
            idle = f"an idle power of {self.idle_power or 0.0:g} W"
            warn(
                "the energy of this device cannot be read: the profile takes busy_power=, or each "
                f"power cap, for the power drawn under it, and {idle}; energies expected from caps "
                "are upper bounds for the models"
            )
        else:
            warn(
                f"no energy was counted for {missing.sum()} of {missing.size} configurations, "
                f"{self._name(i, j)} among them: the profile takes "
                "busy_power=, the power cap, or the most that was counted for the power drawn "
                "there; measure longer: max_seconds="
            )

    def _name(self, i: int, j: int) -> str:
        return f"{self.models[i].name} {under_cap(self.caps[j], self.unit)}"

    def _warn_of_precision(self) -> None:
        reached, wanted = self.costs[2], self.precision
        missed = reached > wanted.share
        if missed.any():
            i, j = divmod(int(np.argmax(reached)), len(self.caps))
            warn(
                f"{missed.sum()} of {missed.size} medians are less precise than {wanted.share:g} "
                f"after {wanted.max_repeats} runs or {wanted.max_seconds:g} s; "
                f"worst {self._name(i, j)}: {reached[i, j]:.2g}; measure on an idle machine, or "
                "longer: max_seconds="
            )
