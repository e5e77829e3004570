"""Energy of single inputs, also where the energy counter steps too slowly to measure one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from alert.power.device import Device, cap_or_none
from alert.profile import Profile

Source = Literal["measured", "blended", "profile"]

TICKS = 50
"""Steps of the counter between two readings whose difference is good to some percent."""

# The same of a counter that steps more slowly than it states: its windows last long enough.
_SLOW_TICKS = 10

# Of one input: joules, or None where the energy cannot be read; their source; watts drawn since the
# input before, or None where they were not measured.
Reading: TypeAlias = tuple[float | None, Source, float | None]

_UNREADABLE: Reading = (None, "profile", None)


class _Window:
    """Collects inputs until the counter has made enough steps for a reading."""

    __slots__ = ("gaps", "given", "inputs", "since")

    def __init__(self) -> None:
        self.restart(math.nan)

    def restart(self, since: float) -> None:
        """Begin anew at a reading."""
        self.since = since  # when it was, seconds on the clock; NaN: at the start of the next input
        self.inputs = 0.0  # joules of the inputs, by the profile
        self.gaps = 0.0  # joules of the gaps between inputs, by the profile
        self.given = 0.0  # joules that the inputs were entered with


class Meter:
    """Reads the energy of a device around inputs and tells the joules of each input.

    An input that takes at least `TICKS` steps of the counter is *measured*: the counter is read
    before and after it. On a continuous counter every input is measured.

    Shorter inputs share a window. The window ends with the first input that is done `TICKS` steps
    or more after the last reading; until then the counter is not read. Each input is entered with
    its joules by the profile (power x latency), times a ratio: counter / profile in the window
    before. Such an input is *blended*. When the window ends, its counted joules are split between
    inputs and gaps. The shares are the profile's joules of both; a gap takes idle power x time.
    Where inputs were entered with too little or too much, later inputs make up for the difference.
    They do so in proportion to their own joules, and by no more than those. So nothing is lost and
    nothing is counted twice: all entries, and the difference still owed, add up to the counter's
    joules.

    A reading that shows no joules at all says that the counter steps more slowly than it states.
    Then the window goes on, until the counter has made some steps.

    Before the first window has ended, and where the energy cannot be read, joules come from the
    *profile* alone.
    """

    __slots__ = (
        *(
            "_clock",
            "_column",
            "_device",
            "_done",
            "_drawn",
            "_estimate",
            "_first",
            "_gap",
            "_idle",
            "_idle_power",
        ),
        *(
            "_long",
            "_mark",
            "_power",
            "_ratio",
            "_repaid",
            "_rested",
            "_slow",
            "_still",
            "_window",
            "owed",
        ),
    )

    def __init__(
        self, device: Device, profile: Profile, idle_gap: float, clock: Callable[[], float]
    ) -> None:
        self._device = device
        self._clock = clock
        self._gap = idle_gap  # shortest gap, in seconds, in which the idle power is measured
        self._long = TICKS * device.tick
        self._slow = _SLOW_TICKS * device.tick or math.inf  # so long without a step is too long
        self._still = 0.0  # seconds without a step of the counter, the longest since it stepped
        self._power = np.nan_to_num(profile.power, nan=1.0)  # the counter scales them
        self._estimate = 0.0 if profile.knows_power else math.nan
        self._column = {cap_or_none(cap): j for j, cap in enumerate(profile.power_caps.tolist())}
        self._idle_power = profile.idle_power  # as last measured
        self._ratio = math.nan  # counter / profile, in the last window
        self.owed = 0.0  # joules counted in ended windows, less those entered
        self._repaid = 0.0  # share of its own joules by which each input reduces `owed`
        self._first: float | None = None  # reading before the first input
        self._drawn: float | None = None
        self._mark: float | None = None  # last reading; None: the next input needs one
        self._window = _Window()
        self._done = math.nan  # when the last input was done; NaN after a failure
        self._rested = False  # the last reading was taken when the last input was done
        self._idle: float | None = None  # joules from that reading to the one before this input

    # ------------------------------------------------------------------------------ around an input

    def begin(self, expected: float) -> None:
        """Note that an input starts; it should take `expected` seconds."""
        mark, self._idle = self._mark, None
        if (
            mark is None
            or expected >= self._long
            or (self._rested and self._clock() - self._done >= self._gap)
        ):
            reading = self._device.energy()
            if mark is not None and reading is not None:
                since = self._done if self._rested else self._window.since
                if self._is_early(reading - mark, self._clock() - since):
                    self._rested = False
                    return
                if self._rested:
                    self._idle = reading - mark
                else:
                    self._settle(reading - mark)
            self._mark = reading
            self._window.restart(math.nan)
        self._rested = False

    def end(self, model: int, power_cap: float | None, start: float, done: float) -> Reading:
        """Note when the input started and was done; return its energy."""
        gap, self._done = start - self._done, done
        by_profile = float(self._power[model, self._column[power_cap]]) * (done - start)
        self._estimate += by_profile + (self._idle_power * gap if gap > 0.0 else 0.0)
        if self._mark is None:
            self._drawn = None
            return _UNREADABLE
        if self._first is None:
            self._first = self._mark
        idle_power = None
        if self._idle is not None and gap >= self._gap:
            idle_power = self._idle_power = self._idle / gap
        window = self._window
        alone = math.isnan(window.since)  # the last reading was just before this input
        if alone:
            window.since = start
        else:
            window.gaps += self._idle_power * gap
        if alone and done - start >= self._long:
            mark, counted = self._mark, self._read()
            if not self._is_early(counted, done - start):
                window.since = done
                return _UNREADABLE if counted is None else (counted, "measured", idle_power)
            self._mark = mark
        source: Source = "profile" if math.isnan(self._ratio) else "blended"
        energy = self._enter(by_profile)
        if done - window.since >= self._long:
            mark, counted = self._mark, self._read()
            if counted is None:
                return _UNREADABLE
            if self._is_early(counted, done - window.since):
                self._mark = mark
            else:
                self._settle(counted)
                window.restart(done)
        return energy, source, idle_power

    def fail(self) -> None:
        """Note that the input failed. No input is charged for the energy since the last reading."""
        self._done = math.nan
        self._mark = None

    @property
    def drawn(self) -> float | None:
        """Joules from the start of the first input to the end of the last, idle time included.

        None where the energy cannot be read, or before the first input. From the last reading on,
        the entries of the inputs stand in for the counter.
        """
        return self._drawn

    @property
    def estimate(self) -> float | None:
        """What `drawn` would be by the profile alone; None where the profile has no power."""
        return None if math.isnan(self._estimate) else self._estimate

    # -------------------------------------------------------------------------------------- entries

    def _read(self) -> float | None:
        """Read the counter when an input is done; return the joules since the last reading."""
        mark, self._mark = self._mark, self._device.energy()
        self._rested = self._mark is not None
        if mark is None or self._mark is None or self._first is None:
            self._drawn = None
            return None
        self._drawn = self._mark - self._first
        return self._mark - mark

    def _is_early(self, counted: float | None, seconds: float) -> bool:
        """Tell whether a stepping counter has made too few steps, and learn how slow it is."""
        if counted is None or not (self._still if counted else seconds > self._slow):
            return False
        if counted:  # the first step after the longest rest
            self._long, self._still = max(self._long, _SLOW_TICKS * self._still), 0.0
        else:
            self._still = max(self._still, seconds)
            self._long = max(self._long, 2.0 * seconds)  # look again soon
        self._gap = max(self._gap, self._long)
        self._rested = False
        return True

    def _enter(self, by_profile: float) -> float:
        """Enter an input that shares its window; return its joules."""
        window = self._window
        ratio = 1.0 if math.isnan(self._ratio) else self._ratio
        given = by_profile * ratio
        repaid = given * self._repaid
        if abs(repaid) > abs(self.owed):
            repaid = self.owed
        window.inputs += by_profile
        window.given += given
        self.owed -= repaid
        if self._mark is not None and self._first is not None:
            self._drawn = self._mark - self._first + (window.inputs + window.gaps) * ratio
        return given + repaid

    def _settle(self, counted: float) -> None:
        """Split the joules counted in the window; add to `owed` what the inputs lacked."""
        window = self._window
        by_profile, part = window.inputs + window.gaps, counted
        if by_profile > 0.0:
            self._ratio = counted / by_profile
            part = counted * (window.inputs / by_profile)
        self.owed += part - window.given
        self._repaid = max(-1.0, min(self.owed / part, 1.0)) if part > 0.0 else 0.0
