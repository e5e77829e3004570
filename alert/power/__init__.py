"""Power devices: cap the machine, read what it draws, give the caps back.

`open` gives a `Device`; `describe` says what can be capped and read on this machine and what is
missing. Watts, joules and seconds throughout.
"""

from __future__ import annotations

import atexit
import errno
import math
import os
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from alert import _core
from alert._core import (
    PowerDevice as Device,
)
from alert._core import (
    PowerError,
    PowerPermissionError,
    PowerWarning,
)

__all__ = [
    "Device",
    "PowerError",
    "PowerPermissionError",
    "PowerWarning",
    "describe",
    "journal_directory",
    "law",
    "open",
    "restore",
    "rule",
]

Kind = Literal["auto", "rapl", "nvml", "emulated"]

_KINDS = ("auto", "rapl", "nvml", "emulated")
_LAW = ("idle_power", "peak_power", "exponent", "compute", "min_frequency")

_WATCHDOG = os.path.join(os.path.dirname(_core.__file__), "_watchdog")

_open_devices: weakref.WeakSet[Device] = weakref.WeakSet()
_exit_pid = 0


def open(
    kind: Kind = "auto",
    *,
    root: str | os.PathLike[str] | None = None,
    package: int | None = None,
    dram: bool = False,
    window: float | None = None,
    cap_range: tuple[float, float] | None = None,
    gpus: Sequence[int] | None = None,
    switch_cost: float | None = None,
    settle: float | None = None,
    observe: bool = False,
    guard: bool = True,
    idle_power: float | None = None,
    peak_power: float | None = None,
    exponent: float | None = None,
    compute: float | None = None,
    min_frequency: float | None = None,
) -> Device:
    """Open a power device.

    Parameters
    ----------
    kind : {"auto", "rapl", "nvml", "emulated"}
        "rapl": the processor packages of this machine as one device, through libpowercap.
        "nvml": NVIDIA GPUs as one device, through the driver's libnvidia-ml. Only by request:
        whether the models run on a GPU, and on which, is not this package's guess to make, and a
        GPU's limit holds for everybody who uses it.
        "emulated": a package that exists as a law only, for machines that cannot be capped; a cap
        slows work down by waiting, energy is computed. "auto": RAPL where it can be both capped
        and read, else the emulated package, with one `PowerWarning` that says why.
    root : path, optional
        RAPL: the powercap tree, ``/sys/class/powercap`` by default.
    package : int, optional
        RAPL: one package only. By default all of them: a cap is split over them in proportion to
        the limits found.
    dram : bool, default False
        RAPL: count the energy of memory too, where it is metered.
    window : float, optional
        RAPL: averaging window in seconds to hold a cap over, 0.01 by default; 0 leaves the one
        found, which may be tens of seconds.
    cap_range : (float, float), optional
        RAPL: lowest and highest cap of the whole machine, watts. By default from the least the
        machine states (1 W a package where it states nothing) to the limits found.
    gpus : sequence of int, optional
        NVML: indices as ``nvidia-smi`` counts them, whatever ``CUDA_VISIBLE_DEVICES`` says. By
        default all: each is then as far up between the driver's constraints for it as the cap is
        between their sums.
    switch_cost : float, optional
        NVML: seconds that a change of the cap takes, by default as measured: when the device is
        opened, by writing the limits found, and at every change.
    settle : float, optional
        NVML: seconds until a new cap acts, 0.1 by default.
    observe : bool, default False
        RAPL, NVML: read only. An observer changes nothing, and is welcome where somebody else caps.
    guard : bool, default True
        RAPL, NVML: with the first cap, note what was found in a journal (see `journal_directory`)
        and start a watchdog, a small sleeping process that gives it back should this one be killed.
    idle_power, peak_power : float, optional
        Emulated: watts drawn idle, and at the highest frequency.
    exponent : float, optional
        Emulated: active power rises with the frequency to this power, 1 to 5.
    compute : float, optional
        Emulated: share of the work's time that scales with the frequency, 0 to 1.
    min_frequency : float, optional
        Emulated: lowest frequency, as a share of the highest, 0.01 to 1.

    Returns
    -------
    Device
        Close it, or use it in a ``with`` statement: then every limit is back as it was found. It
        is also closed when the interpreter exits.

    Raises
    ------
    ValueError
        Unknown kind, or a number out of range.
    PowerError
        An OSError: what was asked for can be neither capped nor read here. Its attributes ``what``,
        ``why`` and ``remedy`` say what is missing and how to grant it.
    """
    constants = (idle_power, peak_power, exponent, compute, min_frequency)
    if kind not in _KINDS:
        raise ValueError(f"kind: expected one of {', '.join(map(repr, _KINDS))}, got {kind!r}")
    if kind == "emulated":
        return _register(_core.open_emulated(*constants))
    if kind == "nvml":
        return _register(_open_nvml(gpus, switch_cost, settle, observe, guard))
    options = _Rapl(root, package, dram, window, cap_range, observe, guard)
    if kind == "rapl":
        return _register(options.open())
    try:
        device = options.open()
    except PowerError as error:
        if error.errno == errno.EBUSY:  # it can be capped, and somebody does
            raise
        reason = f"{error.what}: {error.why}"
    else:
        if device.can_cap and device.can_read:
            return _register(device)
        reason = "; ".join(_lacks(device.zones))
        device.close()
    warnings.warn(
        f"power is emulated, caps and joules are not real: {reason}", PowerWarning, stacklevel=2
    )
    return _register(_core.open_emulated(*constants))


