"""The runner: for every input it sets the cap, runs the model, measures, and learns."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alert._deprecated import renamed_attribute, renamed_keyword
from alert.goal import Goal
from alert.power.device import Device, check_caps, open_device
from alert.profile import Profile
from alert.running.ledger import Ledger
from alert.running.metering import TICKS, Meter
from alert.running.models import Models, in_order, inference_mode, outputs, too_few_exits, waiter
from alert.running.report import Report
from alert.running.switching import Switching
from alert.scheduler import HISTORY, Scheduler

# Deadline, in seconds, of an input that is late before it starts: it still gets an output, and the
# scheduler takes no deadline of zero. Every configuration is late under it.
_NO_TIME = 1e-9

# Weight of one input in the average of the overhead.
_OVERHEAD_WEIGHT = 1.0 / 16.0

# Shortest pause between two inputs, in seconds, in which the idle power is measured.
_IDLE_SECONDS = 0.05


class Runner:
    """Runs the model that the scheduler chooses, under the power cap that it chooses.

    Parameters
    ----------
    models : sequence or dict of callables
        The models of the profile, in its order or by its names. A model to which the profile gives
        exits is an anytime model: calling it returns a generator that yields an output per exit.
    profile : Profile
    goal : Goal
    power : str or device, default "auto"
        A kind that `alert.power.open` takes, or an open device.
    method, constants
        See `Scheduler`.
    idle_gap : float, optional
        Shortest pause between two inputs, in seconds, in which the idle power is measured;
        `math.inf` for never. By default 0.05, or 50 steps of the energy counter if that is longer.
    dwell : float, optional
        Seconds that a new power cap stays in force, unless a bound is at stake; `hold_inputs` of
        `Scheduler` counts the same in inputs. By default until the cap has settled, and at least 20
        times as long as a change takes, both as the device states them. Caps change freely where
        they act at once and cost nothing.
    overhead : float, optional
        Seconds taken off every deadline for the work around the model; by default as measured.
    history : int, default 1024
        Inputs that the attribute `history` remembers.
    clock : callable, default time.perf_counter
        Monotonic seconds. Another clock is for simulations.

    Raises
    ------
    ValueError, TypeError
        An argument is out of range or of the wrong kind; a cap of the profile lies outside the
        range of the device.
    OSError
        The device cannot be opened.

    Examples
    --------
    >>> with alert.Runner(models, profile, goal) as runner:  # doctest: +SKIP
    ...     for x in inputs:
    ...         y = runner(x)
    ...     print(runner.report())

    Notes
    -----
    Models run under `torch.inference_mode` where torch is imported before the runner is made. The
    caller puts them into evaluation mode. A runner serves one stream of inputs, one at a time.
    Nobody else may set the cap of its device meanwhile.
    """

    @renamed_keyword("trace", "history")
    def __init__(
        self,
        models: Models,
        profile: Profile,
        goal: Goal,
        power: str | Device = "auto",
        *,
        method: str = "calibrated",
        constants: Mapping[str, float] | None = None,
        idle_gap: float | None = None,
        dwell: float | None = None,
        overhead: float | None = None,
        history: int = HISTORY,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._scheduler = Scheduler(
            profile,
            goal,
            method=method,
            constants=constants,
            overhead=overhead or 0.0,
            history=history,
        )
        self._models = in_order(models, profile.models)
        self._waits = [waiter(model) for model in self._models]
        self._inference_mode = inference_mode()
        self._exits = {i: [fraction for fraction, _ in exits] for i, exits in profile.exits.items()}
        self._clock = clock
        self._fixed_overhead = overhead is not None
        self._overhead = math.nan  # seconds, averaged; NaN before the first input

        self._cap = math.nan  # watts, as last set; NaN while unknown
        self._unusual = False  # the pending choice may be for another deadline than the goal's
        self._shared_inputs = 0  # that still share a deadline
        self._shared_due = 0.0  # when, on the clock
        self._ledger = Ledger(history)
        self._closed = False
        self._device = open_device(power)
        self._opened = self._device is not power
        try:
            check_caps("profile.power_caps", profile.power_caps.tolist(), self._device)
            self._idle_gap = _idle_gap(idle_gap, self._device)
            self._meter = Meter(self._device, profile, self._idle_gap, clock)
            self._switching = Switching(self._scheduler, self._device, dwell)
            self._set_cap(self._scheduler.decision.power_cap)
        except BaseException:
            self.close()
            raise

    # ---------------------------------------------------------------------------------- running

    def __call__(
        self, x: Any, *, arrival: float | None = None, deadline: float | None = None
    ) -> Any:
        """Run one input.

        Parameters
        ----------
        x
            The argument of the model.
        arrival : float, optional
            When the input came, in `time.perf_counter` seconds. The time since then is taken off
            its deadline.
        deadline : float, optional
            Seconds that this input has from its arrival, instead of the goal's deadline or of its
            share of a common one.

        Returns
        -------
        object
            The output of the model; for an anytime model, the last one before it was stopped.

        Raises
        ------
        ValueError
            `arrival` or `deadline` is out of range, or an anytime model has too few exits.
        Exception
            The exception that the model raised. The runner learns nothing from such an input. The
            cap stays in force, and the next call works as if there had been no such input.
        """
        clock = self._clock
        entered = clock()
        if self._closed:
            raise RuntimeError("this Runner is closed")
        scheduler, device, meter = self._scheduler, self._device, self._meter
        if arrival is None and deadline is None and not self._unusual:
            arrival = entered
            due = stop = entered + scheduler.goal.deadline
            decision = scheduler.decision
        else:
            arrival, due, time_left = self._when(entered, arrival, deadline)
            self._unusual = True
            stop = entered + time_left
            decision = scheduler.decide(max(time_left, _NO_TIME))
        model, power_cap = decision
        cap_changed = power_cap != self._cap
        planned = self._set_cap(power_cap) if cap_changed else 0.0
        wait = self._waits[model]
        if wait is not None:
            wait()  # for earlier work of the GPU
        try:
            with self._inference_mode:
                meter.begin(decision.latency)
                device.begin()
                start = clock()
                reached = decision.exit
                if reached is None:
                    output = self._models[model](x)
                    if wait is not None:
                        wait()
                    device.pace()
                else:
                    output, reached = self._run_exits(model, x, reached, start, stop)
                done = clock()
                energy, energy_source, idle_power = meter.end(model, power_cap, start, done)
        except BaseException:
            device.pace()  # accounts for the work so far
            meter.fail()
            raise
        scheduler.step(done - start, energy, idle_power=idle_power, exit=reached)

        if self._unusual:
            self._shared_inputs = max(self._shared_inputs - 1, 0)
            self._unusual = self._shared_inputs > 0
        left = clock()
        self._ledger.add(decision, cap_changed, energy_source, (arrival, start, left, due))
        self._count_overhead(left - entered - (done - start) - planned)
        self._switching.count(entered)
        return output

    def _when(
        self, entered: float, arrival: float | None, deadline: float | None
    ) -> tuple[float, float, float]:
        """Place an input on the clock: when it arrived, when it is due, seconds that it may take.

        Inputs that share a deadline are all due at that deadline, but each may take only its share
        of the time.
        """
        arrival = entered if arrival is None else _arrival(arrival, entered)
        if deadline is None and self._shared_inputs:
            due = self._shared_due
            return arrival, due, (due - entered) / self._shared_inputs
        allowed = self._scheduler.goal.deadline if deadline is None else _positive(deadline)
        return arrival, arrival + allowed, allowed - (entered - arrival)

    def _set_cap(self, power_cap: float) -> float:
        """Put a cap in force; return the part of the time that the scheduler has planned for."""
        begun, planned = self._clock(), self._scheduler.switch_cost
        self._cap = math.nan  # until the device has taken it
        self._device.set_cap(power_cap)
        self._cap = power_cap
        self._switching.ask_device()
        return min(self._clock() - begun, planned)

    def _run_exits(
        self, model: int, x: Any, last: int, start: float, stop: float
    ) -> tuple[Any, int]:
        """Run an anytime model up to exit `last`, or to the last exit that should be in time.

        An exit cannot be interrupted once it runs. So the next exit does not start where it would
        come after the deadline at the pace of this input.
        """
        wait, pace, fractions = self._waits[model], self._device.pace, self._exits[model]
        slack = 0.0 if math.isnan(self._overhead) else self._overhead
        name = self._scheduler.profile.models[model]
        returned = outputs(name, self._models[model](x))
        reached = -1
        for output in returned:
            reached += 1
            if wait is not None:
                wait()
            pace()
            now = self._clock()
            if reached < last:
                more = (now - start) * (fractions[reached + 1] / fractions[reached] - 1.0)
                if now + more + slack <= stop:
                    continue
            if hasattr(returned, "close"):
                returned.close()
            return output, reached
        raise too_few_exits(name, reached + 1, last + 1)

    def _count_overhead(self, seconds: float) -> None:
        if math.isnan(self._overhead):
            self._overhead = seconds
        else:
            self._overhead += (seconds - self._overhead) * _OVERHEAD_WEIGHT
        if not self._fixed_overhead:
            self._scheduler.overhead = self._overhead

    def share(self, deadline: float, inputs: int, *, arrival: float | None = None) -> None:
        """Let the next inputs share a deadline, as the words of a sentence do.

        Each input gets the time that is left when it starts, divided by the inputs left. A new
        shared deadline replaces the one before.

        Parameters
        ----------
        deadline : float
            Seconds for all these inputs together, from `arrival` or else from now.
        inputs : int
            Number of inputs; at least 1.
        arrival : float, optional
            When the first input came, in `time.perf_counter` seconds.
        """
        now = self._clock()
        due = (now if arrival is None else _arrival(arrival, now)) + _positive(deadline)
        self._scheduler.share(max(due - now, _NO_TIME), inputs)
        self._shared_due, self._shared_inputs, self._unusual = due, inputs, True

    # --------------------------------------------------------------------------------- reporting

    @property
    def scheduler(self) -> Scheduler:
        """The scheduler. Its `goal` may be set at any time."""
        return self._scheduler

    @property
    def device(self) -> Device:
        """The power device."""
        return self._device

    @property
    def history(self) -> NDArray[np.void]:
        """The last inputs, oldest first: the scheduler's history and the runner's own columns.

        The runner adds `arrival` and `start` of the model (clock seconds), `response` (seconds from
        the arrival to the return of the output), `lateness` (seconds after the deadline; negative
        for an output in time), `cap_changed` and `energy_source`. An energy is "measured"; or
        "blended", where the counter steps too slowly for an input so short and the profile splits
        its joules; or from the "profile", before the counter has stepped or where it cannot be read
        (`energy` is NaN then). `deadline` is the time that was left when the input was chosen for.
        """
        return self._ledger.history(self._scheduler.history)

    trace = renamed_attribute("history")

    def report(self) -> Report:
        """Sum up the inputs so far."""
        return self._ledger.report(
            models=self._scheduler.profile.models,
            energy=self._meter.drawn,
            overhead=0.0 if math.isnan(self._overhead) else self._overhead,
            power=self._device.kind,
            emulated=self._device.emulated,
        )

    def __repr__(self) -> str:
        state = ", closed" if self._closed else ""
        done = f"{self._ledger.inputs} inputs{state}"
        return f"<alert.Runner on {self._device.kind}, {done}: {self._scheduler!r}>"

    # ----------------------------------------------------------------------------------- closing

    def close(self) -> None:
        """Close the device if this runner opened it. The report stays. Calling again is fine."""
        if not self._closed:
            self._closed = True
            if self._opened:
                self._device.close()

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _idle_gap(seconds: float | None, device: Device) -> float:
    if seconds is None:
        return max(_IDLE_SECONDS, TICKS * device.tick)
    if not seconds >= 0.0:
        raise ValueError(f"idle_gap: expected seconds >= 0, got {seconds!r}")
    return seconds


def _arrival(seconds: float, now: float) -> float:
    if not -math.inf < seconds <= now:
        raise ValueError(
            f"arrival: expected seconds of time.perf_counter up to now ({now!r}), got {seconds!r}"
        )
    return seconds


def _positive(seconds: float) -> float:
    if not 0.0 < seconds < math.inf:
        raise ValueError(f"deadline: expected a finite number of seconds > 0, got {seconds!r}")
    return seconds
