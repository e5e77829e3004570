"""A deployment of Ray Serve: one `alert.Server` on each node."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import ray
from ray import serve
from starlette.applications import Starlette
from starlette.routing import Mount

from alert._text import shown
from alert.integrations.ray.budget import PowerBudget
from alert.serving.budget.member import Member
from alert.serving.http import app
from alert.serving.server import Server

# Requests that Ray may send to one node before others answer: the server queues and refuses itself.
_ONGOING = 1000


class Replica:
    """One server on one node, and its part in the budget."""

    server: Server
    _member: Member | None = None

    def __init__(self, make: Callable[[], Server], budget: PowerBudget | None) -> None:
        self.server = make()
        try:
            if not isinstance(self.server, Server):
                kind = type(self.server).__name__
                raise TypeError(f"make: expected to return an alert.Server, got {kind}")
            if budget is not None:
                node = ray.get_runtime_context().get_node_id()
                period = budget.lease / 30.0
                self._member = Member(self.server, budget, node, period=period)
        except BaseException:
            self._close()
            raise
        self.application = app(self.server)

    async def infer(self, tenant: str, *args: Any, **kwargs: Any) -> Any:
        """Send a request of a tenant to the server of this node; see `alert.serving.Tenant`."""
        if tenant not in self.server.tenants:
            known = ", ".join(self.server.tenants) or "none"
            raise ValueError(f"tenant: expected one of {known}, got {tenant!r}")
        return await self.server.tenants[tenant](*args, **kwargs)

    def report(self) -> str:
        """Return the report of the server, as text."""
        return repr(self.server.report())

    async def check_health(self) -> None:
        """Raise where the server serves no more: Ray then starts another replica."""
        if self.server.closed:
            raise RuntimeError("the alert.Server of this replica is closed")

    def __del__(self) -> None:  # Ray calls it as it stops a replica
        if hasattr(self, "server"):  # or `make` has raised
            self._close()

    def _close(self) -> None:
        if isinstance(self.server, Server):
            self.server.close()
        if self._member is not None:
            self._member.close()
            self._member = None


async def _application(
    scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """Let the application of the replica that runs here answer a request over HTTP."""
    replica = serve.get_replica_context().servable_object
    await replica.application(scope, receive, send)


def deployment(
    make: Callable[[], Server], *, budget: PowerBudget | None = None, **options: Any
) -> serve.Application:
    """Make an application of Ray Serve that runs one server on each of its nodes.

    Parameters
    ----------
    make : callable
        Called on every node; returns an `alert.Server` with its tenants, as for ``alert serve``.
    budget : PowerBudget, optional
        That the nodes share; `power_budget` starts it.
    **options
        Of `ray.serve.deployment`, such as ``num_replicas=3``. A node takes one replica, unless
        ``max_replicas_per_node`` says otherwise and there is no budget.

    Returns
    -------
    ray.serve.Application
        Pass it to `ray.serve.run`. Over HTTP every tenant is a model of the Open Inference Protocol
        (v2), as with ``alert serve``. A handle has ``handle.infer.remote(tenant, x, ...)``.

    Raises
    ------
    ValueError
        A node would take several replicas, which cannot share its part of the budget.
    """
    options = {"max_replicas_per_node": 1, "max_ongoing_requests": _ONGOING} | options
    if budget is not None and options["max_replicas_per_node"] != 1:
        raise ValueError(
            "max_replicas_per_node: expected 1, as there is a budget, "
            f"got {shown(options['max_replicas_per_node'])}"
        )
    served = serve.ingress(Starlette(routes=[Mount("/", _application)]))(Replica)
    return serve.deployment(served, **options).bind(make, budget)