def law() -> dict[str, float]:
    """Constants of the emulated package by default, under the names `open` takes them by.

    With ``f`` the frequency relative to the highest, kept within `min_frequency` to 1:
    ``cap = idle_power + (peak_power - idle_power) * f ** exponent``; work that really took ``t``
    seconds takes ``t * (compute / f + 1 - compute)``; the package draws the cap's power while work
    runs, and `idle_power` otherwise.
    """
    return _core.power_law()


def journal_directory() -> str:
    """Return the directory of the journals: what has to be given back, should a process die.

    ``/run/alert`` for root, else ``alert`` in ``$XDG_RUNTIME_DIR``, else one in ``/tmp``.
    """
    uid = os.getuid()
    if uid == 0:
        return "/run/alert"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return os.path.join(runtime, "alert") if runtime else f"/tmp/alert-{uid}"


def restore(directory: str | os.PathLike[str] | None = None) -> list[dict[str, Any]]:
    """Give back the limits that processes which died with their watchdogs have left.

    Opening a device does so, too. A limit that somebody has changed since stays as it is.

    Parameters
    ----------
    directory : path, optional
        Of the journals; `journal_directory` by default.

    Returns
    -------
    list of dict
        One for each file: its ``path``, the ``value`` found in it before, and ``error``: None when
        it was given back, else why it could not be.

    Raises
    ------
    OSError
        Others may write to the directory, so that what it says cannot be trusted.
    """
    return _core.restore(os.fspath(journal_directory() if directory is None else directory))


def rule(*, caps: bool = True, energy: bool = True, group: str = "power") -> str:
    """Return a udev rule that grants the rights RAPL needs, ready to paste.

    Parameters
    ----------
    caps, energy : bool, default True
        Which rights: to set limits, time windows and `enabled`; to read energy counters.
    group : str, default "power"
        Whose members get them. Energy counters tell a local attacker what others compute
        (CVE-2020-8694), which is why the kernel keeps them from everybody.
    """
    grants = []
    if energy:
        grants += [f"chgrp -f {group} energy_uj max_energy_range_uj"]
        grants += ["chmod -f g+r energy_uj max_energy_range_uj"]
    if caps:
        grants += [f"chgrp -f {group} enabled constraint_*", "chmod -f g+r constraint_*"]
        grants += ["chmod -f g+w enabled constraint_*_power_limit_uw constraint_*_time_window_us"]
    rights = " and ".join(["set power limits"] * caps + ["read energy"] * energy)
    return f"""\
# /etc/udev/rules.d/60-alert.rules: members of the group {group} may {rights}. In force after:
#   groupadd -f {group}; usermod -aG {group} USER
#   udevadm control --reload; udevadm trigger --subsystem-match=powercap
ACTION=="add|change", SUBSYSTEM=="powercap", KERNEL=="intel-rapl:*", \\
  RUN+="/bin/sh -c 'cd /sys%p; {"; ".join(grants)}'"
"""


