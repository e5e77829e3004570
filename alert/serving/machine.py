"""The machine of a server: it runs one job at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from alert._core import Decision
from alert.running.machine import Machine
from alert.running.models import Call, inference_mode


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


class ServerMachine(Machine):
    """Runs what was decided: sets the cap, runs the model, measures."""

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
        clock = self.clock
        entered = clock()
        model, power_cap = decision
        if power_cap != self.power_cap or self.in_force.is_overruled:
            self.set_cap(power_cap)
        switched = clock() - entered
        self.execution.finish(model)
        try:
            with inference_mode(self.inference_mode):
                self.meter.begin(decision.latency)
                self.device.begin()
                start = clock()
                output, reached = self.execution.run(decision, call, start, due, leave)
                done = clock()
                energy, _, idle_power = self.meter.end(model, power_cap, start, done)
        except BaseException:
            self.meter.fail()
            self.device.pace()  # accounts for the work so far
            raise
        other = self.in_force.other_than(power_cap, done)
        return Run(output, start, done, switched, energy, idle_power, reached, other)

    def exceeds(self, limit: float) -> bool:
        """Tell whether the cap in force exceeds a limit in watts, as far as it is known."""
        return self.power_cap is None or not self.power_cap <= limit

    def keep_within(self, limit: float) -> None:
        """Put the highest cap in force that is within a limit in watts."""
        caps = self.profile.power_caps
        self.set_cap(float(caps[caps <= limit][-1]))
