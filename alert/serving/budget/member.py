"""The member of a budget: threads beside a server that report, and obey."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from alert._text import shown
from alert._warnings import warn
from alert.serving.budget.demand import Loss
from alert.serving.budget.ledger import Share, Stated
from alert.serving.server import Server

# Seconds between two looks at a cap that the server is about to lower.
_LOWERING = 0.005


class Budget(Protocol):
    """Where a member reports; it may be far away, slow, or gone."""

    def report(self, name: str, loss: Loss, held: float, heard: Stated | None) -> Share:
        """See `alert.serving.budget.ledger.Ledger.report`.

        It answers, or raises, well before half a lease is over.
        """

    def leave(self, name: str) -> None:
        """Say that the machine draws nothing any more."""


class Member:
    """Keeps a server within its share of a budget.

    A request never waits for the budget: a thread reports every `period` seconds, and sets
    `Server.power_limit`. Without an answer the server keeps its share until the lease ends. Then
    another thread sets the lowest cap.

    Parameters
    ----------
    server : Server
    budget : Budget
    name : str
        Of the machine, one of its own.
    period : float, default 1.0
        Seconds between reports.
    patience : float, default 60.0
        Seconds to wait for the first share.
    clock : callable, default time.monotonic

    Attributes
    ----------
    share : Share
        The last one.

    Raises
    ------
    ValueError
        The server sets no caps, so it cannot keep within a share.
    TimeoutError
        The budget has given no share in time, or the cap in force stayed above the lowest.
    Exception
        What the first report raised.
    """

    def __init__(
        self,
        server: Server,
        budget: Budget,
        name: str,
        *,
        period: float = 1.0,
        patience: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._caps = [cap for cap in server.profile.power_caps.tolist() if math.isfinite(cap)]
        if not (server.device.can_cap and self._caps):
            raise ValueError(
                f"budget: expected a server that sets power caps, got power {server.device.kind!r}"
            )
        self._server = server
        self._budget = budget
        self._name = name
        self._period = period
        self._clock = clock
        self._ends = math.inf
        self._closing = threading.Event()
        self._heard: Stated | None = None
        server.power_limit = self._caps[0]
        self.share = self._join(patience)
        self._threads = [
            threading.Thread(target=work, name="alert budget", daemon=True)
            for work in (self._report_often, self._keep_to_lease)
        ]
        for thread in self._threads:
            thread.start()

    def _join(self, patience: float) -> Share:
        """Return the first share, asked for once the lowest cap is in force."""
        until = self._clock() + patience
        while True:
            is_lowered = self._held() <= self._caps[0]
            if is_lowered:
                share = self._ask(held=0.0)
                if share.watts > 0.0:
                    return share
            if self._clock() >= until:
                raise TimeoutError(f"budget: no share for {shown(self._name)} in {patience:g} s")
            self._closing.wait(self._period if is_lowered else _LOWERING)

    def _ask(self, held: float) -> Share:
        """Report, and keep within the share that comes back."""
        asked = self._clock()
        watts, loss = self._server.demand()
        finite = len(self._caps)
        finite_loss = Loss(watts[:finite], loss[:finite])
        share = self._budget.report(self._name, finite_loss, held, self._heard)
        self._heard = share.budget
        self._ends = asked + share.seconds
        if share.watts > 0.0 and self._clock() < self._ends:
            self._server.power_limit = share.watts
        return share

    def _report_often(self) -> None:
        warned = False
        while not self._closing.wait(self._period):
            try:
                self.share = self._ask(self._held())
                warned = False
            except Exception as error:
                if not warned:
                    with suppress(UserWarning):  # where it is an error: reports go on
                        warn(f"the budget of power does not answer ({error}); the last share holds")
                warned = True

    def _keep_to_lease(self) -> None:
        """Fall back to the lowest cap when the lease ends, even while a report has no answer."""
        while not self._closing.wait(self._period):
            if self._clock() >= self._ends:
                self._server.power_limit = self._caps[0]

    def _held(self) -> float:
        """Return the watts that may be in force: a run that began earlier keeps its cap."""
        limit, cap = self._server.power_limit, self._server.power_cap
        highest = max(self._caps)
        return max(highest if limit is None else limit, highest if cap is None else cap)

    def close(self) -> None:
        """Stop reporting, and give the share back. Close the server before."""
        self._closing.set()
        for thread in self._threads:
            thread.join()
        self._budget.leave(self._name)
