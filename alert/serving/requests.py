"""Requests, and the queue in which they wait."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal, TypeAlias

from numpy.typing import ArrayLike

from alert.goal import Goal
from alert.serving.account import Account

Order: TypeAlias = Literal["deadline", "arrival"]

_numbers = count()


@dataclass(eq=False, slots=True)
class Request:
    """One request of a tenant.

    Attributes
    ----------
    account : Account
        Of the tenant.
    arrival, due : float
        When the request came, and when its output is due, on the clock; `math.inf` for never.
    goal : Goal or None
        The goal of this request alone; None for the tenant's.
    call : object
        What the model is called with.
    context : array_like or None
        Numbers known of the request before it runs; None for those of the request before.
    ticket : int or None
        To rate the answer with, once it is out; None before, and without feedback.
    answer : object
        Where the output goes.
    number : int
        Requests are numbered as they are made.
    """

    account: Account
    arrival: float
    due: float = math.inf
    goal: Goal | None = None
    call: Any = None
    answer: Any = None
    context: ArrayLike | None = None
    ticket: int | None = None
    number: int = field(default_factory=lambda: next(_numbers))


_Entry: TypeAlias = tuple[float, int, Request]


class Queue:
    """Keeps the requests that wait in order: the earliest deadline first, or the first come.

    Parameters
    ----------
    order : {"deadline", "arrival"}

    Attributes
    ----------
    waiting : dict
        Number of requests of each account that has some.
    """

    __slots__ = ("_entries", "_order", "waiting")

    def __init__(self, order: Order = "deadline") -> None:
        self._order = order
        self._entries: list[_Entry] = []
        self.waiting: dict[Account, int] = {}

    def add(self, request: Request) -> int:
        """Put a request in its place, behind its equals; return the place."""
        entry = self._entry(request)
        place = bisect_left(self._entries, entry)
        self._entries.insert(place, entry)
        self.waiting[request.account] = self.waiting.get(request.account, 0) + 1
        return place

    def remove(self, request: Request) -> bool:
        """Take a request out; return whether it was there."""
        entry = self._entry(request)
        place = bisect_left(self._entries, entry)
        if place == len(self._entries) or self._entries[place][2] is not request:
            return False
        self._forget(place)
        return True

    def pop(self) -> Request:
        """Take the first request out. Raises IndexError where none waits."""
        return self._forget(0)

    def _forget(self, place: int) -> Request:
        request = self._entries.pop(place)[2]
        self.waiting[request.account] -= 1
        if not self.waiting[request.account]:
            del self.waiting[request.account]
        return request

    @property
    def head(self) -> Request:
        """The first request. Raises IndexError where none waits."""
        return self._entries[0][2]

    def first(self, count: int) -> list[Request]:
        """List the first requests."""
        return [request for _, _, request in self._entries[:count]]

    def place(self, request: Request) -> int:
        """Return the place of a request that waits."""
        return bisect_left(self._entries, self._entry(request))

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Request]:
        return (request for _, _, request in self._entries)

    def __getitem__(self, place: int) -> Request:
        return self._entries[place][2]

    def _entry(self, request: Request) -> _Entry:
        first = request.due if self._order == "deadline" else request.arrival
        return first, request.number, request
