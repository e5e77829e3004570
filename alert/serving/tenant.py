"""A tenant, as its application sees it: requests go in here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from numpy.typing import ArrayLike

from alert._closing import OfOneProcess
from alert.feedback import User
from alert.goal import Goal
from alert.running.models import Call
from alert.serving.account import Account
from alert.serving.answer import Answer
from alert.serving.bounds import Bounds

Send: TypeAlias = Callable[
    [Account, Call, "float | None", "Goal | None", "ArrayLike | None"], Answer
]


class Tenant(OfOneProcess):
    """Takes the requests of one application; `alert.Server.tenant` makes it.

    Attributes
    ----------
    name : str
    goal : Goal
        What its bounds make.
    """

    __slots__ = ("_account", "_bounds", "_send")

    def __init__(self, account: Account, bounds: Bounds, send: Send) -> None:
        self._account = account
        self._bounds = bounds
        self._send = send

    @property
    def name(self) -> str:
        """The name that the server knows it by."""
        return self._account.name

    @property
    def goal(self) -> Goal:
        """The goal that the bounds make."""
        return self._account.goal

    def submit(
        self,
        *args: Any,
        max_latency: float | None = None,
        min_accuracy: float | None = None,
        max_energy: float | None = None,
        context: ArrayLike | None = None,
        **kwargs: Any,
    ) -> Answer:
        """Send a request, from any thread.

        Parameters
        ----------
        *args, **kwargs
            The arguments of the model; or one `alert.Call`, which holds them.
        max_latency, min_accuracy, max_energy : float, optional
            Bounds of this request alone, in the place of the tenant's.
        context : array_like, optional
            Numbers known of this request, as many as `Feedback.context` says; from -10 to 10. None
            keeps those of the request before.

        Returns
        -------
        Answer
            A `concurrent.futures.Future` whose `decision` says what ran, and whose `ticket` serves
            to rate it. Where there is no time for the request, its exception is an
            `alert.Overloaded`.

        Raises
        ------
        ValueError, TypeError
            A bound is out of range or no number, or `context` is none of this tenant.
        RuntimeError
            The server is closed, or belongs to another process.
        """
        call = args[0] if args and isinstance(args[0], Call) else Call(*args, **kwargs)
        if max_latency is None and min_accuracy is None and max_energy is None:
            return self._send(self._account, call, self._bounds.max_latency, None, context)
        own = self._bounds.with_others(max_latency, min_accuracy, max_energy)
        goal = own.goal_for(self._account.scheduler.profile)
        return self._send(self._account, call, own.max_latency, goal, context)

    def feedback(self, ticket: int, score: float, user: User = None) -> bool:
        """Learn how good an answer was, from any thread, however late.

        See `Scheduler.feedback`. Each tenant learns for itself.
        """
        return self._account.scheduler.feedback(ticket, score, user)

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request, and return its output.

        The parameters are those of `submit`. Cancelling the task takes the request back.

        Raises
        ------
        Overloaded
            There is no time for the request.
        Exception
            What the model raised, and what `submit` raises.
        """
        import asyncio  # late: it would double the time of `import alert`

        return await asyncio.wrap_future(self.submit(*args, **kwargs))

    def __repr__(self) -> str:
        return f"<alert.Tenant {self.name!r}: {self.goal!r}>"
