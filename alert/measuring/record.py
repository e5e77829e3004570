"""Recording a trace: every configuration, input by input, while the environment changes."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alert.measuring import fingerprint
from alert.measuring.measure import Accuracy, caps_of, progress_bar, subjects_of
from alert.measuring.timing import Bench, Effort, Subject, relative_precision
from alert.power.device import Device, borrowed
from alert.profile import Floats, Profile
from alert.running.models import Models, inference_mode
from alert.trace import Trace

# How far a median of the quiet phases may lie from the profile.
_NOT_QUIET = 0.25

# Runs of every configuration before those that count.
_WARMUP = 3


def record_trace(
    models: Models,
    inputs: Sequence[Any],
    *,
    accuracy: Sequence[Accuracy] | Mapping[str, Accuracy],
    power: str | Device = "auto",
    power_caps: ArrayLike | None = None,
    schedule: Sequence[str] | None = None,
    switch: Callable[[str], object] | None = None,
    group: ArrayLike | None = None,
    profiled: int = 30,
    after: Trace | None = None,
    task: str = "",
    environment: str = "",
    seed: int = 0,
    idle_seconds: float = 1.0,
    progress: bool = True,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
) -> Trace:
    """Measure the latency and energy of every configuration for every input.

    The configurations of one input run one after the other, in random order, so that all of them
    see the same phase. The profile is measured in the same way, before the first phase.

    Parameters
    ----------
    models, accuracy, power, power_caps
        As for `alert.measuring.measure.measure_profile`.
    inputs : sequence
        What the models are called with.
    schedule : sequence of str, optional
        For every input what runs beside it; "quiet" by default.
    switch : callable, optional
        Called with an element of `schedule` whenever it changes, and with "quiet" at the end.
    group : array_like of int, optional
        Of every input, as for `Trace`.
    profiled : int, default 30
        Inputs the profile is measured with.
    after : Trace, optional
        A trace of the same models under the same caps to go on with: its profile is kept, and the
        new inputs follow its own.
    task, environment, seed
        As for `Trace`; the seed also draws the order of the configurations.
    idle_seconds : float, default 1.0
        How long the idle power is measured.
    progress : bool, default True
        Show a bar, where tqdm is installed.
    clock, sleep : callable
        Time in seconds; others than the system's are for simulations.

    Returns
    -------
    Trace
        Where the device's energy cannot be read, each power cap stands in for the power, and
        ``origin["energy_read"]`` is False.

    Warns
    -----
    UserWarning
        The machine was not quiet while it should have been.
    """
    subjects = subjects_of(models, accuracy)
    n = len(inputs)
    environments = ["quiet"] * n if schedule is None else list(schedule)
    if n == 0:
        raise ValueError("inputs: expected at least one, got none")
    if len(environments) != n:
        raise ValueError(f"schedule: expected one for each of {n} inputs, got {len(environments)}")
    if switch is None and set(environments) != {"quiet"}:
        raise ValueError("switch: needed where the schedule holds more than 'quiet'")
    if after and not _are_of(subjects, after.profile):
        raise ValueError(
            f"after: expected a trace of these models, with their accuracy, got {after}"
        )
    if profiled < 1:
        raise ValueError(f"profiled: expected at least 1, got {profiled}")
    phases = tuple(dict.fromkeys(["quiet", *(after.phases if after else ()), *environments]))
    with ExitStack() as stack:
        device = stack.enter_context(borrowed(power))
        caps = caps_of(after.profile.power_caps if after else power_caps, device)
        total = _WARMUP + (0 if after else profiled) + n
        bar = stack.enter_context(progress_bar(progress, total, "input"))
        stack.enter_context(inference_mode())
        bench = Bench(device, inputs[0], Effort(1.0, 0, 1, 0.0), clock)
        recorder = _Recorder(bench, subjects, caps, np.random.default_rng(seed), bar)
        recorder.laps([inputs[0]] * _WARMUP)
        if after:
            profile = after.profile
        else:
            bar.set_description("profile")
            idle_power = bench.idle_power(idle_seconds, sleep)
            quiet = recorder.laps([inputs[t % n] for t in range(profiled)])
            profile = _profile(quiet, subjects, caps, idle_power, device)
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


def _are_of(subjects: Sequence[Subject], profile: Profile) -> bool:
    """Tell whether a profile is of these models, exits and accuracies."""
    exits = {i: [reached for _, reached in pairs] for i, pairs in profile.exits.items()}
    return (
        [subject.name for subject in subjects] == list(profile.models)
        and [subject.accuracy[-1] for subject in subjects] == profile.accuracy.tolist()
        and {i: s.accuracy for i, s in enumerate(subjects) if s.anytime} == exits
    )


class _Laps:
    """What every configuration cost for n inputs."""

    def __init__(self, n: int, subjects: Sequence[Subject], caps: int) -> None:
        self.seconds = [np.empty((n, caps, len(s.accuracy))) for s in subjects]  # to every exit
        self.joules = np.empty((n, len(subjects), caps))

    @property
    def latency(self) -> Floats:
        """Seconds to the last exit, shape (n, N, M)."""
        return np.stack([seconds[..., -1] for seconds in self.seconds], axis=1)


@dataclass
class _Recorder:
    """Runs every configuration for every input."""

    bench: Bench
    subjects: list[Subject]
    caps: list[float]
    rng: np.random.Generator
    bar: Any

    def laps(
        self,
        inputs: Sequence[Any],
        environments: Sequence[str] = (),
        switch: Callable[[str], object] | None = None,
    ) -> _Laps:
        """Run them, in the environment that `switch` makes for each input."""
        laps = _Laps(len(inputs), self.subjects, len(self.caps))
        now = "quiet"
        for t, x in enumerate(inputs):
            if switch is not None and environments[t] != now:
                now = environments[t]
                switch(now)
                self.bar.set_description(now)
            self._lap(laps, t, x)
            self.bar.update()
        return laps

    def _lap(self, laps: _Laps, t: int, x: Any) -> None:
        bench, device = self.bench, self.bench.device
        bench.example = x
        for j in self.rng.permutation(len(self.caps)):
            device.set_cap(self.caps[j])
            bench.run_for(device.settle, self.subjects[0])
            for i in self.rng.permutation(len(self.subjects)):
                before = device.energy()
                times = bench.run(self.subjects[i])
                after = device.energy()
                laps.seconds[i][t, j] = times
                laps.joules[t, i, j] = (
                    self.caps[j] * times[-1] if before is None or after is None else after - before
                )


def _profile(
    laps: _Laps,
    subjects: Sequence[Subject],
    caps: Sequence[float],
    idle_power: float | None,
    device: Device,
) -> Profile:
    """Medians of latency and of the exits' share in it; mean power."""
    latency = laps.latency
    precision = max(
        relative_precision(np.sort(runs).tolist()) for runs in latency.reshape(len(latency), -1).T
    )
    exits: dict[int | str, list[tuple[float, float]]] = {
        i: [
            (float(np.median(seconds[..., k] / seconds[..., -1])), accuracy)
            for k, accuracy in enumerate(subject.accuracy)
        ]
        for i, (subject, seconds) in enumerate(zip(subjects, laps.seconds, strict=True))
        if subject.anytime
    }
    return Profile(
        latency=np.median(latency, axis=0),
        power=laps.joules.sum(axis=0) / latency.sum(axis=0),
        accuracy=[subject.accuracy[-1] for subject in subjects],
        power_caps=caps,
        idle_power=idle_power or 0.0,
        models=[subject.name for subject in subjects],
        exits=exits,
        origin={
            "machine": fingerprint.machine(),
            "power": device.kind,
            "emulated": device.emulated,
            "energy_read": idle_power is not None,
            "precision": float(precision) if np.isfinite(precision) else None,
        },
    )
