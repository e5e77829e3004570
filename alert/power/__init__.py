"""Power devices: cap the machine, read what it draws, give the caps back.

`open` opens a device; `describe` says what can be capped and read on this machine, and what is
missing. A device of your own is a class with the attributes of `Device`: a `Knob` and a `Meter`.
Joules and seconds throughout; a cap is in the unit of its device.
"""

from __future__ import annotations

import os

from alert import _core
from alert._core import PowerDevice, PowerError, PowerPermissionError, PowerWarning
from alert.power.combined import Combined, combine
from alert.power.describing import describe, law
from alert.power.device import Device, Knob, Meter
from alert.power.give_back import journal_directory, restore
from alert.power.opening import Kind, open
from alert.power.udev import rule
from alert.power.windows import window

__all__ = [
    "Combined",
    "Device",
    "Kind",
    "Knob",
    "Meter",
    "PowerDevice",
    "PowerError",
    "PowerPermissionError",
    "PowerWarning",
    "combine",
    "describe",
    "journal_directory",
    "law",
    "open",
    "restore",
    "rule",
    "window",
]

_WATCHDOG = os.path.join(os.path.dirname(_core.__file__), "_watchdog")