def describe(root: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Tell what can be capped and read on this machine, without changing anything.

    Parameters
    ----------
    root : path, optional
        The powercap tree, ``/sys/class/powercap`` by default.

    Returns
    -------
    dict
        Of plain values, fit for JSON. ``"auto"`` is what ``open("auto")`` would try first.
        ``"rapl"`` holds ``can_cap``, ``can_read``, ``cap_range`` (None where it cannot cap),
        ``zones`` and ``missing``: a list of ``{"what", "why", "remedy"}``, one for each thing that
        stands in the way; and ``rule``: where some of that is a permission, the `rule` that
        grants it, else None. ``"nvml"`` holds the same but for the rule, with ``gpus`` in place of
        ``zones``; whether a GPU's limit may be changed shows only when it is opened.
        ``"emulated"`` holds the law's constants.
    """
    rapl = _describe_rapl(root)
    return {
        "auto": "rapl" if rapl["can_cap"] and rapl["can_read"] else "emulated",
        "rapl": rapl,
        "nvml": _describe_nvml(),
        "emulated": law(),
    }


class _Rapl(NamedTuple):
    """The options of `open` that concern RAPL."""

    root: str | os.PathLike[str] | None = None
    package: int | None = None
    dram: bool = False
    window: float | None = None
    cap_range: tuple[float, float] | None = None
    observe: bool = False
    guard: bool = True

    def open(self) -> Device:
        low, high = (0.0, 0.0) if self.cap_range is None else self.cap_range
        if self.cap_range is not None and not 0 < low < high:
            raise ValueError(
                f"cap_range: expected watts with 0 < low < high, got {self.cap_range!r}"
            )
        package = -1 if self.package is None else self.package
        if self.package is not None and package < 0:
            raise ValueError(f"package: expected a number >= 0, got {package}")
        root = None if self.root is None else os.fspath(self.root)
        journal, watchdog = (journal_directory(), _WATCHDOG) if self.guard else (None, None)
        return _core.open_rapl(
            *(root, self.observe, self.dram, package, self.window, low, high),
            *(journal, watchdog),
        )


def _open_nvml(
    gpus: Sequence[int] | None = None,
    switch_cost: float | None = None,
    settle: float | None = None,
    observe: bool = False,
    guard: bool = True,
) -> Device:
    return _core.open_nvml(
        *(gpus, observe, guard, switch_cost, settle, journal_directory(), _WATCHDOG)
    )


def _describe_rapl(root: str | os.PathLike[str] | None) -> dict[str, Any]:
    found = _describe(_Rapl(root, observe=True).open, "zones")
    lacks = {
        right
        for right in ("cap", "read")
        for zone in found["zones"]
        if (zone[f"{right}_missing"] or {}).get("errno") in (errno.EACCES, errno.EPERM)
    }
    found["rule"] = rule(caps="cap" in lacks, energy="read" in lacks) if lacks else None
    return found


def _describe_nvml() -> dict[str, Any]:
    return _describe(lambda: _open_nvml(observe=True), "gpus")


def _describe(observer: Callable[[], Device], parts: str) -> dict[str, Any]:
    """Describe what opens; its parts are its "zones" or its "gpus"."""
    try:
        device = observer()
    except PowerError as error:
        lack = {"what": error.what, "why": error.why, "remedy": error.remedy}
        return {
            "can_cap": False,
            "can_read": False,
            "cap_range": None,
            parts: [],
            "missing": [lack],
        }
    with device:
        found = [_plain(part) for part in getattr(device, parts)]
        return {
            "can_cap": all(part["can_cap"] for part in found),
            "can_read": device.can_read,
            "cap_range": None if math.isnan(device.cap_range[0]) else list(device.cap_range),
            parts: found,
            "missing": [
                {"what": lack["what"], "why": lack["why"], "remedy": lack["remedy"]}
                for part in found
                for lack in (part["cap_missing"], part["read_missing"])
                if lack is not None
            ],
        }


def _plain(part: dict[str, Any]) -> dict[str, Any]:
    """Put None for NaN, which JSON has not, and lists for tuples."""
    low, high = part.get("cap_range", (math.nan, math.nan))
    caps = {"cap_range": None if math.isnan(low) else [low, high]} if "cap_range" in part else {}
    return {name: None if value != value else value for name, value in part.items()} | caps


def _lacks(zones: list[dict[str, Any]]) -> list[str]:
    """Say in words what is missing, each reason once."""
    lacks = (zone[key] for zone in zones for key in ("cap_missing", "read_missing"))
    return list(dict.fromkeys(f"{lack['what']}: {lack['why']}" for lack in lacks if lack))


def _register(device: Device) -> Device:
    """Have the device closed when this process's interpreter exits."""
    global _exit_pid
    if _exit_pid != os.getpid():  # a forked child inherits the registration, but owns nothing
        if _exit_pid == 0:
            atexit.register(_close_all)
        _exit_pid = os.getpid()
        _open_devices.clear()
    _open_devices.add(device)
    return device


def _close_all() -> None:
    if os.getpid() == _exit_pid:
        for device in list(_open_devices):
            device.close()
