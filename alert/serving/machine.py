"""The machine of a server: one power device, one meter, the models; it runs one job at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from typing import Any

from alert._core import Decision
from alert.power.device import Device, open_device, put_cap
from alert.profile import Profile
from alert.running.cap_in_force import CapInForce
from alert.running.execution import Execution
from alert.running.fitting import fitted
from alert.running.metering import TICKS, Meter
from alert.running.models import Call, Models, in_order, inference_mode, warn_of_training

# Runs of each model in a warm-up: the first compiles, the second may for another reason.
_WARMUP = 3

# Shortest pause between two jobs, in seconds, in which the idle power is measured.
_IDLE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a job.

    Attributes
    ----------
    output : object
    start, done : float
        When the model started, and when its output was out, on the clock.
    switched : float
        Seconds that a change of the cap took.
    energy, idle_power : float or None
        See `alert.running.metering.Meter`.
    exit : int or None
        The exit that an anytime model reached.
    power_cap : float or None
        The cap in force, where that is not the one chosen.
    """

    output: Any
    start: float
    done: float
    switched: float
    energy: float | None
    idle_power: float | None
    exit: int | None
    power_cap: float | None


class Machine:
    """Runs what was decided: sets the cap, runs the model, measures.

    Parameters
    ----------
    models, profile, power, inference_mode, clock
        See `alert.Runner`.

    Attributes
    ----------
    device : Device
    profile : Profile
        The one given, or where the device sets no caps the one of its highest cap.
    power_cap : float or None
        Watts, as last set; None for no cap, NaN while unknown.
    """

    def __init__(
        self,
        models: Models,
        profile: Profile,
        power: str | Device,
        inference_mode: bool,
        clock: Callable[[], float],
    ) -> None:
        ordered = in_order(models, profile.models)
        warn_of_training(profile.models, ordered)
        self._models = ordered
        self.profile = profile
        self._clock = clock
        self._inference_mode = bool(inference_mode)
        self.power_cap: float | None = math.nan
        self.device = open_device(power)
        self._opened = isinstance(power, str)
        try:
            self.profile = fitted(profile, self.device, self._opened)
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        gap = max(_IDLE_SECONDS, TICKS * self.device.tick)
        self._execution = Execution(self._models, self.profile, self.device, self._clock)
        self._meter = Meter(self.device, self.profile, gap, self._clock)
        self._in_force = CapInForce(self.device, self._clock)

    def again(self) -> Machine:
        """Return another machine of the same device: a model that hangs may still use this one."""
        other = copy(self)
        other._prepare()
        return other

    def run(self, decision: Decision, call: Call, due: float, leave: Callable[[Any], bool]) -> Run:
        """Run a decision.

        Parameters
        ----------
        decision : Decision
        call : Call
            The arguments of the model.
        due : float
            When the output must be out, on the clock.
        leave : callable
            See `Execution.run`.
        """
        entered = self._clock()
        model, power_cap = decision
        if power_cap != self.power_cap or self._in_force.is_overruled:
            self._set_cap(power_cap)
        switched = self._clock() - entered
        self._execution.finish(model)
        try:
            with inference_mode(self._inference_mode):
                self._meter.begin(decision.latency)
                self.device.begin()
                start = self._clock()
                output, reached = self._execution.run(decision, call, start, due, leave)
                done = self._clock()
                energy, _, idle_power = self._meter.end(model, power_cap, start, done)
        except BaseException:
            self._meter.fail()
            self.device.pace()  # accounts for the work so far
            raise
        other = self._in_force.other_than(power_cap, done)
        return Run(output, start, done, switched, energy, idle_power, reached, other)

    def warmup(self, call: Call) -> None:
        """Run every model a few times, and learn nothing."""
        try:
            with inference_mode(self._inference_mode):
                for model in [*range(len(self.profile.models))] * _WARMUP:
                    for _ in self._execution.outputs(model, call):
                        pass
        finally:
            self._meter.fail()  # what was drawn is no job's

    def keep_within(self, limit: float | None) -> None:
        """Lower the cap in force where it exceeds a limit in watts."""
        if limit is None or (self.power_cap is not None and self.power_cap <= limit):
            return
        caps = self.profile.power_caps
        with suppress(Exception):  # the next run sets a cap, too, and raises what is wrong
            self._set_cap(float(caps[caps <= limit][-1]))

    def _set_cap(self, power_cap: float | None) -> None:
        self.power_cap = math.nan  # until the device has taken it
        put_cap(self.device, power_cap)
        self.power_cap = power_cap
        self._in_force.note_change()

    @property
    def energy(self) -> float | None:
        """Joules from the first job to the end of the last; None where unknown."""
        return self._meter.estimate if self._meter.drawn is None else self._meter.drawn

    @property
    def estimated(self) -> bool:
        """Whether the energy is that of the profile, as none is read."""
        return self._meter.drawn is None and self._meter.estimate is not None

    def close(self) -> None:
        """Close the device, if this machine opened it."""
        if self._opened:
            self.device.close()
