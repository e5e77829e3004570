"""Recording a trace: every configuration, input by input, while the environment changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alert import _arguments, _progress
from alert._arguments import Caps, Floats, integers
from alert._warnings import warn
from alert.measuring import fingerprint
from alert.measuring.models import Accuracies, MeasuredModel, measured_models
from alert.measuring.precision import relative_precision
from alert.measuring.results import are_of, note, profile_of, rehearse
from alert.measuring.stopwatch import Stopwatch
from alert.power.caps import caps_to_offer
from alert.power.device import Device, put_cap
from alert.power.opening import borrowed
from alert.profile import Profile
from alert.running.models import Call, Models, repeatable, warn_of_training
from alert.running.models import inference_mode as mode
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
    power_caps: Caps | None,
    schedule: Sequence[str] | None,
    switch: Callable[[Any], object] | None,
    group: ArrayLike | None,
    profiled: int,
    after: Trace | None,
    task: str,
    environment: str,
    seed: int,
    idle_seconds: float,
    inference_mode: bool,
    progress: bool,
    clock: Callable[[], float],
    sleep: Callable[[float], object],
) -> Trace:
    """Do the work of `alert.Trace.record`, which describes the parameters."""
    measured = measured_models(models, accuracy)
    warn_of_training([model.name for model in measured], [model.model for model in measured])
    calls = calls_of(inputs)
    environments = _environments(len(calls), schedule, switch)
    idle_seconds = _arguments.seconds("idle_seconds", idle_seconds)
    _arguments.instance("after", after, Trace | None, "a Trace")
    _arguments.instance("clock", clock, Callable, "a callable")
    _arguments.instance("sleep", sleep, Callable, "a callable")
    _arguments.instance("switch", switch, Callable | None, "a callable")
    if after and not are_of(measured, after.profile):
        raise ValueError(
            f"after: expected a trace of these models, with their accuracy, got {after}"
        )
    _arguments.integer("profiled", profiled, 1)
    _arguments.integer("seed", seed, 0)
    phases = tuple(dict.fromkeys(["quiet", *(after.phases if after else ()), *environments]))
    groups = integers("group", range(len(calls)) if group is None else group, len(calls))

    def fresh(profile: Profile, laps: _Laps) -> Trace:
        """Make a trace of the inputs that have been recorded."""
        n = laps.done
        return Trace(
            profile,
            laps.latency[:n],
            laps.joules[:n],
            exits={i: laps.seconds[i][:n] for i in profile.exits},
            phase=[phases.index(name) for name in environments[:n]],
            phases=phases,
            group=groups[:n],
            task=task,
            environment=environment,
            seed=seed,
            origin=profile.origin,
        )

    def whole(trace: Trace) -> Trace:
        """Put a trace behind the one that it goes on with."""
        return after.followed_by(trace) if after else trace

    with ExitStack() as stack:
        device = stack.enter_context(borrowed(power))
        caps = caps_to_offer(after.profile.power_caps if after else power_caps, device)
        if math.inf in caps and device.energy() is None:
            raise ValueError(
                f"power: expected a device that caps or counts energy, got {device.kind!r}; "
                "'emulated' computes both"
            )
        rehearsed = rehearse(measured, caps, None)
        made_up = _Laps.made_up(len(calls), measured, len(caps))
        whole(fresh(after.profile if after else rehearsed, made_up))
        warmup = [calls[0]] * _WARMUP
        if any(model.is_compiled for model in measured):
            warmup += _of_other_shapes(calls)
        total = len(warmup) + (0 if after else profiled) + len(calls)
        bar = stack.enter_context(_progress.bar(total, "input", shown=progress))
        stack.enter_context(mode(inference_mode))
        stopwatch = Stopwatch(device, clock)
        recorder = _Recorder(stopwatch, measured, caps, np.random.default_rng(seed), bar)
        bar.set_description("warming up")
        recorder.run(recorder.laps(len(warmup)), warmup)
        if after:
            profile = after.profile
        else:
            bar.set_description("profile")
            idle_power = stopwatch.idle_power(idle_seconds, sleep)
            quiet = recorder.laps(profiled)
            recorder.run(quiet, [calls[t % len(calls)] for t in range(profiled)])
            profile = _profile(quiet, measured, caps, idle_power, device)
        if switch is not None:
            stack.callback(switch, "quiet")
        laps = recorder.laps(len(calls))
        try:
            recorder.run(laps, calls, environments, switch)
        except BaseException as error:
            if laps.done:
                error.trace = whole(fresh(profile, laps))  # type: ignore[attr-defined]
                note(
                    error,
                    f"{laps.done} of {len(calls)} inputs were recorded: the attribute `trace` of "
                    "this exception holds them",
                )
            raise
    recorded = fresh(profile, laps)
    _warn_if_not_quiet(recorded)
    return whole(recorded)


def calls_of(inputs: Sequence[Any]) -> list[Call]:
    """List inputs as calls of a model.

    Raises
    ------
    TypeError
        They are no sequence, or one of them is an iterator.
    """
    if not hasattr(inputs, "__len__") or not hasattr(inputs, "__getitem__"):
        kind = type(inputs).__name__
        raise TypeError(f"inputs: expected a sequence, got {kind}; list(...) makes one")
    return [repeatable(f"inputs[{t}]", inputs[t]) for t in range(len(inputs))]


def _of_other_shapes(calls: Sequence[Call]) -> list[Call]:
    """Pick the first call of every shape, except the shape of the very first call."""
    first: dict[object, Call] = {}
    for call in calls:
        first.setdefault(_shapes((*call.args, *call.kwargs.values())), call)
    return list(first.values())[1:]


def _shapes(x: Any) -> object:
    """Return what a compiled model may be specialised for: the shapes of tensors, in containers."""
    if hasattr(x, "shape"):
        return tuple(x.shape), str(getattr(x, "dtype", ""))
    if isinstance(x, Mapping):
        return tuple((name, _shapes(value)) for name, value in x.items())
    if isinstance(x, (list, tuple)):
        return tuple(map(_shapes, x))
    return type(x)


def _environments(
    inputs: int, schedule: Sequence[str] | None, switch: Callable[[Any], object] | None
) -> list[str]:
    """List the environment of every input."""
    if inputs == 0:
        raise ValueError("inputs: expected at least one, got none")
    if isinstance(schedule, str) or not isinstance(schedule, Iterable | None):
        raise TypeError(f"schedule: expected a sequence of names, got {schedule!r}")
    environments = ["quiet"] * inputs if schedule is None else list(schedule)
    if not all(isinstance(name, str) for name in environments):
        raise TypeError(f"schedule: expected names that are str, got {schedule!r}")
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
        warn(
            "something else ran meanwhile: in the quiet phases the configurations took "
            f"{typical.min():.2f} to {typical.max():.2f} times as long as in the profile; "
            "record on an idle machine"
        )


class _Laps:
    """Costs of every configuration for n inputs."""

    def __init__(self, n: int, models: Sequence[MeasuredModel], caps: int) -> None:
        self.done = 0  # inputs
        self.seconds = [np.empty((n, caps, len(m.accuracy))) for m in models]  # to every exit
        self.joules = np.empty((n, len(models), caps))

    @classmethod
    def made_up(cls, n: int, models: Sequence[MeasuredModel], caps: int) -> _Laps:
        """Return costs of no meaning, to find out beforehand whether a trace can be made."""
        laps = cls(n, models, caps)
        for seconds in laps.seconds:
            seconds[...] = np.linspace(0.0, 1.0, seconds.shape[-1] + 1)[1:]
        laps.joules[...] = 1.0
        laps.done = n
        return laps

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

    def laps(self, n: int) -> _Laps:
        """Make room for n inputs."""
        return _Laps(n, self.models, len(self.caps))

    def run(
        self,
        laps: _Laps,
        calls: Sequence[Call],
        environments: Sequence[str] = (),
        switch: Callable[[Any], object] | None = None,
    ) -> None:
        """Run all inputs, each in the environment that `switch` makes for it."""
        now = "quiet"
        for t, call in enumerate(calls):
            if switch is not None and environments[t] != now:
                now = environments[t]
                switch(now)
                self.bar.set_description(now)
            self._lap(laps, t, call)
            laps.done += 1
            self.bar.update()

    def _lap(self, laps: _Laps, t: int, call: Call) -> None:
        """Run the configurations of one input in random order."""
        stopwatch, device = self.stopwatch, self.stopwatch.device
        for j in self.rng.permutation(len(self.caps)):
            put_cap(device, self.caps[j])
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
    fractions = {
        i: np.median(seconds / seconds[..., -1:], axis=(0, 1)).tolist()
        for i, (model, seconds) in enumerate(zip(models, laps.seconds, strict=True))
        if model.anytime
    }
    power = laps.joules.sum(axis=0) / latency.sum(axis=0)
    missing = ~(power > 0.0)
    return profile_of(
        models,
        caps,
        np.median(latency, axis=0),
        np.where(missing, caps, power),
        idle_power,
        fractions,
        {
            "machine": fingerprint.machine(),
            "power": device.kind,
            "emulated": device.emulated,
            "energy_read": idle_power is not None and not bool(missing.any()),
            "precision": float(precision) if np.isfinite(precision) else None,
        },
    )
