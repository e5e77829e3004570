"""The kinds of devices: those of the C library, and those written in Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import alert.power
from alert import _core
from alert._core import PowerDevice, PowerError
from alert.power.combined import Combined, Unmetered
from alert.power.device import Device
from alert.power.frequencies import Frequencies
from alert.power.sharing import open_shared
from alert.power.threads import Threads
from alert.power.zeus import Zeus


class KindOfDevice(NamedTuple):
    """What there is to know of a kind before one is opened."""

    parts: str | None  # what its parts are called; None without parts
    options: Mapping[str, Any]  # by name, with usual values
    unit: str  # of its caps
    open: Callable[[dict[str, Any]], Any]  # takes the options given


def open_kind(kind: str, options: dict[str, Any]) -> PowerDevice:
    """Open a device with the options given; the caller closes it.

    A device that is written in Python is no PowerDevice, but has all that one has.

    Raises
    ------
    ValueError
        The kind does not take one of the options, or its value is out of range.
    PowerError
        The device can be neither capped nor read here.
    """
    for name in options:
        if name not in KINDS[kind].options:
            kinds = " or ".join(repr(other) for other in KINDS if name in KINDS[other].options)
            raise ValueError(f"{name}: only taken by kind {kinds}")
    device: PowerDevice = KINDS[kind].open(options)
    return device


def _opener_in_c(kind: str, options: Mapping[str, Any]) -> Callable[[dict[str, Any]], PowerDevice]:
    """Return the function that opens a device of the C library."""

    def open_in_c(given: dict[str, Any]) -> PowerDevice:
        if "directory" in options:
            # looked up in the package, so that a program can replace them there
            places = {
                "directory": alert.power.journal_directory(),
                "watchdog": alert.power._WATCHDOG,
            }
            given = {**given, **places}
            if not given.get("observe"):
                return open_shared(kind, given, lambda: _core.open_power(kind, given))
        return _core.open_power(kind, given)

    return open_in_c


def _rapl_meter() -> Device:
    """Open RAPL to read, for a knob that counts no joules itself; or what says why it cannot be."""
    try:
        return open_kind("rapl", {"observe": True})
    except PowerError as error:
        return Unmetered(error)


def _kinds() -> dict[str, KindOfDevice]:
    kinds = {
        name: KindOfDevice(parts, options, unit, _opener_in_c(name, options))
        for name, (parts, options, unit) in _core.power_kinds().items()
    }
    cpufreq = kinds["cpufreq"]
    kinds["cpufreq"] = cpufreq._replace(
        open=lambda given: Frequencies(cpufreq.open(given), _rapl_meter())
    )
    # Without parts to describe: nobody shall wait for Zeus who has not asked for it.
    kinds["threads"] = KindOfDevice(
        None,
        {"cap_range": None},
        "threads",
        lambda given: Combined(Threads(**given), _rapl_meter()),
    )
    kinds["zeus"] = KindOfDevice(
        None, {"gpus": None, "sources": None}, "W", lambda given: Zeus(**given)
    )
    return kinds


KINDS = _kinds()
