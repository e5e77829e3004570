"""The worker: a thread that runs one job after the other, and an alarm beside it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from alert._warnings import warn
from alert.running.models import Call
from alert.serving.alarm import Alarm
from alert.serving.batches import joined, length, split
from alert.serving.dispatch import Dispatch, Job, Refusal
from alert.serving.machine import Run, ServerMachine
from alert.serving.requests import Request
from alert.serving.sure import Leaves


@dataclass(eq=False, slots=True)
class _Running:
    """A job that runs, and the time from which it is taken to hang."""

    job: Job
    until: float


class _Next(NamedTuple):
    """What the worker does next."""

    refused: Sequence[Refusal] = ()
    running: _Running | None = None
    limit: float | None = None  # on the power, that the cap in force exceeds


class Worker:
    """Serves the requests of a dispatch on a machine, each with exactly one answer.

    Parameters
    ----------
    dispatch : Dispatch
    machine : ServerMachine
    stop : callable or None
        See `alert.Server`.
    patience : float
        Seconds after which a model is taken to hang.
    clock : callable
        Monotonic seconds.

    Attributes
    ----------
    lock : Lock
        Guards the dispatch and the accounts.
    closing : bool
        No more requests are taken.
    """

    def __init__(
        self,
        dispatch: Dispatch,
        machine: ServerMachine,
        stop: Callable[[Any], bool] | None,
        patience: float,
        clock: Callable[[], float],
    ) -> None:
        self._dispatch = dispatch
        self._machine = machine
        self._stop = stop
        self._patience = patience
        self._clock = clock
        self.lock = threading.Lock()
        self._changed = threading.Condition(self.lock)
        self.closing = False
        self._drained = False
        self._warms_up = False
        self._running: _Running | None = None
        self._new_limit: float | None = None  # that the cap in force may exceed
        self._alarm = Alarm(self._look, clock)
        self._thread = self._start()

    # --------------------------------------------------------------------------- from any thread

    def send(self, request: Request) -> None:
        """Put a request in the queue, or answer that there is no time for it.

        Raises
        ------
        RuntimeError
            The worker is closed.
        """
        request.answer.withdraw = lambda: self._withdraw(request)
        with self.lock:
            if self.closing:
                raise RuntimeError("this Server is closed")
            refused = self._dispatch.submit(request, request.arrival)
            expiry = self._dispatch.next_expiry()
            self._changed.notify()
        _refuse(refused)
        self._alarm.by(expiry)

    def _withdraw(self, request: Request) -> None:
        with self.lock:
            self._dispatch.withdraw(request)

    def warmup(self, call: Call) -> None:
        """Run every model a few times between two jobs; requests wait meanwhile."""
        with self.lock:
            self._changed.wait_for(lambda: self._running is None and not self._warms_up)
            if self.closing:
                raise RuntimeError("this Server is closed")
            self._warms_up = True
        try:
            self._machine.warmup(call)
        finally:
            with self.lock:
                self._warms_up = False
                self._changed.notify_all()

    def close(self, cancel: bool) -> None:
        """Serve what waits, or cancel it; return when the last job is done.

        Raises
        ------
        RuntimeError
            A model or a callback has called it, in the thread of the worker.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError("a model, or a callback of an answer, closes the Server it runs in")
        with self.lock:
            self.closing = True
            waiting = list(self._dispatch.queue) if cancel else []
            self._changed.notify_all()
        for request in waiting:
            request.answer.cancel()
        with self.lock:
            self._changed.wait_for(lambda: self._drained)
        self._alarm.end()

    def limit_power(self, watts: float | None) -> None:
        """Let no cap exceed so many watts; a job that runs keeps its cap to its end."""
        with self.lock:
            self._dispatch.power_limit = self._new_limit = watts
            self._changed.notify()

    @property
    def machine(self) -> ServerMachine:
        """The machine. Another one of the same device takes its place when a model hangs."""
        return self._machine

    @property
    def power_cap(self) -> float | None:
        """Highest cap in force, or about to be for a chosen job; None for no cap, or unknown."""
        with self.lock:
            caps = [self._machine.power_cap]
            if self._running is not None:
                caps.append(self._running.job.decision.power_cap)
        known = [cap for cap in caps if cap is not None and not math.isnan(cap)]
        return max(known) if len(known) == len(caps) else None

    # ------------------------------------------------------------------------- from the alarm

    def _look(self) -> float:
        """Give up what is hopeless and a model that hangs; return when to look again."""
        with self.lock:
            now = self._clock()
            refused = self._dispatch.expire(now)
            if self._running is not None and now >= self._running.until:
                refused += self._abandon(self._running, now)
            hangs = math.inf if self._running is None else self._running.until
            again = min(self._dispatch.next_expiry(), hangs)
        _refuse(refused)
        return again

    def _abandon(self, running: _Running, now: float) -> list[Refusal]:
        """Leave a model that hangs to its thread, and go on in another one; the lock is held."""
        model = self._dispatch.profile.models[running.job.decision.model]
        self._dispatch.fail(running.job, now)
        self._running = None
        self._machine = self._machine.again()
        self._thread = self._start()
        error = TimeoutError(
            f"{model} has been running for {self._patience:g} s: it hangs, and was given up"
        )
        return [(request, error) for request in running.job.requests]

    # ------------------------------------------------------------------------ from the worker

    def _start(self) -> threading.Thread:
        thread = threading.Thread(target=self._work, name="alert.Server worker", daemon=True)
        thread.start()
        return thread

    def _work(self) -> None:
        """Run one job after the other, until all is done or another thread has taken over."""
        while True:
            with self.lock:
                found = self._next()
                machine = self._machine
            if found is None:
                return
            _refuse(found.refused)
            if found.limit is not None:
                _keep_within(machine, found.limit)
            if found.running is not None and not self._run(found.running, machine):
                return

    def _next(self) -> _Next | None:
        """Wait for what is to be done; return None at the end. The lock is held."""
        while True:
            self._changed.wait_for(lambda: not self._warms_up)
            limit, self._new_limit = self._new_limit, None
            if limit is not None and self._machine.exceeds(limit):
                return _Next(limit=limit)
            now = self._clock()
            refused, job = self._dispatch.next(now)
            if job is not None:
                self._running = _Running(job, now + self._patience)
                return _Next(refused, self._running)
            if refused:
                return _Next(refused)
            if self.closing:
                self._drained = True
                self._changed.notify_all()
                return None
            self._changed.wait()

    def _run(self, running: _Running, machine: ServerMachine) -> bool:
        """Run a job and answer; return False where another thread has taken over meanwhile."""
        job = self._begin(running)
        if job is None:
            return True
        self._alarm.by(running.until)
        due = min(request.due for request in job.requests)
        due -= self._dispatch.admission.overhead
        try:
            call = joined([request.call for request in job.requests])
            leaves = Leaves(self._stop, partial(self._is_urgent_before, job.request))
            run = machine.run(job.decision, call, due, leaves)
            outputs = self._outputs(job, run)
        except BaseException as error:  # of the model: it is for those who wait
            return self._end(running, partial(self._dispatch.fail, job), error)
        return self._end(running, partial(self._book, running, run, leaves.sure), outputs)

    def _begin(self, running: _Running) -> Job | None:
        """Leave out requests that were cancelled; return what is left of the job."""
        job: Job | None = running.job
        for request in running.job.requests:
            if request.answer.set_running_or_notify_cancel():
                request.answer.decision = running.job.decision
                continue
            with self.lock:
                assert job is not None
                job = self._dispatch.drop(job, request, self._clock())
        with self.lock:
            if job is None:
                self._running = None
                self._changed.notify_all()
            else:
                running.job = job
        return job

    def _outputs(self, job: Job, run: Run) -> list[Any]:
        """Return the output for each request."""
        if len(job.requests) == 1:
            return [run.output]
        examples = length(job.request.call)
        assert examples is not None  # or it would be no batch
        return split(run.output, len(job.requests), examples)

    def _end(
        self,
        running: _Running,
        book: Callable[[float], object],
        outcome: list[Any] | BaseException,
    ) -> bool:
        """Book a job that has ended and reply, unless the job was given up meanwhile."""
        with self.lock:
            if self._running is not running:
                return False
            self._running = None
            self._changed.notify_all()
            try:
                book(self._clock())
            except Exception as error:  # what was measured makes no sense
                outcome = error
        for place, request in enumerate(running.job.requests):
            request.answer.ticket = request.ticket
            if isinstance(outcome, BaseException):
                request.answer.set_exception(outcome)
            else:
                request.answer.set_result(outcome[place])
        return True

    def _book(self, running: _Running, run: Run, sure: bool, now: float) -> None:
        latency = run.done - run.start
        self._dispatch.admission.count_overhead(now - running.job.since - latency - run.switched)
        self._dispatch.power_cap = running.job.decision.power_cap
        for request in running.job.requests:
            if request.account.switching is not None:
                request.account.switching.ask_device()
                request.account.switching.count(running.job.since)
        self._dispatch.finish(
            running.job,
            run.done,
            latency,
            run.energy,
            idle_power=run.idle_power,
            exit=run.exit,
            sure=sure,
            power_cap=run.power_cap,
        )

    def _is_urgent_before(self, request: Request) -> bool:
        with self.lock:
            return self._dispatch.is_urgent_before(request)


def _keep_within(machine: ServerMachine, limit: float) -> None:
    """Lower the cap in force to a limit in watts; the next job sets a cap, too."""
    try:
        machine.keep_within(limit)
    except Exception as error:
        with suppress(UserWarning):  # where it is an error: the worker goes on
            warn(f"the power cap stays above the limit of {limit:g} W ({error})")


def _refuse(refused: Iterable[Refusal]) -> None:
    for request, error in refused:
        request.answer.fail(error)
