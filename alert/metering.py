"""What an input drew, also where the energy counter steps too slowly to say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

from alert.device import Device
from alert.profile import Profile

Source = Literal["measured", "blended", "profile"]

# Between two readings, for their difference to be good to some percent.
TICKS = 50


class Reading(NamedTuple):
    """What one input drew."""

    energy: float | None  # joules; None where the energy cannot be read
    source: Source
    idle_power: (
        float | None
    )  # watts drawn since the input before; None where they were not measured


class Meter:
    """Reads the energy of a device around inputs and says what each of them drew.

    An input that takes `TICKS` steps of the counter or more is *measured*: the counter is read
    before and after it. On a continuous counter that is every input.

    Shorter inputs share a window. It ends with the first of them that is done `TICKS` steps or more
    after the last reading; until then the counter is not read. What the counter has counted is
    split between the window's inputs and the gaps between them in proportion to what the profile
    says of them: power x latency, idle power x gap. Before the window ends, an input is put down
    for the profile's figure times the ratio of counter to profile in the window before: it is
    *blended*. The last one is put down for what the others have left of their part; should they
    have been given more than that, the inputs after it pay it back. So, whenever a window has
    ended, all inputs together have been put down for what the counter says, and no less.

    Figures from before the first window has ended, and those of a device whose energy cannot be
    read, are the *profile*'s.
    """

    __slots__ = (
        *(
            "_clock",
            "_column",
            "_device",
            "_done",
            "_drawn",
            "_first",
            "_gap",
            "_gaps_j",
            "_given_j",
        ),
        *("_idle_j", "_idle_power", "_inputs_j", "_long", "_mark", "_mark_time", "_owed_j"),
        *("_power", "_ratio", "_rested"),
    )

    def __init__(
        self, device: Device, profile: Profile, idle_gap: float, clock: Callable[[], float]
    ) -> None:
        self._device = device
        self._clock = clock
        self._gap = idle_gap  # seconds between two inputs for the idle power to be measured
        self._long = TICKS * device.tick_s
        self._power = profile.power
        self._column = {cap: j for j, cap in enumerate(profile.power_caps.tolist())}
        self._idle_power = profile.idle_power  # as last measured
        self._ratio = math.nan  # counter / profile, in the last window
        self._owed_j = 0.0  # to the inputs of windows that have ended; negative: by those to come
        self._first: float | None = None  # reading before the first input
        self._drawn: float | None = None
        self._done = math.nan  # when the last input was done; NaN after a failure
        self._rested = False  # the last reading was taken then
        self._idle_j: float | None = None  # from then to the reading before this input
        self._start_window(None)

    def _start_window(self, reading: float | None) -> None:
        self._mark = reading  # None: the next input needs one
        self._mark_time = math.nan  # until the next input's start is known
        self._inputs_j = self._gaps_j = 0.0  # by the profile
        self._given_j = 0.0  # what inputs were put down for

    def _end_window(self, reading: float, mark: float) -> None:
        """Split what was counted; what the inputs have not been given is owed to them."""
        counted, by_profile = reading - mark, self._inputs_j + self._gaps_j
        part = counted
        if by_profile > 0.0:
            self._ratio = counted / by_profile
            part = counted * (self._inputs_j / by_profile)
        self._owed_j += part - self._given_j
        self._start_window(reading)

    # ------------------------------------------------------------------------------ around an input

    def begin(self, expected: float) -> None:
        """Hear that an input starts, which should take `expected` seconds."""
        mark, self._idle_j = self._mark, None
        if (
            mark is None
            or expected >= self._long
            or (self._rested and self._clock() - self._done >= self._gap)
        ):
            reading = self._device.energy()
            if mark is None or reading is None:
                self._start_window(reading)
            elif self._rested:
                self._idle_j = reading - mark
                self._start_window(reading)
            else:
                self._end_window(reading, mark)
        self._rested = False

    def end(self, model: int, power_cap: float, start: float, done: float) -> Reading:
        """Hear when it started and was done; say what it drew."""
        gap, self._done = start - self._done, done
        mark, idle_power = self._mark, None
        if mark is None:
            self._drawn = None
            return Reading(None, "profile", None)
        if self._idle_j is not None and gap >= self._gap:
            idle_power = self._idle_power = self._idle_j / gap
        if self._first is None:
            self._first = mark
        begins = math.isnan(self._mark_time)  # the window, with this input
        if begins:
            self._mark_time = start
        else:
            self._gaps_j += self._idle_power * gap
        if begins and done - start >= self._long:
            return self._measured(mark, idle_power)
        by_profile = float(self._power[model, self._column[power_cap]]) * (done - start)
        self._inputs_j += by_profile
        if done - self._mark_time >= self._long:
            return self._last_of_window(mark, idle_power)
        ratio = 1.0 if math.isnan(self._ratio) else self._ratio
        energy = by_profile * ratio
        self._given_j += energy
        self._drawn = mark - self._first + (self._inputs_j + self._gaps_j) * ratio
        return Reading(energy, "profile" if math.isnan(self._ratio) else "blended", idle_power)

    def fail(self) -> None:
        """Hear that the input came to nothing. What it drew is nobody's."""
        self._done = math.nan
        self._rested = False
        self._start_window(None)

    def _read(self, first: float | None) -> float | None:
        reading = self._device.energy()
        self._rested = reading is not None
        self._drawn = None if reading is None or first is None else reading - first
        return reading

    def _measured(self, mark: float, idle_power: float | None) -> Reading:
        reading = self._read(self._first)
        self._start_window(reading)
        if reading is None:
            return Reading(None, "profile", idle_power)
        return Reading(reading - mark, "measured", idle_power)

    def _last_of_window(self, mark: float, idle_power: float | None) -> Reading:
        reading = self._read(self._first)
        if reading is None:
            self._start_window(None)
            return Reading(None, "profile", idle_power)
        self._end_window(reading, mark)
        energy = max(self._owed_j, 0.0)
        self._owed_j -= energy
        return Reading(energy, "blended", idle_power)

    @property
    def drawn(self) -> float | None:
        """Joules from the start of the first input to the end of the last, idle time included.

        None where the energy cannot be read, or before the first input. After the last reading it
        goes by the same figures as the inputs.
        """
        return self._drawn
