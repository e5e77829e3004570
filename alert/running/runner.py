"""The runner: what it is made of, the turns of its callers, and what it tells."""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alert import _arguments, _frames
from alert._closing import Closing
from alert._deprecated import renamed_attribute, renamed_keyword
from alert._profile_learnt import configurations_run
from alert._profile_parts import without_stops
from alert._warnings import warn
from alert.feedback import Feedback, User
from alert.goal import Goal
from alert.power.device import Device, cap_set, put_back
from alert.profile import Profile
from alert.running import deadlines, doubts
from alert.running.guessing import Guess, Numbers, refuse_both
from alert.running.hindsight import Hindsight
from alert.running.loop import NO_TIME, Loop
from alert.running.machine import Machine
from alert.running.models import Call, Models
from alert.running.outcome import Outcome
from alert.running.pause import Pause
from alert.running.report import Report
from alert.running.turn import Turn, TurnScheduler
from alert.running.verdict import Verdict
from alert.scheduler import HISTORY, Scheduler, _check_goal_type

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from alert.live.sender import Sender


class Runner(Closing):
    """Runs the model that the scheduler chooses, under the power cap that it chooses.

    Parameters
    ----------
    models : sequence or dict of callables, or Store
        The models of the profile, in its order or by its names. A `Store` loads what the scheduler
        wishes for while another model runs. A model to which the profile gives
        exits is an anytime model: calling it returns a generator that yields an output per exit.
    profile : Profile or None
        None where nothing has been measured: the profile is then guessed from `accuracy` and
        `size`, and learnt while the runner serves. Each model runs once first, under the highest
        cap. The attribute `profile` is what is known by then.
    goal : Goal
    power : str or device, default "auto"
        A kind that `alert.power.open` takes, or an open device. Where it cannot be capped, the
        highest cap of the profile stands for no cap: models alone are chosen.
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
    inference_mode : bool, default True
        Run models under `torch.inference_mode`. False leaves the mode of the caller: for outputs
        that are changed in place or trained with.
    release_after : float, optional
        Seconds without an input after which the cap that was found is put back until the next
        input. By default the last cap stays.
    on_input : callable, optional
        Called with the `Outcome` of every input, when its output is out and it is learnt from. The
        time belongs to no input, as that between two calls. An exception that it raises comes out
        of the call of the runner, in place of the output; the input counts all the same.
    accuracy, size : sequence or dict, optional
        Without a profile: the accuracy of each model, 0 to 1, and how large the models are,
        compared with each other: FLOPs, bytes, any guess. By default all are alike. See
        `Profile.guess`. (The `size` of a call is another thing: that of its input.)
    live : str, optional
        Name under which `alert watch` shows this runner, to this user on this machine. By default
        it does not.
    feedback : Feedback, optional
        Learn the accuracies of the models from ratings; see the method `feedback`.
    clock : callable, default time.perf_counter
        Monotonic seconds. Another clock is for simulations.

    Raises
    ------
    ValueError, TypeError
        An argument is out of range or of the wrong kind; a cap of the profile lies outside the
        range of the device.
    OSError
        The device cannot be opened, or the socket of `live` cannot be made.

    Warns
    -----
    UserWarning
        The profile was measured with another kind of device or on another machine, the deadline is
        at least 100 times as long as the slowest model takes, a module is in training mode, or
        nothing tells when the work of a model is done.

    Examples
    --------
    >>> with alert.Runner(models, profile, goal) as runner:  # doctest: +SKIP
    ...     for x in inputs:
    ...         y = runner(x)
    ...     print(runner.report())

    Notes
    -----
    The caller puts models into evaluation mode. A runner runs one input at a time: a call from
    another thread waits for its turn, and the wait is taken off its deadline. A model must not call
    its own runner. A cap that somebody else sets
    meanwhile is noticed and said once, and inputs are judged by the cap in force.
    """

    @renamed_keyword("trace", "history")
    def __init__(
        self,
        models: Models,
        profile: Profile | None,
        goal: Goal,
        power: str | Device = "auto",
        *,
        accuracy: Numbers | None = None,
        size: Numbers | None = None,
        method: str = "calibrated",
        constants: Mapping[str, float] | None = None,
        idle_gap: float | None = None,
        dwell: float | None = None,
        overhead: float | None = None,
        history: int = HISTORY,
        inference_mode: bool = True,
        release_after: float | None = None,
        on_input: Callable[[Outcome], object] | None = None,
        live: str | None = None,
        feedback: Feedback | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        fixed = None if overhead is None else _arguments.seconds("overhead", overhead)
        after = (
            None if release_after is None else _arguments.seconds("release_after", release_after)
        )
        _arguments.instance("clock", clock, Callable, "a callable")
        _arguments.instance("live", live, str | None, "text")
        _arguments.instance("on_input", on_input, Callable | None, "a callable")
        self._turn = Turn()
        guess: Guess | None = None
        if profile is None:
            _check_goal_type(goal)
            guess = Guess.of(models, accuracy, size, goal)
            profile = guess.profile()
        else:
            refuse_both(accuracy=accuracy, size=size)
        if isinstance(profile, Profile):
            profile = without_stops(profile)

        def scheduler_of(profile: Profile) -> TurnScheduler:
            scheduler = TurnScheduler(
                profile,
                goal,
                method=method,
                constants=constants,
                overhead=fixed or 0.0,
                history=history,
                feedback=feedback,
            )
            scheduler.turn = self._turn
            scheduler.expected = (None, None, None)
            scheduler.aside = ()
            return scheduler

        self._scheduler = scheduler_of(profile)
        self._clock = clock
        self._closed = False
        self._pause: Pause | None = None
        self._live: Sender | None = None
        doubts.of_deadline(goal, profile)
        machine = self._machine = Machine(
            models, guess or profile, power, inference_mode, clock, idle_gap
        )
        try:
            if machine.profile is not profile:
                self._scheduler = scheduler_of(machine.profile)
            loop = self._loop = Loop(
                machine, self._scheduler, self._turn, clock, history, dwell, fixed
            )
            loop.on_input = on_input
            self._found_cap = cap_set(machine.device)
            loop.set_cap(self._scheduler.decision.power_cap)
            if after is not None:
                self._pause = Pause(after, self._give_back)
                weakref.finalize(self, self._pause.end)
                self._pause.begin()
            if live is not None:
                from alert.running.live import show  # late: most runners are not watched

                self._live = show(self, live)
        except BaseException:
            self.close()
            raise

    # ---------------------------------------------------------------------------------- running

    def __call__(
        self,
        *args: Any,
        arrival: float | None = None,
        delay: float | None = None,
        deadline: float | None = None,
        goal: Goal | None = None,
        size: float | None = None,
        context: ArrayLike | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run one input.

        Parameters
        ----------
        *args, **kwargs
            The arguments of the model; or one `alert.Call`, which holds them.
        arrival : float, optional
            When the input came, in `time.perf_counter` seconds. The time since then is taken off
            its deadline.
        delay : float, optional
            Seconds that the input has waited so far, where no clock says when it came.
        deadline : float, optional
            Seconds that this input has from its arrival, instead of the goal's deadline or of its
            share of a common one.
        goal : Goal, optional
            Goal of this input only, with its deadline. Its bounds hold for this input alone; the
            average of the runner's goal counts neither its accuracy nor its energy.
        size : float, optional
            Size of this input, in the unit of the profile's `size`: examples in a batch, tokens,
            pixels. Latencies scale with it, where the profile has a `fixed_share`. None stands for
            the profile's `size`.
        context : array_like, optional
            Numbers known of this input, as many as `Feedback.context` says; from -10 to 10. None
            keeps those of the input before.

        Returns
        -------
        object
            The output of the model; for an anytime model, the last one before it was stopped.

        Raises
        ------
        ValueError
            `arrival`, `delay`, `deadline`, `size` or `context` is out of range, or an anytime model
            has too few exits.
        TypeError
            `goal` is no Goal. A model returned a coroutine, a future, a stream or the like instead
            of its output.
        RuntimeError
            The runner is closed, or a model called it.
        Exception
            The exception that the model raised. The runner learns nothing from such an input. The
            cap stays in force, and the next call works as if there had been no such input. But
            where the profile is learnt, a model that fails before it ever ran is set aside for some
            inputs.
        """
        called = self._clock()
        call = args[0] if args and isinstance(args[0], Call) else Call(*args, **kwargs)
        if goal is not None:
            _check_goal_type(goal)
        turn, loop = self._turn, self._loop
        with turn.lock:  # whoever comes meanwhile waits here
            turn.refuse_nested()
            try:
                if self._closed:
                    raise RuntimeError("this Runner is closed")
                return loop.run(call, called, (arrival, delay, deadline, goal, size, context))
            finally:
                turn.busy = False  # first and here: an interrupt may come with any call
                if loop.loading is not None:
                    loop.loading.forget()
                turn.catch_up()
                if self._pause is not None:
                    self._pause.begin()

    def warmup(self, *args: Any, **kwargs: Any) -> None:
        """Run every model three times on one input, and learn nothing.

        The first runs of a model compile, allocate and fill caches. Call this before the first
        input, and again for every shape of inputs where models are compiled for their shapes.

        Parameters
        ----------
        *args, **kwargs
            The arguments of the models; or one `alert.Call`, which holds them.
        """
        call = args[0] if args and isinstance(args[0], Call) else Call(*args, **kwargs)
        with self._turn.lock:
            self._turn.refuse_nested()
            try:
                self._turn.busy = True
                self._machine.warmup(call)
            finally:
                self._turn.busy = False
                self._turn.catch_up()

    def _give_back(self) -> None:
        """Put back the cap that was found, if no input runs."""
        machine = self._machine
        if self._turn.lock.acquire(blocking=False):
            try:
                if not self._closed and not machine.in_force.is_overruled:
                    machine.power_cap = math.nan
                    put_back(machine.device, self._found_cap)
            except OSError as error:
                with suppress(UserWarning):  # where it is an error: the thread of pauses goes on
                    warn(f"the power cap could not be put back while nothing runs: {error}")
            finally:
                self._turn.lock.release()

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
        came = deadlines.arrival_of(now, arrival, None)
        due = (now if came is None else came) + deadlines.checked(deadline)
        together = _arguments.integer("inputs", inputs, 1)

        def share() -> None:
            self._scheduler.share(max(due - self._clock(), NO_TIME), together)
            self._loop.deadlines.share(due, together)

        self._turn.change(share)

    # ---------------------------------------------------------------------------------- feedback

    @property
    def ticket(self) -> int | None:
        """The ticket of the last input, to rate it with; None before it, or without feedback.

        A thread gets that of the last input that it has run itself.
        """
        last = self._loop.last
        return None if last is None else last.decision.ticket

    def feedback(self, ticket: int, score: float, user: User = None) -> bool:
        """Learn how good an output was, from any thread, however late; also after `close`.

        See `Scheduler.feedback`. An input that runs is not disturbed: the next choice goes by what
        was learnt.
        """
        return self._scheduler.feedback(ticket, score, user)

    # --------------------------------------------------------------------------------- reporting

    @property
    def scheduler(self) -> Scheduler:
        """The scheduler."""
        return self._scheduler

    @property
    def goal(self) -> Goal:
        """The goal of the scheduler. It may be set at any time.

        A goal that is set while an input runs holds from the next input on.
        """
        return self._scheduler.goal

    @goal.setter
    def goal(self, goal: Goal) -> None:
        self._scheduler.goal = goal

    @property
    def profile(self) -> Profile:
        """The profile that is chosen from: where it is learnt, as known by now."""
        return self._scheduler.profile

    @property
    def device(self) -> Device:
        """The power device."""
        return self._machine.device

    @property
    def history(self) -> NDArray[np.void]:
        """The last inputs, oldest first: the scheduler's history and the runner's own columns.

        The runner adds six columns. `arrival` and `start` of the model are in clock seconds.
        `response` is the seconds from the arrival to the return of the output. `lateness` is the
        seconds after the deadline, negative for an output in time. `cap_changed` marks a new cap.

        `energy_source` is "measured", "blended" or "profile". A blended energy belongs to an input
        too short for the counter's steps; the profile splits the joules of several such inputs. The
        word "profile" means that the counter has not stepped yet or cannot be read; in the second
        case `energy` is NaN. `deadline` is the time that was left when the input was chosen for.
        """
        return self._loop.ledger.history(self._scheduler.history)

    trace = renamed_attribute("history")

    def frame(self) -> pandas.DataFrame:
        """Return the history as a data frame, with the names of models. Needs pandas."""
        return _frames.history_frame(self.history, self._machine.profile.models)

    def plot(self) -> Figure:
        """Draw the remembered inputs: latency, slowdown and choices. Needs matplotlib.

        Returns
        -------
        matplotlib.figure.Figure
            A notebook shows it; its method ``savefig`` writes it to a file.
        """
        from alert.plots import run

        return run.draw(self.profile, self.history, self._machine.device.emulated)

    @property
    def last(self) -> Outcome | None:
        """What became of the last input; None before the first.

        A thread sees the last input that it has run itself. One that has run none sees the last.
        """
        return self._loop.last

    @property
    def on_input(self) -> Callable[[Outcome], object] | None:
        """What is called with the `Outcome` of every input. It may be set at any time."""
        return self._loop.on_input

    @on_input.setter
    def on_input(self, call: Callable[[Outcome], object] | None) -> None:
        _arguments.instance("on_input", call, Callable | None, "a callable")
        self._loop.on_input = call

    def report(self) -> Report:
        """Sum up the inputs so far."""
        machine, loop = self._machine, self._loop
        energy = machine.energy if loop.ledger.inputs else None
        scheduler, history, profile = self._scheduler, self.history, self.profile
        return loop.ledger.report(
            models=profile.models,
            unit=profile.unit,
            energy=energy,
            estimated=energy is not None and machine.estimated,
            overhead=loop.slack,
            power=machine.device.kind,
            emulated=machine.device.emulated,
            verdict=Verdict.of(scheduler),
            remembered=history,
            hindsight=Hindsight.of(profile, scheduler.goal, history, loop.slack, scheduler.offsets),
            loads=None if loop.loading is None else loop.loading.loads,
            waits=0 if loop.loading is None else loop.loading.waits,
            learnt=configurations_run(profile),
        )

    def __repr__(self) -> str:
        state = ", closed" if self._closed else ""
        done = f"{self._loop.ledger.inputs} inputs{state}"
        return f"<alert.Runner on {self._machine.device.kind}, {done}: {self._scheduler!r}>"

    def _repr_html_(self) -> str:
        return self._scheduler._repr_html_() + self.report()._repr_html_()

    # ----------------------------------------------------------------------------------- closing

    def close(self) -> None:
        """Close the device if this runner opened it. The report stays. Calling again is fine."""
        with self._turn.lock:  # an input that runs is finished first
            if not self._closed:
                self._closed = True
                if self._pause is not None:
                    self._pause.end()
                if self._live is not None:
                    self._live.close()
                self._machine.close()
