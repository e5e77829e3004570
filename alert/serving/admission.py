"""Admission: who is given up where there is no time for all, and when."""

from __future__ import annotations

import math
from collections.abc import Iterator

from alert._arguments import Floats
from alert.serving.account import Account
from alert.serving.requests import Queue, Request

# A request is hopeless as soon as the fastest configuration is in time with this probability only:
# so many standard deviations below the mean slowdown.
_HOPELESS = 1.645

# The plan gives every request this multiple of what the fastest configuration takes on average.
CAREFUL = 1.1

# So many requests are looked at: those far behind have their turn when they have come nearer.
_FORESIGHT = 256

# A tenant floods the machine where it takes this share of what is used. The others are then planned
# to be done so many services before they are due: the machine may slow down while the flood runs.
_FLOODS = 0.7
_RESERVE = 2.0

# Weight of one request in the average of the overhead; it counts for so many times the average at
# most, or for so many times the usual seconds.
_OVERHEAD_WEIGHT = 1.0 / 16.0
_OUTLIER = 4.0
_USUAL_OVERHEAD = 5e-5

# Seconds in which the use of the machine is forgotten by a factor of e.
_REMEMBERS = 2.0


class Usage:
    """Remembers how many seconds of the machine every tenant has used lately."""

    __slots__ = ("_at", "_seconds")

    def __init__(self) -> None:
        self._seconds: dict[Account, float] = {}
        self._at = -math.inf

    def add(self, account: Account, seconds: float, now: float) -> None:
        """Note that a request has used the machine until now."""
        left = math.exp(min(self._at - now, 0.0) / _REMEMBERS)
        self._seconds = {each: used * left for each, used in self._seconds.items()}
        self._seconds[account] = self._seconds.get(account, 0.0) + seconds
        self._at = now

    def of(self, account: Account) -> float:
        """Return the seconds that a tenant used up to the last note."""
        return self._seconds.get(account, 0.0)


class Admission:
    """Finds the requests that are to be given up.

    Parameters
    ----------
    fastest : float
        Seconds that the fastest configuration takes by the profile.
    gain : float, default 1.0
        Seconds that one request more takes in a batch, relative to a request alone.

    Attributes
    ----------
    fastest : float
        Seconds that the fastest configuration takes on the quiet machine.
    slowdown : float
        Mean slowdown that is expected of the machine.
    offsets : ndarray or None
        Factor by which each model is off its profile; None: nothing is known of that yet.
    overhead : float
        Seconds that a request takes besides its model, averaged over the last ones.
    usage : Usage
    """

    __slots__ = ("_gain", "_std", "fastest", "offsets", "overhead", "slowdown", "usage")

    def __init__(self, fastest: float, gain: float = 1.0) -> None:
        self.fastest = fastest
        self._gain = gain
        self.slowdown, self._std = 1.0, 0.0
        self.offsets: Floats | None = None
        self.overhead = 0.0
        self.usage = Usage()

    def learn(self, slowdown: tuple[float, float]) -> None:
        """Take over mean and standard deviation of the slowdown."""
        self.slowdown, self._std = slowdown

    def count_overhead(self, seconds: float) -> None:
        """Learn from the seconds that one request took besides its model; outliers count less."""
        seconds = min(seconds, _OUTLIER * max(self.overhead, _USUAL_OVERHEAD))
        self.overhead += (seconds - self.overhead) * _OVERHEAD_WEIGHT

    @property
    def service(self) -> float:
        """Seconds that a request takes in the plan."""
        return CAREFUL * self.slowdown * self.fastest + self.overhead

    def until(self, requests: int) -> float:
        """Return the seconds that so many requests take in the plan, one at least."""
        return self.service * (1.0 + self._gain * (requests - 1))

    @property
    def least(self) -> float:
        """Seconds without which a request is hopeless."""
        return max(self.slowdown - _HOPELESS * self._std, 0.0) * self.fastest + self.overhead

    def hopeless_at(self, request: Request) -> float:
        """Return when a request becomes hopeless, on the clock."""
        return request.due - self.least

    def victims(self, queue: Queue, free_at: float, start: int = 0) -> Iterator[Request]:
        """Take requests out of the queue until others can be in time, and yield them.

        The plan runs every request with the fastest configuration, in the order of the queue. Where
        one would be late, the tenant that has used most of the machine gives up its last request
        among those ahead. What waits counts as used, and weights divide the use.

        Parameters
        ----------
        queue : Queue
        free_at : float
            When the machine is free, on the clock.
        start : int, default 0
            Place of the first request that may be late.
        """
        late = self._first_late(queue, free_at, start)
        while late is not None:
            victim = self._victim(queue, late)
            queue.remove(victim)
            yield victim
            start = max(start - 1, 0)
            late = self._first_late(queue, free_at, start)

    def _first_late(self, queue: Queue, free_at: float, start: int) -> int | None:
        """Return the place of the first request that the plan is late for; the next ones count."""
        end = min(start + _FORESIGHT, len(queue))
        flooding = self._flooding(queue)
        reserve = 0.0 if flooding is None else _RESERVE * self.service
        if start >= end or queue[start].due >= free_at + self.until(end) + reserve:
            return None  # all are in time
        ready, step = free_at + self.until(start + 1), self.service * self._gain
        ahead = (queue[place] for place in range(max(start - _FORESIGHT, 0), start))
        is_behind = any(request.account is flooding for request in ahead)
        for place in range(start, end):
            floods = queue[place].account is flooding
            is_behind = is_behind or floods
            if queue[place].due < ready + (reserve if is_behind and not floods else 0.0):
                return place
            ready += step
        return None

    def _flooding(self, queue: Queue) -> Account | None:
        """Return the tenant that floods the machine, if one does."""
        if len(queue.waiting) < 2:
            return None
        use = {account: self._use(account, queue) for account in queue.waiting}
        most = max(use, key=use.__getitem__)
        return most if use[most] > _FLOODS * sum(use.values()) else None

    def _victim(self, queue: Queue, late: int) -> Request:
        """Return the last request, up to this place, of the tenant that has used most."""
        last: dict[Account, Request] = {}
        for place in range(late, -1, -1):
            last.setdefault(queue[place].account, queue[place])
            if len(last) == len(queue.waiting):
                break
        return last[max(last, key=lambda account: self._use(account, queue))]

    def last_of_most(self, queue: Queue) -> Request:
        """Return the last request of the tenant that has used most, of a queue that is too long."""
        most = max(queue.waiting, key=lambda account: self._use(account, queue))
        return next(request for request in reversed(queue) if request.account is most)

    def _use(self, account: Account, queue: Queue) -> float:
        held = self.until(queue.waiting[account])
        return (self.usage.of(account) + held) / account.weight

    def retry_after(self, request: Request, queue: Queue, free_at: float) -> float:
        """Return after how many seconds a request like this one has a chance, by what waits now."""
        done = free_at - request.arrival + self.until(len(queue) + 1)
        return max(done - (request.due - request.arrival), self.service)
