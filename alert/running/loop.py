"""The loop of a runner: one input after another is chosen for, run, measured and learnt from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from numpy.typing import ArrayLike

from alert._core import Decision
from alert.goal import Goal
from alert.running import deadlines
from alert.running.deadlines import Deadlines
from alert.running.failures import Failures
from alert.running.ledger import Ledger
from alert.running.loading import loading_of
from alert.running.machine import Machine
from alert.running.models import Call, inference_mode
from alert.running.outcome import OfThread, Outcome
from alert.running.switching import Switching
from alert.running.turn import Turn, TurnScheduler

# Deadline, in seconds, of an input that is late before it starts: it still gets an output, and the
# scheduler takes no deadline of zero. Every configuration is late under it.
NO_TIME = 1e-9

# Weight of one input in the average of the overhead.
_OVERHEAD_WEIGHT = 1.0 / 16.0

# Seconds that a call waits for its turn unnoticed. Longer waits are taken off the deadline.
_NO_WAIT = 1e-4

# What a caller tells of one input: arrival, delay, deadline, goal, size and context.
Told: TypeAlias = tuple[
    float | None, float | None, float | None, Goal | None, float | None, ArrayLike | None
]

# Of one input: the decision, when it came, is due, and is to stop, and whether it has a goal of its
# own.
_Chosen: TypeAlias = tuple[Decision, float, float, float, bool]


class Loop:
    """Runs inputs: chooses, sets the cap, runs the model, measures and learns.

    The caller sees to it that one input runs at a time.

    Parameters
    ----------
    machine : Machine
    scheduler : TurnScheduler
    turn : Turn
    clock : callable
        Monotonic seconds.
    history : int
        Inputs to remember.
    dwell : float, optional
        Seconds that a new cap stays in force; see `Switching`.
    overhead : float, optional
        Seconds that the scheduler takes off every deadline; by default as measured here.

    Attributes
    ----------
    deadlines : Deadlines
    ledger : Ledger
    loading : Loading or None
        How models come and go; None where all of them stay.
    on_input : callable or None
        Called with the `Outcome` of every input.
    """

    def __init__(
        self,
        machine: Machine,
        scheduler: TurnScheduler,
        turn: Turn,
        clock: Callable[[], float],
        history: int,
        dwell: float | None,
        overhead: float | None,
    ) -> None:
        self._machine, self._scheduler, self._turn, self._clock = machine, scheduler, turn, clock
        self._names = machine.profile.models
        self._fixed_overhead = overhead is not None
        self._overhead = math.nan  # seconds, averaged; NaN before the first input
        self._switching = Switching(scheduler, machine.device, dwell)
        self.deadlines = Deadlines()
        self.ledger = Ledger(history)
        self.loading = loading_of(machine.models, scheduler, clock)
        self._failures = Failures(scheduler)
        self._last: tuple[Any, ...] | None = None  # fields of an Outcome
        self._mine = OfThread()
        self.on_input: Callable[[Outcome], object] | None = None

    def run(self, call: Call, called: float, told: Told) -> Any:
        """Run one input, and return its output; `called` is when the caller asked for it."""
        clock, machine = self._clock, self._machine
        meter = machine.meter
        entered = clock()
        decision, came, due, stop, has_own_goal = self._choose(entered, called, told)
        begun, planned, fresh = None, 0.0, False
        if (loading := self.loading) is not None:
            decision = loading.choose(decision)
            if not loading.is_there(decision.model):
                begun, decision = clock(), self._load(decision, stop)
                planned = clock() - begun
            fresh = loading.is_fresh(decision.model)
        model, power_cap = decision
        cap_changed = power_cap != machine.power_cap or machine.in_force.is_overruled
        if cap_changed:
            planned += self.set_cap(power_cap)
        machine.execution.finish(model)
        self._turn.busy = True
        try:
            with inference_mode(machine.inference_mode):
                if begun is None:
                    meter.begin(decision.latency)
                machine.device.begin()
                start = clock()
                output, reached = self._output(decision, call, start, stop - self.slack)
                done = clock()
                metered = start if begun is None else begun
                energy, energy_source, idle_power = meter.end(model, power_cap, metered, done)
        except BaseException:
            meter.fail()
            machine.device.pace()  # accounts for the work so far
            raise
        try:
            latency = done - start
            if fresh and loading is not None:
                latency = loading.typical(latency, decision, stop - self.slack - start)
            self._scheduler.step(
                latency,
                energy,
                idle_power=idle_power,
                exit=reached,
                power_cap=machine.in_force.other_than(power_cap, done),
            )
            self.deadlines.count()
            self._failures.count()
            left = clock()
            times = came, start, left, due
            self.ledger.add(decision, cap_changed, energy_source, times, has_own_goal)
        except BaseException:  # an interrupt may come between the two
            self.ledger.follow(self._scheduler.history)
            raise
        self._count_overhead(left - entered - (done - start) - planned)
        self._switching.count(entered)
        name = self._names[model]
        counted = latency, energy, energy_source, left - due
        self._mine.last = self._last = (name, reached, power_cap, *counted, decision)
        if self.on_input is not None:
            self.on_input(Outcome._make(self._last))
        return output

    def _output(
        self, decision: Decision, call: Call, start: float, stop: float
    ) -> tuple[Any, int | None]:
        """Run the model; return its output and exit. A failure is the model's, not the device's."""
        try:
            return self._machine.execution.run(decision, call, start, stop)
        except Exception as error:
            self._failures.add(decision, error)
            raise

    def _choose(self, entered: float, called: float, told: Told) -> _Chosen:
        """Place an input on the clock, and choose for it."""
        arrival, delay, deadline, goal, size, context = told
        scheduler = self._scheduler
        came = deadlines.arrival_of(called, arrival, delay)
        standing = scheduler.goal
        own = None if goal == standing else goal
        is_usual = context is None and (came, deadline, own, size) == (None, None, None, None)
        came = called if came is None else came
        if is_usual and not self.deadlines.unusual and entered - called <= _NO_WAIT:
            due = called + standing.deadline
            return scheduler.decision, came, due, due, False
        if context is not None:
            scheduler.context = context
        if deadline is not None:
            deadlines.checked(deadline)
        elif own is not None:
            deadline = own.deadline
        due, time_left = self.deadlines.place(entered, came, deadline, standing.deadline)
        limit = max(time_left, NO_TIME) if time_left < math.inf else None
        decision = scheduler.decide(limit, goal=standing if own is None else own, size=size)
        return decision, came, due, entered + time_left, own is not None

    def _load(self, decision: Decision, stop: float) -> Decision:
        """Load the model of a decision; return the choice by the time that is left then."""
        loading, clock = self.loading, self._clock
        assert loading is not None
        self._machine.meter.begin(math.inf)  # the input is charged for the load
        self._turn.busy = True
        try:
            loading.load(decision.model)
        except BaseException:
            self._machine.meter.fail()
            raise
        finally:
            self._turn.busy = False
        time_left = max(stop - clock(), NO_TIME)
        return loading.choose_again(decision.model, time_left if time_left < math.inf else None)

    def set_cap(self, power_cap: float | None) -> float:
        """Put a cap in force; return the part of the time that the scheduler has planned for."""
        begun, planned = self._clock(), self._scheduler.switch_cost
        self._machine.set_cap(power_cap)
        self._switching.ask_device()
        return min(self._clock() - begun, planned)

    @property
    def last(self) -> Outcome | None:
        """What became of the last input that this thread has run; else of the last; None before."""
        mine = self._mine.last
        return self.newest if mine is None else Outcome._make(mine)

    @property
    def newest(self) -> Outcome | None:
        """What became of the last input, whichever thread has run it; None before."""
        return None if self._last is None else Outcome._make(self._last)

    @property
    def slack(self) -> float:
        """The seconds that an input takes besides its model; 0 before the first input."""
        return 0.0 if math.isnan(self._overhead) else self._overhead

    def _count_overhead(self, seconds: float) -> None:
        if math.isnan(self._overhead):
            self._overhead = seconds
        else:
            self._overhead += (seconds - self._overhead) * _OVERHEAD_WEIGHT
        if not self._fixed_overhead:
            self._scheduler.overhead = self._overhead
