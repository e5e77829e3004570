"""Measuring a profile: every model under every cap, until its median is precise enough."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from alert.measuring import fingerprint
from alert.measuring.timing import Bench, Effort, Subject
from alert.power.device import Device, borrowed, check_caps
from alert.profile import Floats, Profile
from alert.running.models import Models, inference_mode, named, waiter

Accuracy: TypeAlias = float | Sequence[float]

# Power caps measured where none are given, evenly spaced over the range of the device.
_CAPS = 5


def measure_profile(
    models: Models,
    example: Any,
    *,
    accuracy: Sequence[Accuracy] | Mapping[str, Accuracy],
    power: str | Device = "auto",
    power_caps: ArrayLike | None = None,
    precision: float = 0.02,
    warmup: int = 3,
    max_repeats: int = 200,
    max_seconds: float = 5.0,
    settle: float | None = None,
    idle_seconds: float = 1.0,
    idle_power: float | None = None,
    progress: bool = True,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
) -> Profile:
    """Measure what every model costs under every power cap on this machine, which should be quiet.

    Parameters
    ----------
    models : sequence or dict of callables
        Callables of one argument; the names of a dict become those of the profile.
    example
        A typical input: models are called with it.
    accuracy : sequence or dict
        For each model its accuracy, 0 to 1; for an anytime model, whose call returns a generator of
        outputs, the accuracies of its exits.
    power : str or device, default "auto"
        What `alert.power.open` takes, or a device that is open already: that one is left open,
        under the cap it had.
    power_caps : array_like, optional
        Watts, strictly ascending. By default five over the range of the device.
    precision : float, default 0.02
        A configuration is repeated until half the 95 % confidence interval of its median latency is
        at most this share of it, or until `max_repeats` or `max_seconds` is reached.
    warmup : int, default 3
        Runs before those that count, for every configuration.
    max_repeats : int, default 200
    max_seconds : float, default 5.0
        Limits for each configuration. One that stays less precise than asked is warned of.
    settle : float, optional
        Seconds a new cap is given to act, with the first model running; by default what the device
        states.
    idle_seconds : float, default 1.0
        How long the idle power is measured.
    idle_power : float, optional
        Watts, where they are known: not measured then.
    progress : bool, default True
        Show a bar, where tqdm is installed.
    clock, sleep : callable
        Time in seconds; others than the system's are for simulations.

    Returns
    -------
    Profile
        Medians of latency, mean power. Its `origin` holds "machine" (see
        `alert.measuring.fingerprint`), "power" (kind of device), "emulated", "energy_read", and
        the "precision" of the least precise median (None where too few runs were made to say).

    Warns
    -----
    UserWarning
        The energy cannot be read: the power caps stand in for the power. Or a median is less
        precise than asked.
    """
    subjects = subjects_of(models, accuracy)
    effort = Effort(precision, warmup, max_repeats, max_seconds)
    with ExitStack() as stack:
        device = stack.enter_context(borrowed(power))
        caps = caps_of(power_caps, device)
        total = len(caps) * len(subjects)
        bar = stack.enter_context(progress_bar(progress, total, "configuration"))
        stack.enter_context(inference_mode())
        bench = Bench(device, example, effort, clock)
        if idle_power is None:
            idle_power = bench.idle_power(idle_seconds, sleep)
        costs = np.empty((3, len(subjects), len(caps)))  # latency, power, precision of the latency
        for j in reversed(range(len(caps))):  # full speed first: the machine is warm then
            device.set_cap(caps[j])
            bench.run_for(device.settle if settle is None else settle, subjects[0])
            for i, subject in enumerate(subjects):
                bar.set_description(f"{subject.name} under {caps[j]:g} W")
                costs[:, i, j] = bench.measure(subject)
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
    _warn_of_precision(subjects, caps, reached, effort)
    return Profile(
        latency=latency,
        power=drawn,
        accuracy=[subject.accuracy[-1] for subject in subjects],
        power_caps=caps,
        idle_power=idle_power or 0.0,
        models=[subject.name for subject in subjects],
        exits={i: subject.exits() for i, subject in enumerate(subjects) if subject.anytime},
        origin=origin,
    )


# ---------------------------------------------------------------------------------------- arguments


def subjects_of(
    models: Models, accuracy: Sequence[Accuracy] | Mapping[str, Accuracy]
) -> list[Subject]:
    """Pair models and accuracies, or say what does not fit."""
    offered, names = named(models)
    if isinstance(accuracy, Mapping):
        if names is None or sorted(accuracy) != sorted(names):
            raise ValueError(f"accuracy: expected one for each name in {names}, got {accuracy!r}")
        accuracy = [accuracy[name] for name in names]
    if len(accuracy) != len(offered):
        raise ValueError(
            f"accuracy: expected {len(offered)}, as there are models, got {accuracy!r}"
        )
    subjects = []
    for i, (model, reached) in enumerate(zip(offered, accuracy, strict=True)):
        subjects.append(
            Subject(
                name=names[i] if names else f"model {i}",
                model=model,
                accuracy=_accuracies(i, reached if isinstance(reached, Sequence) else [reached]),
                anytime=isinstance(reached, Sequence),
                wait=waiter(model),
            )
        )
    return subjects


def _accuracies(model: int, given: Sequence[float]) -> list[float]:
    if not given:
        raise ValueError(f"accuracy[{model}]: expected at least one exit, got none")
    for value in given:
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"accuracy[{model}]: expected 0 to 1, got {value!r}")
    return [float(value) for value in given]


def caps_of(power_caps: ArrayLike | None, device: Device) -> list[float]:
    """Return the caps asked for, or some over the range of the device."""
    if power_caps is None:
        power_caps = np.linspace(*device.cap_range, _CAPS)
    caps = [float(cap) for cap in np.array(power_caps, np.float64, ndmin=1)]
    if not caps:
        raise ValueError("power_caps: expected at least one, got none")
    check_caps("power_caps", caps, device)
    for j in range(1, len(caps)):
        if caps[j] <= caps[j - 1]:
            raise ValueError(f"power_caps[{j}]: expected strictly ascending watts, got {caps[j]!r}")
    return caps


class _NoBar(AbstractContextManager["_NoBar"]):
    """Stands in for a progress bar."""

    def __exit__(self, *_: object) -> None:
        pass

    def set_description(self, _: str) -> None:
        pass

    def update(self) -> None:
        pass


def progress_bar(wanted: bool, total: int, unit: str) -> Any:
    """Show a bar, where tqdm is installed; or something that takes the same calls."""
    if not wanted:
        return _NoBar()
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _NoBar()
    return tqdm(total=total, unit=unit)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _warn_of_energy(idle_power: float | None) -> None:
    idle = "an idle power of 0 W" if idle_power is None else f"an idle power of {idle_power:g} W"
    warnings.warn(
        "the energy of this device cannot be read: the profile takes each power cap for the power "
        f"drawn under it, and {idle}; energies expected from it are upper bounds for the models",
        stacklevel=3,
    )


def _warn_of_precision(
    subjects: Sequence[Subject], caps: Sequence[float], reached: Floats, effort: Effort
) -> None:
    missed = reached > effort.precision
    if missed.any():
        i, j = divmod(int(np.argmax(reached)), len(caps))
        warnings.warn(
            f"{missed.sum()} of {missed.size} medians are less precise than {effort.precision:g} "
            f"after {effort.max_repeats} runs or {effort.max_seconds:g} s; "
            f"worst {subjects[i].name} under {caps[j]:g} W: {reached[i, j]:.2g}",
            stacklevel=3,
        )
