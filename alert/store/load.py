"""One load of one model, by one thread or by several that share the work."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from alert.store.building import Build, Building
from alert.store.naps import Naps
from alert.store.opening import open_weights
from alert.store.place import Arrival, Place
from alert.store.weights import Part, Weights, pieces


class Source(NamedTuple):
    """Says how a model is built, and where its weights are."""

    name: str
    build: Build
    path: Path


class Cancelled(BaseException):
    """Ends a load that nobody needs, or that is to begin anew."""


class Load:
    """Brings a model into memory, after others have gone.

    Threads that work on a load claim pieces of the file, until none is left. So a thread that
    cannot go on without the model reads what a thread of low priority has not begun. Where that
    one starves in the middle of a piece, the piece is read again: it is the same bytes.

    Parameters
    ----------
    source : Source
    place : Place
    resize : callable
        Called with the bytes of the model, once they are known; raises `Cancelled` to end the load.
    going : list of tuple
        Modules that have to go first, each with its arrival. The load has the last reference.
    is_beside : bool
        Nobody needs the model yet: while one thread works on the load alone, it holds no other up.

    Attributes
    ----------
    over : threading.Event
        Set when the model is there, or has failed to come.
    module, arrival
        The model, when it is there.
    error : BaseException or None
        Why it is not.
    workers : int
        Threads that work on it. The owner of the load counts them.
    """

    def __init__(
        self,
        source: Source,
        place: Place,
        resize: Callable[[int], None],
        going: list[tuple[torch.nn.Module, Arrival | None]],
        is_beside: bool,
    ) -> None:
        self._source = source
        self._place = place
        self._resize = resize
        self._going = going
        self._is_beside = is_beside
        self._lock = threading.Lock()
        self._built = threading.Event()  # or over
        self._building: Building | None = None
        self._open: list[Weights] = []
        self._unclaimed: deque[list[Part]] = deque()
        self._unread: dict[int, list[Part]] = {}
        self.over = threading.Event()
        self.module: torch.nn.Module | None = None
        self.arrival: Arrival | None = None
        self.error: BaseException | None = None
        self.workers = 0

    def work(self, patience: float | None = None) -> None:
        """Take part in the load, until it is over or the rest is the work of other threads.

        Parameters
        ----------
        patience : float, optional
            Stay until the load is over. What another thread has begun is done again, if it takes
            more than so many seconds.
        """
        try:
            with torch.inference_mode(False):
                if patience is None or not self._built.wait(patience):
                    self._build()
                self._read_unclaimed()
                while patience is not None and not self.over.wait(patience):
                    for piece in list(self._unread.values()):
                        self._read(piece)
        except BaseException as error:
            self.end(error)
            if not isinstance(error, (Exception, Cancelled)):  # this thread is to end
                raise

    def end(self, error: BaseException) -> None:
        """End the load without a model, if it is not over yet."""
        with self._lock:
            if not self.over.is_set():
                self.error = error
                self.over.set()
        self._built.set()

    def close(self) -> None:
        """Close the file, when no thread works on the load any more."""
        for weights in self._open:
            weights.close()
        self._open.clear()

    def _build(self) -> None:
        """Build the module, unless another thread is faster."""
        self._free()
        weights = open_weights(self._source.path)
        self._open.append(weights)
        with Naps(self._is_needed):
            building = Building(self._source.name, self._source.build, weights, self._place)
        self._resize(building.size)
        with self._lock:
            if self._built.is_set():
                return
            self._building = building
            self._unread = {id(piece): piece for piece in pieces(weights.specs)}
            self._unclaimed.extend(self._unread.values())
            nothing = not self._unread
            self._built.set()
        if nothing:
            self._complete()

    def _is_needed(self) -> bool:
        return not self._is_beside or self.workers > 1

    def _free(self) -> None:
        """Free the memory of the models that have to go."""
        while self._going:
            _, arrival = self._going.pop()
            if arrival is not None:
                arrival.end_use()
            del _

    def _read_unclaimed(self) -> None:
        while not self.over.is_set():
            try:
                piece = self._unclaimed.popleft()
            except IndexError:
                return
            self._read(piece)

    def _read(self, piece: list[Part]) -> None:
        """Read a piece. Who reads the last one completes the module."""
        building = self._building
        assert building is not None
        self._place.read(building.weights, piece, building.tensors)
        with self._lock:
            last = self._unread.pop(id(piece), None) is not None and not self._unread
        if last:
            self._complete()

    def _complete(self) -> None:
        building = self._building
        assert building is not None
        with Naps(self._is_needed):
            module = self._place.completed(building.complete)
        arrival = self._place.arrival()
        with self._lock:
            if not self.over.is_set():
                self.module, self.arrival = module, arrival
                self.over.set()
