"""The server: many tenants, one machine, one worker."""

from __future__ import annotations

import atexit
import math
import os
import time
import weakref
from collections.abc import Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from alert import _arguments
from alert._closing import OfOneProcess
from alert._profile_learnt import settled
from alert._profile_parts import without_stops
from alert._text import shown
from alert._warnings import warn
from alert.feedback import Feedback
from alert.goal import Goal
from alert.power.device import Device
from alert.profile import Profile
from alert.running.models import Call, Models
from alert.running.switching import Switching
from alert.scheduler import Scheduler
from alert.serving.account import Account
from alert.serving.answer import Answer
from alert.serving.bounds import Bounds, Optimise
from alert.serving.budget.demand import Demand, Loss
from alert.serving.dispatch import Dispatch
from alert.serving.machine import ServerMachine
from alert.serving.policies import Choose, Policy, find
from alert.serving.report import ServerReport, TenantReport
from alert.serving.requests import Request
from alert.serving.tenant import Tenant
from alert.serving.worker import Worker
from alert.store import Store, size

if TYPE_CHECKING:
    from typing_extensions import Self

    from alert.live.sender import Sender


class Server(OfOneProcess):
    """Serves the requests of many tenants on one machine, under one power cap.

    Every tenant states its own bounds. The server decides who is next, which model runs under which
    cap, and who is given up where there is no time for all.

    Parameters
    ----------
    models, profile, power, method, constants, inference_mode
        See `alert.Runner`.
    policy : str or callable, default "price"
        "price": the earliest deadline first; a second of the machine has a price, which rises where
        requests are late. "look-ahead": the same, with a price that also looks at what waits.
        "edf" and "fifo": each request chooses as if it was alone, in the order of deadlines or of
        arrivals. "accuracy-scaling": the accuracy that carries the demand of the last seconds.
        "fixed:NAME": one model under the highest cap. Or a function that takes an
        `alert.serving.view.View` and returns the row of a request and the row of one of its
        options, None to give it up.
    stop : callable, optional
        Called with the output of every exit of an anytime model; True ends the run there. See
        `alert.sure`, and `Profile.with_stop` for choices that expect it.
    batch : int, default 1
        Requests that may run together, where the profile says that it pays: a model takes a part of
        its latency once for all of them (`Profile.measure(sizes=)`). Their inputs are arrays or
        tensors of one shape, with the examples along the first axis. Outputs have a row for each
        example.
    live : str, optional
        Name under which `alert watch` shows the tenants, to this user on this machine. By default
        it does not.
    patience : float, default 60.0
        Seconds after which a model is taken to hang. Its request gets a `TimeoutError`, and another
        thread serves the others.
    clock : callable, default time.perf_counter
        Monotonic seconds. Another clock is for simulations.

    Raises
    ------
    ValueError, TypeError
        An argument is out of range or of the wrong kind.
    OSError
        The device cannot be opened, or the socket of `live` cannot be made.

    Examples
    --------
    >>> async with alert.Server(models, profile) as server:  # doctest: +SKIP
    ...     camera = server.tenant("camera", max_latency=0.1)
    ...     archive = server.tenant("archive", min_accuracy=0.76, max_latency=0.4)
    ...     y = await camera(x)
    ...     y = archive.submit(x).result()
    ...     print(server.report())

    Notes
    -----
    Use it as ``with`` or ``async with``, or call `close`. Any thread and any event loop may send
    requests. A process that was forked has no worker: make another server there.
    """

    def __init__(
        self,
        models: Models,
        profile: Profile,
        power: str | Device = "auto",
        *,
        policy: str | Choose | Policy = "price",
        stop: Callable[[Any], bool] | None = None,
        method: str = "calibrated",
        constants: Mapping[str, float] | None = None,
        inference_mode: bool = True,
        batch: int = 1,
        live: str | None = None,
        patience: float = 60.0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        _arguments.instance("profile", profile, Profile, "a Profile")
        _arguments.instance("stop", stop, Callable | None, "a callable")
        profile = settled(profile if stop else without_stops(profile))
        _arguments.instance("clock", clock, Callable, "a callable")
        _arguments.instance("live", live, str | None, "text")
        _arguments.integer("batch", batch, 1)
        _arguments.seconds("patience", patience, above_zero=True)
        find(policy, profile)  # a bad one opens no device
        _warn_of_loads(models)
        self._method, self._constants = method, constants
        self._clock = clock
        self._tenants: dict[str, Tenant] = {}
        self._accounts: list[Account] = []
        self._closed = False
        self._process = os.getpid()
        self._machine = ServerMachine(models, profile, power, inference_mode, clock)
        self._profile = self._machine.profile
        self._dispatch = Dispatch(self._profile, policy, batch)
        self._worker = Worker(self._dispatch, self._machine, stop, patience, clock)
        self._live: Sender | None = None
        _open.add(self)
        if live is not None:
            self._show(live)

    def _show(self, name: str) -> None:
        """Show this server to `alert watch`."""
        from alert.serving.live import show  # late: most servers are not watched

        try:
            self._live = show(self, name)
        except BaseException:
            self.close()
            raise

    def tenant(
        self,
        name: str,
        *,
        max_latency: float | None = None,
        min_accuracy: float | None = None,
        max_energy: float | None = None,
        optimise: Optimise | None = None,
        weight: float = 1.0,
        feedback: Feedback | None = None,
    ) -> Tenant:
        """Add a tenant, and return what it sends its requests to.

        Parameters
        ----------
        name : str
        max_latency : float, optional
            Seconds from the submission of a request to its output.
        min_accuracy : float, optional
            Least accuracy of its outputs on average, 0 to 1.
        max_energy : float, optional
            Most joules a request on average, above what the idle machine draws.
        optimise : {"energy", "accuracy", "latency"}, optional
            What is made best where all bounds hold. By default the energy where an accuracy is
            given, else the accuracy.
        weight : float, default 1.0
            Its share of the machine where there is no time for all, relative to others.
        feedback : Feedback, optional
            Learn from ratings how accurate the models are for this tenant; see `Tenant.feedback`.

        Raises
        ------
        ValueError, TypeError
            A bound is out of range, or there is a tenant of this name.
        """
        _arguments.instance("name", name, str, "text")
        bounds = Bounds(max_latency, min_accuracy, max_energy, optimise)
        goal = bounds.goal_for(self._profile)
        share = _arguments.above_zero("weight", weight)
        scheduler = Scheduler(
            self._profile,
            goal,
            method=self._method,
            constants=self._constants,
            history=0,
            feedback=feedback,
        )
        with self._worker.lock:
            if name in self._tenants:
                raise ValueError(f"name: expected a new name, got {shown(name)} again")
            number = len(self._accounts)
            switching = Switching(scheduler, self._machine.device, None)
            account = Account(name, number, goal, scheduler, share, switching)
            self._accounts.append(account)
            self._tenants[name] = Tenant(account, bounds, self._send)
            return self._tenants[name]

    def warmup(self, *args: Any, **kwargs: Any) -> None:
        """Run every model three times on one input, and learn nothing.

        The first runs of a model compile, allocate and fill caches. Call this before the first
        request; requests that come meanwhile wait.

        Parameters
        ----------
        *args, **kwargs
            The arguments of the models; or one `alert.Call`, which holds them.
        """
        self._worker.warmup(
            args[0] if args and isinstance(args[0], Call) else Call(*args, **kwargs)
        )

    @property
    def tenants(self) -> Mapping[str, Tenant]:
        """The tenants by name."""
        return MappingProxyType(self._tenants)

    @property
    def profile(self) -> Profile:
        """The profile that is chosen from."""
        return self._profile

    @property
    def device(self) -> Device:
        """The power device."""
        return self._machine.device

    @property
    def power_limit(self) -> float | None:
        """Watts that no cap exceeds, from the next request on; None for no limit.

        It is no lower than the profile's lowest cap. `alert.integrations.ray.power_budget` sets it
        where machines share a budget.
        """
        return self._dispatch.power_limit

    @power_limit.setter
    def power_limit(self, watts: float | None) -> None:
        lowest = float(self._profile.power_caps[0])
        if watts is not None and lowest == math.inf:
            raise ValueError(
                f"power_limit: expected None where the profile has no power cap, got {shown(watts)}"
            )
        if watts is not None and not lowest <= _arguments.number("power_limit", watts):
            raise ValueError(
                f"power_limit: expected no less than the lowest power cap, {lowest:g} W, "
                f"got {shown(watts)}"
            )
        self._worker.limit_power(None if watts is None else float(watts))

    @property
    def power_cap(self) -> float | None:
        """Watts of the cap in force, or of a higher one that a chosen job is about to set.

        None for no cap, or while it is unknown.
        """
        return self._worker.power_cap

    def demand(self) -> Loss:
        """Return what limits on the power would cost, by the requests of the last seconds.

        The first call begins to count.

        Returns
        -------
        Loss
            For every cap of the profile, joules a second that a limit at this cap loses.
        """
        with self._worker.lock:
            if self._dispatch.demand is None:
                self._dispatch.demand = Demand(self._profile)
            return self._dispatch.demand.loss(self._clock())

    @property
    def closed(self) -> bool:
        """Whether requests are refused because the server is closed, or about to be."""
        return self._worker.closing

    def _send(
        self,
        account: Account,
        call: Call,
        allowed: float | None,
        goal: Goal | None,
        context: ArrayLike | None,
    ) -> Answer:
        if self._process != os.getpid():
            raise RuntimeError("this Server is that of another process, from before the fork")
        now = self._clock()
        due = math.inf if allowed is None else now + allowed
        answer = Answer()
        if context is not None:
            account.scheduler.accuracies(context)  # refuses a bad one here and now
        self._worker.send(Request(account, now, due, goal, call, answer, context))
        return answer

    def report(self) -> ServerReport:
        """Sum up the requests so far."""
        with self._worker.lock:
            machine = self._worker.machine
            return ServerReport(
                tenants=tuple(TenantReport.of(account) for account in self._accounts),
                energy=machine.energy,
                estimated=machine.estimated,
                waiting=len(self._dispatch.queue),
                price=self._dispatch.price.watts,
                overhead=self._dispatch.admission.overhead,
                power=machine.device.kind,
                emulated=machine.device.emulated,
            )

    # ------------------------------------------------------------------------------------ closing

    def close(self, *, cancel: bool = False) -> None:
        """Serve what waits, end the worker, and close the device if this server opened it.

        New requests are refused from now on. Calling again is fine.

        Parameters
        ----------
        cancel : bool, default False
            Cancel the requests that wait, instead of serving them.
        """
        if self._closed or self._process != os.getpid():
            return
        self._worker.close(cancel)
        if self._live is not None:
            self._live.close()
        self._closed = True
        _open.discard(self)
        self._machine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(cancel=kind is not None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        import asyncio  # late: it would double the time of `import alert`

        await asyncio.to_thread(self.close, cancel=kind is not None)

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{len(self._dispatch.queue)} waiting"
        names = ", ".join(self._tenants) or "none yet"
        return f"<alert.Server on {self._machine.device.kind}, {state}; tenants: {names}>"


def _warn_of_loads(models: Models) -> None:
    """Warn of a store that does not hold all of its models at once."""
    if isinstance(models, Store) and models.needed > models.budget:
        warn(
            f"a Server does not plan loads, and this Store holds {size.text(models.budget)} of the "
            f"{size.text(models.needed)} of its models: requests wait for loads, which count as "
            "slowdown; raise the budget, or use a Runner"
        )


_open: weakref.WeakSet[Server] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Close the servers that nobody has closed, so that no model runs while Python ends."""
    for server in list(_open):
        server.close(cancel=True)
