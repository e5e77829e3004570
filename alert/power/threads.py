"""The threads that models compute with, as a knob. It needs no rights."""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from alert import _arguments
from alert.power.device import Device
from alert.power.lacking import lacking

_NEITHER = "neither PyTorch nor threadpoolctl is installed"
_REMEDY = "`pip install threadpoolctl`"
_MOST = 4096


class Pool:
    """Worker threads of one library: how many there are, and another number of them."""

    def __init__(self, get: Callable[[], int], put: Callable[[int], object]) -> None:
        self._get, self._put = get, put
        self._found = self._held = get()

    @property
    def found(self) -> int:
        """The number before the first change."""
        return self._found

    @property
    def threads(self) -> int:
        """The number now."""
        return self._get()

    def put(self, threads: int) -> None:
        """Change the number."""
        self._put(threads)
        self._held = self._get()

    def give_back(self) -> None:
        """Put the number found, unless somebody else has changed it since."""
        if self._held != self._found and self._get() == self._held:
            self.put(self._found)


class Pools:
    """All libraries with worker threads. More of them come as modules are imported."""

    def __init__(self) -> None:
        self._known: dict[str, Pool] = {}
        self._modules = 0
        self.users = 0
        self.asked: float | None = None  # the number last set; None for those found
        self._here = threading.local()  # OpenMP keeps a number for each thread that calls it

    def all(self) -> list[Pool]:
        """Return those that there are by now."""
        if self._modules != len(sys.modules):
            self._modules = len(sys.modules)
            self._known = {name: self._known.get(name, pool) for name, pool in _found().items()}
        return list(self._known.values())

    def put(self, threads: float) -> None:
        """Have this thread compute with that many threads, and others when they `follow`."""
        for pool in self.all():
            pool.put(int(threads))
        self.asked = self._here.asked = threads

    def follow(self) -> None:
        """Have this thread compute with the number that another one has set."""
        asked = self.asked  # another thread may give it back meanwhile
        if asked is not None and getattr(self._here, "asked", None) != asked:
            self.put(asked)

    def give_back(self) -> None:
        """Put the numbers found."""
        self.asked = self._here.asked = None
        for pool in self._known.values():
            pool.give_back()

    @classmethod
    def join(cls) -> Pools:
        """Return those that other users in this process have, or new ones, for one user more."""
        global _pools
        if not _pools.users:
            _pools = cls()
        _pools.users += 1
        return _pools

    def leave(self) -> None:
        """Put the numbers found when the last user leaves."""
        self.users -= 1
        if not self.users:
            self.give_back()


_pools = Pools()


class Threads(Device):
    """Sets how many threads a model computes with: ``open("threads")``.

    The threads are those of PyTorch, and of the OpenMP and BLAS libraries that threadpoolctl finds,
    where it is installed. The number found comes back when the device is closed or dropped, or the
    last of several. It is a number of this process alone, so nothing is left when the process dies.
    """

    kind, unit, can_cap, can_read = "threads", "threads", True, False
    cap_range: tuple[float, float] = (math.nan, math.nan)
    settings: list[float] | None = None

    def __init__(self, cap_range: Sequence[float] | None = None) -> None:
        self._pools = Pools.join()
        self._give_back = weakref.finalize(self, self._pools.leave)
        if not self._pools.all() and importlib.util.find_spec("torch"):
            importlib.import_module("torch")  # where there is nothing else
        if not self._pools.all():
            raise lacking("threads", _NEITHER, _REMEDY)
        found = max(pool.found for pool in self._pools.all())
        low, high = (1, found) if cap_range is None else _range(cap_range)
        self.cap_range = float(low), float(high)
        self.settings = [float(threads) for threads in range(low, high + 1)]

    @property
    def asked(self) -> float | None:
        """The number that was last set in this process; None for the one found."""
        return self._pools.asked

    @property
    def cap(self) -> float:
        """The number of threads in force."""
        return float(max(pool.threads for pool in self._pools.all()))

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return not self._give_back.alive

    def set_cap(self, cap: float, /) -> None:
        """Have models compute with that many threads."""
        if self.closed:
            raise ValueError("the power device is closed")
        low, high = self.cap_range
        threads = _arguments.number("power_cap", cap)
        if not (low <= threads <= high and threads.is_integer()):
            raise ValueError(f"power_cap: expected {low:g} to {high:g} threads, got {cap!r}")
        self._pools.put(threads)

    def begin(self) -> None:
        """Have the thread that runs a model compute with the number that was last set."""
        if not self.closed:
            self._pools.follow()

    def release(self) -> None:
        """Put the numbers of threads that were found, until the next cap."""
        self._pools.give_back()

    def energy(self) -> float | None:
        """Return None: threads come without a meter."""
        return None

    def close(self) -> None:
        """Put the numbers of threads that were found. Closing twice is fine."""
        self._give_back()

    def __repr__(self) -> str:
        if self.closed:
            return "<alert power device: threads, closed>"
        low, high = self.cap_range
        return f"<alert power device: threads, {low:g} to {high:g}, no energy>"


def _range(given: Sequence[float]) -> tuple[int, int]:
    """Return the lowest and the highest number of threads, as they are given."""
    try:
        low, high = (int(end) if int(end) == end else 0 for end in given)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"cap_range: expected two whole numbers, got {given!r:.80}") from None
    if not 1 <= low < high <= _MOST:
        raise ValueError(
            f"cap_range: expected whole numbers, 1 <= low < high <= {_MOST}, got {given!r:.80}"
        )
    return low, high


def _found() -> dict[str, Pool]:
    """Find PyTorch, where it is imported, and the OpenMP and BLAS libraries of this process.

    PyTorch comes first: to change its number changes that of its OpenMP library, too.
    """
    torch = sys.modules.get("torch")
    found = {} if torch is None else {"torch": Pool(torch.get_num_threads, torch.set_num_threads)}
    for path, library in _libraries().items():
        found[path] = Pool(library.get_num_threads, library.set_num_threads)
    return found


def _libraries() -> dict[str, Any]:
    """Find libraries by threadpoolctl, where it is installed; the names are their files."""
    if not importlib.util.find_spec("threadpoolctl"):
        return {}
    control: Any = importlib.import_module("threadpoolctl").ThreadpoolController()
    return {library.filepath: library for library in control.lib_controllers}
