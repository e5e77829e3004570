"""The budget of power over the nodes of a cluster: an actor that keeps the ledger."""

from __future__ import annotations

import math
import threading
import time
from contextlib import suppress
from typing import Any, NamedTuple

import ray

from alert.integrations.ray import actors
from alert.serving.budget.demand import Loss
from alert.serving.budget.ledger import Ledger, Share, Stated

NAME = "alert power budget"
"""The name of the actor, unless another one is given."""

# Seconds that a share holds, by default.
_LEASE = 30.0

# A member gives up waiting for an answer after this share of a lease.
_PATIENCE = 0.125


class _Keeper:
    """The actor. Ray starts it anew where it, or its node, is lost."""

    def __init__(self, watts: float, lease: float) -> None:
        is_restarted = ray.get_runtime_context().was_current_actor_reconstructed
        until = time.monotonic() + lease if is_restarted else -math.inf
        self._ledger = Ledger(watts, lease, forgetful_until=until)
        self._looked_at = time.monotonic()
        self._exit: threading.Timer | None = None  # once the budget has ended

    def report(self, name: str, loss: Loss, held: float, heard: Stated | None) -> Share:
        if self._exit is not None:
            raise RuntimeError("the budget of power has ended")
        now = time.monotonic()
        if now >= self._looked_at + self._ledger.lease:
            self._forget_dead_nodes(now)
        return self._ledger.report(name, loss, held, now, heard)

    def leave(self, name: str) -> None:
        self._ledger.leave(name)

    def lease(self) -> float:
        return self._ledger.lease

    def change(self, watts: float) -> None:
        self._ledger.change(watts, at=time.time())

    def resume(self) -> None:
        """Go on after an end: what nodes may still hold is known."""
        if self._exit is not None:
            self._exit.cancel()
            self._exit = None

    def end(self, name: str) -> None:
        """Give no more shares, and exit when those that nodes hold have ended."""
        self.resume()
        wait = self._ledger.lease if self._ledger.is_held(time.monotonic()) else 0.0
        self._exit = threading.Timer(wait, actors.end, [name])
        self._exit.start()

    def shares(self) -> dict[str, float]:
        return self._ledger.shares(time.monotonic())

    def _forget_dead_nodes(self, now: float) -> None:
        """Forget the nodes that Ray knows to be dead: they draw nothing any more."""
        self._looked_at = now
        dead = {node["NodeID"] for node in ray.nodes() if not node["Alive"]}
        for name in dead.intersection(self._ledger.shares(now)):
            self._ledger.leave(name)


class PowerBudget(NamedTuple):
    """The budget, as the nodes see it. It may be sent to any of them.

    Attributes
    ----------
    name : str
        Of the actor.
    lease : float
        Seconds that a share holds.
    """

    name: str
    lease: float

    def report(self, name: str, loss: Loss, held: float, heard: Stated | None = None) -> Share:
        """Report what a node would lose under limits, and what it may have in force.

        `heard` is the budget of the node's last share.

        Raises
        ------
        ValueError
            The budget is smaller than the lowest caps of all nodes.
        RuntimeError
            The budget has ended.
        Exception
            The actor does not answer; it may be restarting.
        """
        answer: Share = self._ask("report", name, loss, held, heard)
        return answer

    def leave(self, name: str) -> None:
        """Say that a node draws nothing any more."""
        self._ask("leave", name)

    def change(self, watts: float) -> None:
        """Change the budget. Nodes follow with their next reports.

        Raises
        ------
        ValueError, TypeError
            It is no finite number above zero, or smaller than the lowest caps of all nodes.
        """
        self._ask("change", watts)

    def shares(self) -> dict[str, float]:
        """Return the watts that every node may have in force, by the name of the node."""
        shares: dict[str, float] = self._ask("shares")
        return shares

    def end(self) -> None:
        """End the budget. Nodes fall back to their lowest caps when their leases end.

        The actor exits after a lease. A budget of the same name that begins earlier knows what the
        nodes hold.
        """
        with suppress(ray.exceptions.ActorDiedError):  # it may exit before it answers
            self._ask("end", self.name)

    def _ask(self, method: str, *args: Any) -> Any:
        timeout = max(_PATIENCE * self.lease, 1.0)
        return actors.ask(self.name, method, *args, timeout=timeout)


def power_budget(watts: float, *, lease: float | None = None, name: str = NAME) -> PowerBudget:
    """Start a budget of power for nodes, or change the one of this name.

    Parameters
    ----------
    watts : float
        That the caps of all nodes together never exceed.
    lease : float, optional
        Seconds that a share holds; by default 30, or those of the budget that runs. A node that
        hears nothing for half of them falls back to its lowest cap. The watts of a lost node are
        given to others after the whole.
    name : str
        Of the actor. It outlives the program that starts it; `PowerBudget.end` ends it.

    Raises
    ------
    ValueError, TypeError
        An argument is out of range, or the budget of this name has another lease.
    """
    ledger = Ledger(watts, _LEASE if lease is None else lease)  # a bad one starts nothing
    keeper = actors.start(_Keeper, name, ledger.watts, ledger.lease)
    budget = PowerBudget(name, ray.get(keeper.lease.remote()))
    if lease is not None and budget.lease != ledger.lease:
        raise ValueError(
            f"lease: expected {budget.lease:g} s, as the budget {name!r} has, got {lease:g}"
        )
    budget._ask("resume")
    budget.change(watts)
    return budget
