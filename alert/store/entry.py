"""One model of a store, in memory or not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from alert.store.load import Load, Source
    from alert.store.place import Arrival


class Entry:
    """One model of a store.

    Attributes
    ----------
    source : Source
    size : int
        Bytes that it takes, as far as is known.
    reserved : int
        Bytes of the budget that it has: in memory, or on its way.
    module, arrival
        The model, where it is in memory.
    load : Load or None
        The load that brings it. The load stays until the last thread has left it.
    begun : float
        When the load began.
    users : list of int
        Threads that run the model, or wait for it.
    used : int
        Grows with every use of any model.
    fresh : bool
        The model has not run since it was loaded.
    loads : int
        Loads that have ended well.
    error : Exception or None
        Why the last load failed.
    """

    def __init__(self, source: Source, size: int) -> None:
        self.source = source
        self.size = size
        self.reserved = 0
        self.module: torch.nn.Module | None = None
        self.arrival: Arrival | None = None
        self.load: Load | None = None
        self.begun = math.nan
        self.users: list[int] = []
        self.used = 0
        self.fresh = True
        self.loads = 0
        self.error: Exception | None = None

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.source.name

    def begin_use(self) -> torch.nn.Module:
        """Return the model, which is in memory; the work that this thread gives waits for it."""
        assert self.module is not None
        if self.arrival is not None:
            self.arrival.begin_use()
        return self.module

    def take(self) -> tuple[torch.nn.Module, Arrival | None]:
        """Take the model out of memory: whoever gets it frees it."""
        module, arrival = self.module, self.arrival
        assert module is not None
        self.module = self.arrival = None
        self.reserved = 0
        return module, arrival
