"""Which models are in memory: what is loaded, what has to go for it, what must stay."""

from __future__ import annotations

import itertools
import math
import os
import threading
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress

import torch

from alert.store import size
from alert.store.entry import Entry
from alert.store.load import Cancelled, Load
from alert.store.place import Place
from alert.store.timing import LoadTimes

# A load that takes so many times as long as expected starves: who needs the model takes over.
_STARVING = 5.0
_SHORTEST_PATIENCE = 0.05  # seconds

# An overdue load has this share of its expected time still to go.
_OVERDUE = 0.1

# Added to the niceness of the thread that loads beside a running model.
_NICENESS = 10

_memories: weakref.WeakSet[Memory] = weakref.WeakSet()


class Memory:
    """Keeps models within a budget of bytes.

    The least recently used models go first. The one that was wished last goes after all others:
    models that are used in turn would else push each other out. A model that runs stays.

    Parameters
    ----------
    entries : sequence of Entry
    budget : int
        Bytes.
    place : Place

    Attributes
    ----------
    waits : int
        Uses that had to wait for a load.
    closed : bool
    """

    def __init__(self, entries: Sequence[Entry], budget: int, place: Place) -> None:
        self.entries = {entry.name: entry for entry in entries}
        self.budget = budget
        self.waits = 0
        self.closed = False
        self._place = place
        self._times = LoadTimes()
        self._uses = itertools.count(1)
        self._wished: Entry | None = None
        self._thread: threading.Thread | None = None  # the last that loaded beside
        self._renew()
        _memories.add(self)

    def _renew(self) -> None:
        """Begin without other threads: no load goes on, and nobody else runs a model."""
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._waiting = 0  # threads
        self._busy = False  # a thread loads beside
        for entry in self.entries.values():
            entry.users = [user for user in entry.users if user == threading.get_ident()]
            if entry.load is not None:
                entry.load.close()
                entry.load = None
            if entry.module is None:
                entry.reserved = 0

    @property
    def device(self) -> torch.device:
        """Where the models run."""
        return self._place.device

    @property
    def used(self) -> int:
        """Bytes of the models in memory, and of those on their way."""
        return sum(entry.reserved for entry in self.entries.values())

    # ------------------------------------------------------------------------------------- running

    def acquire(self, entry: Entry) -> torch.nn.Module:
        """Return a model that stays until it is released; load it first where it is not there."""
        with self._lock:
            entry.users.append(threading.get_ident())
            entry.used = next(self._uses)
            if entry.module is not None:
                return entry.begin_use()
        return self._wait_for(entry)

    def release(self, entry: Entry, user: int, *, has_run: bool = True) -> None:
        """Let a model go that the thread `user` has acquired."""
        with self._lock:
            entry.users.remove(user)
            entry.fresh &= not has_run
            if self._waiting:
                self._changed.notify_all()

    def _wait_for(self, entry: Entry) -> torch.nn.Module:
        """Load a model in this thread, or help the thread that does."""
        with self._lock:
            self.waits += 1
        try:
            while True:
                with self._lock:
                    if self.closed:
                        raise RuntimeError("this Store is closed")
                    if entry.module is not None:
                        return entry.begin_use()
                    load = entry.load or self._begin(entry, is_beside=False)
                    if load is None or load.over.is_set():
                        self._wait_for_room(entry)
                        continue
                    patience = self._patience(entry) if load.workers else None
                    load.workers += 1
                self._take_part(entry, load, patience)
                if isinstance(load.error, Exception):
                    raise load.error
        except BaseException:
            self.release(entry, threading.get_ident(), has_run=False)
            raise

    def _patience(self, entry: Entry) -> float:
        """Return the seconds after which what another thread has begun is done again."""
        expected = self._times.expected(entry.name, entry.size)
        return max(_STARVING * expected, _SHORTEST_PATIENCE)

    def _wait_for_room(self, wanted: Entry) -> None:
        """Wait until something changes; end the loads that nobody needs."""
        here = threading.get_ident()
        running = [e for e in self.entries.values() if e is not wanted and here in e.users]
        if wanted.size + sum(entry.reserved for entry in running) > self.budget:
            names = ", ".join(entry.name for entry in running)
            raise RuntimeError(
                f"{wanted.name}: does not fit into the budget of {size.text(self.budget)} beside "
                f"{names}, which this thread is running"
            )
        for entry in self.entries.values():
            if entry is not wanted and entry.load is not None and not entry.users:
                entry.load.end(Cancelled())
        self._waiting += 1
        try:
            self._changed.wait()
        finally:
            self._waiting -= 1

    # ------------------------------------------------------------------------------------- loading

    def delay(self, entry: Entry) -> float:
        """Return the seconds until a model could run; inf for one whose last load failed."""
        with self._lock:
            if entry.module is not None:
                return 0.0
            expected = self._times.expected(entry.name, entry.size)
            if entry.load is None:
                return expected if entry.error is None else math.inf
            return max(expected - (time.perf_counter() - entry.begun), _OVERDUE * expected)

    def prefetch(self, entry: Entry, beside: Entry | None) -> bool:
        """Begin to load a model beside whatever runs; True if it is there or on its way.

        The model `beside` stays. One model is loaded beside at a time.
        """
        with self._lock:
            if self.closed:
                raise RuntimeError("this Store is closed")
            self._wished = entry
            if entry.reserved:
                return True
            load = None if self._busy else self._begin(entry, beside, is_beside=True)
            if load is None:
                return False
            load.workers += 1
            self._busy = True
            self._thread = threading.Thread(
                target=self._load_beside, args=(entry, load), name="alert.Store loading"
            )
            try:
                self._thread.start()
            except BaseException:
                self._thread = None
                self._busy = False
                load.end(Cancelled())
                self._leave(entry, load)
                raise
            return True

    def _load_beside(self, entry: Entry, load: Load) -> None:
        """Load with low priority, so that the running model goes first."""
        here = threading.get_native_id()
        with suppress(OSError):  # Linux: this thread only
            nice = os.getpriority(os.PRIO_PROCESS, here)
            os.setpriority(os.PRIO_PROCESS, here, min(nice + _NICENESS, 19))
        try:
            self._take_part(entry, load)
        finally:
            self._busy = False

    def _begin(self, entry: Entry, beside: Entry | None = None, *, is_beside: bool) -> Load | None:
        """Begin a load, if models that nobody needs make room for it."""
        going = self._going_for(entry.size, beside)
        if going is None:
            return None
        modules = [other.take() for other in going]
        entry.reserved = entry.size
        entry.begun = time.perf_counter()
        entry.load = Load(
            entry.source, self._place, lambda size: self._resize(entry, size), modules, is_beside
        )
        return entry.load

    def _going_for(self, needed: int, beside: Entry | None) -> list[Entry] | None:
        """List what has to go for so many bytes; None where that is not enough."""
        free = self.budget - self.used
        going: list[Entry] = []
        candidates = [
            entry
            for entry in self.entries.values()
            if not (entry.module is None or entry.load or entry.users or entry is beside)
        ]
        for entry in sorted(candidates, key=lambda entry: (entry is self._wished, entry.used)):
            if free >= needed:
                break
            free += entry.reserved
            going.append(entry)
        return going if free >= needed else None

    def _resize(self, entry: Entry, needed: int) -> None:
        """Take over the bytes that a model needs; end its load where they are not free."""
        with self._lock:
            if needed > self.budget:
                raise too_large(entry.name, needed, self.budget)
            entry.size = needed
            if self.used - entry.reserved + needed > self.budget:
                raise Cancelled  # the next load makes room for the right size
            entry.reserved = needed

    def _take_part(self, entry: Entry, load: Load, patience: float | None = None) -> None:
        try:
            load.work(patience)
        finally:
            with self._lock:
                self._leave(entry, load)

    def _leave(self, entry: Entry, load: Load) -> None:
        """Note that a thread has left a load, and what has become of the load."""
        load.workers -= 1
        if load.module is not None and entry.module is None and not self.closed:
            entry.loads += 1
            self._times.add(entry.name, entry.size, time.perf_counter() - entry.begun)
            entry.module, entry.arrival = load.module, load.arrival
            entry.fresh, entry.error = True, None
        if load.workers == 0:
            load.close()
            entry.load = None
            if entry.module is None:
                entry.reserved = 0
                if isinstance(load.error, Exception):
                    entry.error = load.error
        self._changed.notify_all()

    # ------------------------------------------------------------------------------------- closing

    def close(self) -> None:
        """End all loads, and let all models go that do not run."""
        with self._lock:
            self.closed = True
            for entry in self.entries.values():
                if entry.load is not None:
                    entry.load.end(Cancelled())
            thread = self._thread
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        with self._lock:
            for entry in self.entries.values():
                if entry.module is not None:
                    module, arrival = entry.take()
                    if arrival is not None:
                        arrival.keep(module)


def too_large(name: str, needed: int, budget: int) -> ValueError:
    """Make the error for a model that does not fit into a budget alone."""
    return ValueError(
        f"budget: expected at least {size.text(needed)}, which {name!r} alone takes, "
        f"got {size.text(budget)}"
    )


def _renew_all() -> None:
    """Renew what a forked process has inherited: it does not have the threads."""
    for memory in _memories:
        memory._thread = None
        memory._renew()


os.register_at_fork(after_in_child=_renew_all)
