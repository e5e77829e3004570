"""The machine of a runner, or of a server: one power device, one meter, the models."""

from __future__ import annotations

import math
import os
import weakref
from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING

from alert import _arguments
from alert.power.device import Device, put_cap
from alert.power.opening import open_device
from alert.profile import Profile
from alert.running.cap_in_force import CapInForce
from alert.running.execution import Execution
from alert.running.fitting import fitted
from alert.running.guessing import Guess
from alert.running.metering import TICKS, Meter
from alert.running.models import Call, Models, in_order, inference_mode, warn_of_training

if TYPE_CHECKING:
    from typing_extensions import Self

# Runs of each model in a warm-up: the first compiles, the second may for another reason.
_WARMUP = 3

# Shortest pause between two runs, in seconds, in which the idle power is measured.
_IDLE_SECONDS = 0.05

_machines: weakref.WeakSet[Machine] = weakref.WeakSet()


class Machine:
    """Opens the device, fits the profile to it, and keeps what runs models and measures.

    Parameters
    ----------
    models, profile, power, idle_gap, inference_mode, clock
        See `alert.Runner`.

    Attributes
    ----------
    models : list of callables
        In the order of the profile.
    profile : Profile
        The one given or guessed, or where the device sets no caps the one of its highest cap.
    device : Device
    execution : Execution
    meter : Meter
    in_force : CapInForce
    power_cap : float or None
        As last set, in the unit of the profile; None for no cap, NaN while unknown.
    """

    def __init__(
        self,
        models: Models,
        profile: Profile | Guess,
        power: str | Device,
        inference_mode: bool,
        clock: Callable[[], float],
        idle_gap: float | None = None,
    ) -> None:
        begun = profile.profile() if isinstance(profile, Guess) else profile
        self.models = in_order(models, begun.models)
        warn_of_training(begun.models, self.models)
        self.inference_mode = bool(inference_mode)
        self.clock = clock
        self.power_cap: float | None = math.nan
        self.device = open_device(power)
        self._opened = isinstance(power, str)
        try:
            if isinstance(profile, Guess):
                begun = profile.profile(self.device)
            self.profile = fitted(begun, self.device, self._opened)
            self._idle_gap = _idle_gap(idle_gap, self.device)
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        _machines.add(self)
        self.execution = Execution(self.models, self.profile, self.device, self.clock)
        self.meter = Meter(self.device, self.profile, self._idle_gap, self.clock)
        self.in_force = CapInForce(self.device, self.clock)

    def again(self) -> Self:
        """Return another machine of the same device: a model that hangs may still use this one."""
        other = copy(self)
        other._prepare()
        return other

    def set_cap(self, power_cap: float | None) -> None:
        """Put a cap in force."""
        self.power_cap = math.nan  # until the device has taken it
        put_cap(self.device, power_cap)
        self.power_cap = power_cap
        self.in_force.note_change()

    def warmup(self, call: Call) -> None:
        """Run every model a few times, and learn nothing."""
        try:
            with inference_mode(self.inference_mode):
                for run in range(_WARMUP * len(self.models)):
                    for _ in self.execution.outputs(run // _WARMUP, call):
                        pass
        finally:
            self.meter.fail()  # what was drawn is no input's

    @property
    def energy(self) -> float | None:
        """Joules from the first run to the end of the last; None where unknown."""
        return self.meter.estimate if self.meter.drawn is None else self.meter.drawn

    @property
    def estimated(self) -> bool:
        """Whether the energy is that of the profile, as none is read."""
        return self.meter.drawn is None and self.meter.estimate is not None

    def close(self) -> None:
        """Close the device, if this machine opened it."""
        if self._opened:
            self.device.close()


def _idle_gap(seconds: float | None, device: Device) -> float:
    if seconds is None:
        return max(_IDLE_SECONDS, TICKS * device.tick)
    if not _arguments.number("idle_gap", seconds) >= 0.0:
        raise ValueError(f"idle_gap: expected seconds >= 0, got {seconds!r}")
    return seconds


def _forget_caps() -> None:
    """Let a forked process set a cap with its first input: it finds out then that it may not.

    Where there is one cap, it is in force, and none has to be set.
    """
    for machine in _machines:
        if len(machine.profile.power_caps) > 1:
            machine.power_cap = math.nan


os.register_at_fork(after_in_child=_forget_caps)
