"""Energy windows: the joules that a piece of a program takes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ContextDecorator, ExitStack, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING

from alert._core import PowerDevice, PowerError, PowerWarning
from alert._text import seconds_text
from alert._warnings import warn_once
from alert.power.device import Meter
from alert.power.kinds import open_kind
from alert.power.opening import Kind, open

if TYPE_CHECKING:
    from typing_extensions import Self

_around: ContextVar[window | None] = ContextVar("alert.power.window", default=None)


class window(ContextDecorator):  # noqa: N801  # used like a function
    """Measure the joules of a ``with`` block, or of each call of a function.

    Parameters
    ----------
    name : str, optional
        Of the block or the function.
    power : str or meter, optional
        A kind that `open` takes, or an open device. By default that of the window around this one;
        the outermost window reads RAPL, and changes nothing.
    then : callable, optional
        Called with the window when it has ended: `print`, or the ``append`` of a list.

    Attributes
    ----------
    joules : float or None
        Drawn by the whole machine, other programs included; None where they are not read, and until
        the window has ended.
    seconds : float
        How long it took; NaN until it has ended.
    windows : list
        The windows inside this one, in their order.

    Warns
    -----
    PowerWarning
        The energy cannot be read.

    Examples
    --------
    >>> import alert
    >>> with alert.power.window("epoch", power="emulated") as w:
    ...     with alert.power.window("batch"):
    ...         pass
    >>> w.joules > 0, [inner.name for inner in w.windows]
    (True, ['batch'])
    >>> @alert.power.window("step", power="emulated", then=lambda w: print(w.name))
    ... def step():
    ...     pass
    >>> step()
    step

    Notes
    -----
    A window that is short against the step of the counter, 1 ms for RAPL, is good to one step. In
    threads and tasks, a window is inside the one around it in the same context.
    """

    _meter: Meter
    _undo: ExitStack

    def __init__(
        self,
        name: str = "",
        *,
        power: Kind | Meter | None = None,
        then: Callable[[window], object] | None = None,
    ) -> None:
        self.name = name
        self.joules: float | None = None
        self.seconds = math.nan
        self.windows: list[window] = []
        self._power = power
        self._then = then

    @property
    def watts(self) -> float | None:
        """Mean watts; None where `joules` is None."""
        return None if self.joules is None else self.joules / self.seconds

    def _recreate_cm(self) -> window:
        """Make a new window for each call of a decorated function."""
        return window(self.name, power=self._power, then=self._then)

    def __enter__(self) -> Self:
        outer = _around.get()
        if outer is not None and not math.isnan(outer.seconds):
            outer = None  # it has ended: this is a task that it has started
        with ExitStack() as undo:
            if outer is not None and self._power is None:
                self._meter = outer._meter
            else:
                self._meter = undo.enter_context(_opened(self._power))
            undo.callback(_around.reset, _around.set(self))
            self._joules_before, self._began = self._meter.energy(), time.perf_counter()
            self._undo = undo.pop_all()
        if outer is not None:
            outer.windows.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._undo:
            self.seconds = time.perf_counter() - self._began
            joules, before = self._meter.energy(), self._joules_before
            self.joules = None if joules is None or before is None else joules - before
        if self._then is not None and kind is None:
            self._then(self)

    def __repr__(self) -> str:
        return "\n".join(self._lines(""))

    def _lines(self, indent: str) -> list[str]:
        if math.isnan(self.seconds):
            took = "not ended"
        elif self.joules is None:
            took = f"{seconds_text(self.seconds)}, energy not read"
        else:
            took = f"{self.joules:.3g} J, {seconds_text(self.seconds)}, {self.watts:.3g} W"
        own = f"{indent}{self.name or 'window'}: {took}"
        return [own, *(line for w in self.windows for line in w._lines(f"{indent}  "))]


@contextmanager
def _opened(power: Kind | Meter | None) -> Iterator[Meter]:
    """Open a meter and close it again; leave one open that is open already."""
    if power is not None and not isinstance(power, str):
        yield power
        return
    with _open_rapl() if power in (None, "auto") else open(power) as device:
        yield device


def _open_rapl() -> PowerDevice:
    """Open RAPL to read; open nothing where it cannot be read, and say why."""
    try:
        device = open_kind("rapl", {"observe": True})
        if device.can_read:
            return device
        device.close()
        why = "RAPL may not be read; `alert info` names the right that is missing"
    except PowerError as error:
        why = str(error)
    warn_once(f"the energy of this window is not read: {why}", PowerWarning)
    return open_kind("none", {})
