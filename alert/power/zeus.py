"""What Zeus counts, as a meter: GPUs of AMD and NVIDIA, boards, and all that its daemon reads.

Zeus (https://ml.energy/zeus) is a package of its own. Its counters are cumulative millijoules.
"""

from __future__ import annotations

import errno
import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, NoReturn

from alert._core import PowerWarning
from alert._warnings import warn
from alert.power.device import Device
from alert.power.lacking import lacking, sentence

SOURCES = ("gpu", "soc", "cpu")

# Seconds between two steps of a counter: a GPU's as with NVML, a board's as Zeus polls it. [ours]
_TICKS = {"gpu": 0.02, "soc": 0.1, "cpu": 0.001}

# Of a board without a sum of its own: domains that do not lie one inside the other.
_DOMAINS = ("cpu_total_mj", "dram_mj", "gpu_mj", "gpu_sram_mj", "ane_mj")
_OF_JETSON = ("cpu_energy_mj", "gpu_energy_mj")


@dataclass
class Counter:
    """One cumulative counter of Zeus, and the joules since it was opened."""

    source: str
    name: str
    millijoules: Callable[[], float]
    joules: float = 0.0

    def __post_init__(self) -> None:
        self._last = self.millijoules()

    def take(self) -> None:
        """Add what was drawn since the last time. A counter that starts anew adds nothing."""
        now = self.millijoules()
        self.joules += max(now - self._last, 0.0) * 1e-3
        self._last = now


class Zeus(Device):
    """Reads the counters that Zeus finds: ``open("zeus")``. It caps nothing."""

    kind, can_cap, closed = "zeus", False, False
    cap, cap_range = math.nan, (math.nan, math.nan)
    tick = 0.0

    def __init__(
        self, gpus: Sequence[int] | None = None, sources: Iterable[str] | None = None
    ) -> None:
        self._counters = _find(gpus, sources)
        self.tick = max(_TICKS[counter.source] for counter in self._counters)
        self._told = False
        self._lock = threading.Lock()  # two threads would count a step twice

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The counters: the `name` and the `source` of each."""
        known = {"can_cap": False, "can_read": True, "cap_missing": None, "read_missing": None}
        return [
            {"name": counter.name, "source": counter.source, **known} for counter in self._counters
        ]

    def set_cap(self, cap: float, /) -> NoReturn:
        """Raise PowerError: Zeus is a meter."""
        remedy = "alert.power.combine joins a knob with it"
        raise lacking("power cap", "power='zeus' only reads energy", remedy, errno.EPERM)

    def energy(self) -> float | None:
        """Return the joules drawn since it was opened, of all counters together.

        Returns None, with one `PowerWarning`, where they cannot be read.
        """
        if self.closed:
            raise ValueError("the power device is closed")
        try:
            with self._lock:
                for counter in self._counters:
                    counter.take()
        except Exception as error:  # of Zeus, of the libraries below, of its daemon
            if not self._told:
                self._told = True
                warn(sentence("zeus", _reason(error), ""), PowerWarning)
            return None
        return math.fsum(counter.joules for counter in self._counters)

    def close(self) -> None:
        """Read no more. There is nothing to give back."""
        self.closed = True

    def __repr__(self) -> str:
        if self.closed:
            return "<alert power device: zeus, closed>"
        names = ", ".join(counter.name for counter in self._counters)
        return f"<alert power device: zeus, no caps, energy of {names}>"


def _find(gpus: Sequence[int] | None, sources: Iterable[str] | None) -> list[Counter]:
    """Open the counters of the sources that are named, or of those there are."""
    wanted = _wanted(gpus, sources)
    try:
        import zeus.device
        from zeus.exception import ZeusBaseError
    except ImportError as error:
        remedy = "`pip install 'alert-runtime[zeus]'`"
        raise lacking("zeus", f"it cannot be imported: {error}", remedy) from error
    open_source = {
        "gpu": lambda: _gpus(zeus.device.get_gpus(), gpus),
        "soc": lambda: _soc(zeus.device.get_soc()),
        "cpu": lambda: _cpus(zeus.device.get_cpus()),
    }
    found: list[Counter] = []
    reasons = []
    for source in wanted or SOURCES:
        if source == "cpu" and found and not wanted:
            continue  # RAPL counts it too, and without a helper process
        try:
            found += open_source[source]()
        except (ZeusBaseError, OSError) as error:
            reasons.append(f"{source}: {_reason(error)}")
            if wanted:
                break
    if not found or (wanted and reasons):
        why = "; ".join(reasons) or "no counter"
        raise lacking("zeus", why, "`python -m zeus.show_env` says what Zeus finds")
    return found


def _wanted(gpus: Sequence[int] | None, sources: Iterable[str] | None) -> tuple[str, ...]:
    """Return the sources that are asked for; none where it is for Zeus to say."""
    if sources is None:
        return () if gpus is None else ("gpu",)
    wanted = (sources,) if isinstance(sources, str) else tuple(dict.fromkeys(sources))
    if not wanted or not set(wanted) <= set(SOURCES):
        names = ", ".join(map(repr, SOURCES))
        raise ValueError(f"sources: expected some of {names}, got {sources!r:.80}")
    return wanted


def _gpus(manager: Any, indices: Sequence[int] | None) -> list[Counter]:
    """Open the counters of GPUs. Zeus numbers those that are visible."""
    chosen = range(len(manager)) if indices is None else list(indices)
    for index in chosen:
        if index not in range(len(manager)):
            raise ValueError(f"gpus: expected indices below {len(manager)}, got {index!r:.80}")
        if not manager.supports_get_total_energy_consumption(index):
            raise OSError(errno.EOPNOTSUPP, f"GPU {index} counts no energy")
    return [
        Counter("gpu", f"GPU {index}", partial(manager.get_total_energy_consumption, index))
        for index in chosen
    ]


def _soc(board: Any) -> list[Counter]:
    return [
        Counter("soc", type(board).__name__, lambda: total(board.get_total_energy_consumption()))
    ]


def total(measurement: Any) -> float:
    """Return the millijoules of a whole board."""
    found = asdict(measurement)
    if found.get("total_energy_mj") is not None:
        return float(found["total_energy_mj"])
    return float(sum(found.get(name) or 0.0 for name in (*_DOMAINS, *_OF_JETSON)))


def _cpus(manager: Any) -> list[Counter]:
    """Open the counters of processor packages, memory included. Psys is their sum, and left out."""

    def read(index: int) -> float:
        found = manager.get_total_energy_consumption(index)
        return float(found.cpu_mj + (found.dram_mj or 0.0))

    names = [getattr(getattr(cpu, "rapl_file", None), "name", None) for cpu in manager.cpus]
    return [
        Counter("cpu", name or f"CPU {index}", partial(read, index))
        for index, name in enumerate(names)
        if name is None or name.startswith("package")
    ]


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
