"""Recording a trace: every configuration, input by input, while the environment changes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alert import _progress
from alert._arguments import Floats
from alert.measuring import fingerprint
from alert.measuring.caps import caps_to_measure
from alert.measuring.models import Accuracies, MeasuredModel, measured_models
from alert.measuring.precision import relative_precision
from alert.measuring.stopwatch import Stopwatch
from alert.power.device import Device, borrowed
from alert.profile import Profile
from alert.running.models import Call, Models, inference_mode
from alert.trace import Trace

# Share by which a median of the quiet phases may differ from the profile without a warning.
_NOT_QUIET = 0.25

# Runs of every configuration before those that count.
_WARMUP = 3


def record_trace(
    models: Models,
    inputs: Sequence[Any],
    *,
    accuracy: Accuracies,
    power: str | Device,
    power_caps: ArrayLike | None,
    schedule: Sequence[str] | None,
    switch: Callable[[Any], object] | None,
    group: ArrayLike | None,
    profiled: int,
    after: Trace | None,
    task: str,
    environment: str,
    seed: int,
    idle_seconds: float,
    progress: bool,
    clock: Callable[[], float],
    sleep: Callable[[float], object],
) -> Trace:
    """Do the work of `alert.Trace.record`, which describes the parameters."""
    measured = measured_models(models, accuracy)
    environments = _environments(len(inputs), schedule, switch)
    if after and not _are_of(measured, after.profile):
        raise ValueError(
            f"after: expected a trace of these models, with their accuracy, got {after}"
        )
    if profiled < 1:
        raise ValueError(f"profiled: expected at least 1, got {profiled}")
    phases = tuple(dict.fromkeys(["quiet", *(after.phases if after else ()), *environments]))
    with ExitStack() as stack:
        device = stack.enter_context(borrowed(power))
        caps = caps_to_measure(after.profile.power_caps if after else power_caps, device)
        total = _WARMUP + (0 if after else profiled) + len(inputs)
        bar = stack.enter_context(_progress.bar(total, "input", shown=progress))
        stack.enter_context(inference_mode())
        stopwatch = Stopwatch(device, clock)
        recorder = _Recorder(stopwatch, measured, caps, np.random.default_rng(seed), bar)
        recorder.laps([inputs[0]] * _WARMUP)
        if after:
            profile = after.profile
        else:
            bar.set_description("profile")
            idle_power = stopwatch.idle_power(idle_seconds, sleep)
            quiet = recorder.laps([inputs[t % len(inputs)] for t in range(profiled)])
            profile = _profile(quiet, measured, caps, idle_power, device)
        if switch is not None:
            stack.callback(switch, "quiet")
        recorded = recorder.laps(inputs, environments, switch)
    fresh = Trace(
        profile,
        recorded.latency,
        recorded.joules,
        exits={i: recorded.seconds[i] for i in profile.exits},
        phase=[phases.index(name) for name in environments],
        phases=phases,
        group=group,
        task=task,
        environment=environment,
        seed=seed,
        origin=profile.origin,
    )
    _warn_if_not_quiet(fresh)
    return after.followed_by(fresh) if after else fresh


def _environments(
    inputs: int, schedule: Sequence[str] | None, switch: Callable[[Any], object] | None
) -> list[str]:
    """List the environment of every input."""
    environments = ["quiet"] * inputs if schedule is None else list(schedule)
    if inputs == 0:
        raise ValueError("inputs: expected at least one, got none")
    if len(environments) != inputs:
        raise ValueError(
            f"schedule: expected one for each of {inputs} inputs, got {len(environments)}"
        )
    if switch is None and set(environments) != {"quiet"}:
        raise ValueError("switch: needed where the schedule holds more than 'quiet'")
    return environments


def _warn_if_not_quiet(trace: Trace) -> None:
    """Compare the quiet phases with the profile."""
    quiet = trace.slowdown[trace.phase == trace.phases.index("quiet")]
    if len(quiet) == 0:
        return
    typical = np.median(quiet, axis=0)
    if np.abs(np.log(typical)).max() > np.log1p(_NOT_QUIET):
        warnings.warn(
            "something else ran meanwhile: in the quiet phases the configurations took "
            f"{typical.min():.2f} to {typical.max():.2f} times as long as in the profile",
            stacklevel=4,
        )


def _are_of(models: Sequence[MeasuredModel], profile: Profile) -> bool:
    """Tell whether a profile is of these models, exits and accuracies."""
    exits = {i: [reached for _, reached in pairs] for i, pairs in profile.exits.items()}
    return (
        [model.name for model in models] == list(profile.models)
        and [model.accuracy[-1] for model in models] == profile.accuracy.tolist()
        and {i: model.accuracy for i, model in enumerate(models) if model.anytime} == exits
    )


class _Laps:
    """Costs of every configuration for n inputs."""

    def __init__(self, n: int, models: Sequence[MeasuredModel], caps: int) -> None:
        self.seconds = [np.empty((n, caps, len(m.accuracy))) for m in models]  # to every exit
        self.joules = np.empty((n, len(models), caps))

    @property
    def latency(self) -> Floats:
        """Seconds to the last exit, shape (n, N, M)."""
        return np.stack([seconds[..., -1] for seconds in self.seconds], axis=1)


@dataclass
class _Recorder:
    """Runs every configuration for every input."""

    stopwatch: Stopwatch
    models: list[MeasuredModel]
    caps: list[float]
    rng: np.random.Generator
    bar: Any

    def laps(
        self,
        inputs: Sequence[Any],
        environments: Sequence[str] = (),
        switch: Callable[[Any], object] | None = None,
    ) -> _Laps:
        """Run all inputs, each in the environment that `switch` makes for it."""
        laps = _Laps(len(inputs), self.models, len(self.caps))
        now = "quiet"
        for t, x in enumerate(inputs):
            if switch is not None and environments[t] != now:
                now = environments[t]
                switch(now)
                self.bar.set_description(now)
            self._lap(laps, t, Call.of(x))
            self.bar.update()
        return laps

    def _lap(self, laps: _Laps, t: int, call: Call) -> None:
        """Run the configurations of one input in random order."""
        stopwatch, device = self.stopwatch, self.stopwatch.device
        for j in self.rng.permutation(len(self.caps)):
            device.set_cap(self.caps[j])
            stopwatch.run_for(device.settle, self.models[0], call)
            for i in self.rng.permutation(len(self.models)):
                before = device.energy()
                times = stopwatch.run(self.models[i], call)
                after = device.energy()
                laps.seconds[i][t, j] = times
                laps.joules[t, i, j] = (
                    self.caps[j] * times[-1] if before is None or after is None else after - before
                )


def _profile(
    laps: _Laps,
    models: Sequence[MeasuredModel],
    caps: Sequence[float],
    idle_power: float | None,
    device: Device,
) -> Profile:
    """Take medians of the latency and of the exits' shares in it, and the mean power."""
    latency = laps.latency
    precision = max(
        relative_precision(np.sort(runs).tolist()) for runs in latency.reshape(len(latency), -1).T
    )
    exits: dict[int | str, list[tuple[float, float]]] = {
        i: [
            (float(np.median(seconds[..., k] / seconds[..., -1])), accuracy)
            for k, accuracy in enumerate(model.accuracy)
        ]
        for i, (model, seconds) in enumerate(zip(models, laps.seconds, strict=True))
        if model.anytime
    }
    return Profile(
        latency=np.median(latency, axis=0),
        power=laps.joules.sum(axis=0) / latency.sum(axis=0),
        accuracy=[model.accuracy[-1] for model in models],
        power_caps=caps,
        idle_power=idle_power or 0.0,
        models=[model.name for model in models],
        exits=exits,
        origin={
            "machine": fingerprint.machine(),
            "power": device.kind,
            "emulated": device.emulated,
            "energy_read": idle_power is not None,
            "precision": float(precision) if np.isfinite(precision) else None,
        },
    )
