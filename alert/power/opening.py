"""Opening a power device, by its kind and options; closing it when the interpreter exits."""

from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from alert._core import PowerDevice, PowerError, PowerWarning
from alert._deprecated import RenamedAttributes
from alert._text import shown
from alert._warnings import warn_once
from alert.power.device import Device, cap_set, put_back
from alert.power.kinds import KINDS, open_kind

Kind = Literal["auto", "rapl", "nvml", "cpufreq", "emulated", "none", "threads", "zeus"]

_RENAMED = ("switch_cost", "settle", "tick")  # ended in _s in the release before

_open_devices: weakref.WeakSet[PowerDevice] = weakref.WeakSet()
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
    sources: Sequence[str] | None = None,
    switch_cost: float | None = None,
    settle: float | None = None,
    observe: bool = False,
    guard: bool = True,
    idle_power: float | None = None,
    peak_power: float | None = None,
    exponent: float | None = None,
    compute: float | None = None,
    min_frequency: float | None = None,
) -> PowerDevice:
    """Open a power device.

    Parameters
    ----------
    kind : {"auto", "rapl", "nvml", "cpufreq", "threads", "zeus", "emulated", "none"}
        "auto": RAPL where it can be capped and read. RAPL that only reads, where nothing may be
        capped or another process caps. Else "none". What is missing is said in one `PowerWarning`.
        "rapl": the processor packages of this machine as one device, through libpowercap.
        "nvml": NVIDIA GPUs as one device, through the driver's libnvidia-ml. Only by request: this
        package cannot know which GPU the models run on, and a GPU's limit holds for everybody who
        uses it.
        "cpufreq": the cores of this machine as one device. A cap is the highest frequency of each,
        in GHz. The joules are RAPL's, where they can be read.
        "threads": how many threads models compute with, in this process; needs no rights. A cap is
        that number. The joules are RAPL's, where they can be read.
        "zeus": what the package Zeus counts, as a meter: GPUs of AMD and NVIDIA, Jetson boards, all
        that its daemon reads. It caps nothing; `combine` joins a knob with it.
        "emulated": a package that exists as a law only, to try caps where there are none. A cap
        slows work down by waiting; energy is computed. Only by request: it saves nothing.
        "none": caps nothing and reads nothing. Models alone are chosen, and nothing waits.
    root : path, optional
        RAPL: the powercap tree, ``/sys/class/powercap`` by default. Cpufreq: the directory of the
        policies, ``/sys/devices/system/cpu/cpufreq`` by default.
    package : int, optional
        RAPL: one package only. By default all of them: a cap is split over them in proportion to
        the limits found.
    dram : bool, default False
        RAPL: count the energy of memory too, where it is metered.
    window : float, optional
        RAPL: averaging window in seconds to hold a cap over, 0.01 by default; 0 leaves the one
        found, which may be tens of seconds.
    cap_range : (float, float), optional
        RAPL, NVML: lowest and highest cap of all packages or GPUs together, watts. By default from
        the least the machine states (1 W a package where it states nothing) to the lowest limit
        found for each package or GPU. Only a range given here lets a cap exceed a limit found.
        Where a limit found is so high that it is none, the highest cap is unknown: infinite.
        Cpufreq: lowest and highest cap, GHz; by default those of the hardware, but no core is set
        higher than it was found. Threads: lowest and highest number, by default 1 and the number
        found.
    gpus : sequence of int, optional
        NVML: indices as ``nvidia-smi`` counts them, whatever ``CUDA_VISIBLE_DEVICES`` says. By
        default all: each is then as far up between its lowest and its highest cap as the cap is
        between their sums. Zeus: indices as Zeus counts them, which heeds the variable.
    sources : sequence of {"gpu", "soc", "cpu"}, optional
        Zeus: what is added up. By default GPUs and boards; processors where there are neither.
    switch_cost : float, optional
        NVML: seconds that a change of the cap takes. By default measured: when the device is
        opened, by writing the limits found, and at every change.
    settle : float, optional
        NVML, cpufreq: seconds until a new cap acts, 0.1 and 0.01 by default.
    observe : bool, default False
        RAPL, NVML, cpufreq: only read. An observer changes nothing, and may be opened where
        somebody else caps.
    guard : bool, default True
        RAPL, NVML, cpufreq: with the first cap, note the limits found in a journal (see
        `journal_directory`) and start a watchdog: a small sleeping process that gives them back
        should this one be killed.
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
    PowerDevice
        Close it, or use it in a ``with`` statement: then every limit is back as it was found. The
        device is also closed when the interpreter exits. Where this process has opened it with the
        same options before, they share it: the last to be closed gives back. Of "cpufreq" and
        "threads" it is a `Combined`; of "zeus", another class. They have all a PowerDevice has.

    Raises
    ------
    ValueError
        Unknown kind, an option that the kind does not take, or a number out of range.
    PowerError
        An OSError: the device can be neither capped nor read here. Its attributes ``what``,
        ``why`` and ``remedy`` say what is missing and how to grant it.
    """
    _check_kind("kind", kind)
    given = {
        "root": os.fspath(root) if isinstance(root, os.PathLike) else root,
        "package": package,
        "dram": dram or None,
        "window": window,
        "cap_range": cap_range,
        "gpus": gpus,
        "sources": sources,
        "switch_cost": switch_cost,
        "settle": settle,
        "observe": observe or None,
        "guard": None if guard else False,
        "idle_power": idle_power,
        "peak_power": peak_power,
        "exponent": exponent,
        "compute": compute,
        "min_frequency": min_frequency,
    }
    options = {name: value for name, value in given.items() if value is not None}
    device = _open_auto(options) if kind == "auto" else open_kind(kind, options)
    return _close_at_exit(device)


def _check_kind(name: str, kind: object) -> None:
    """Raise ValueError for a kind that there is not; `name` is that of the argument."""
    if kind not in ("auto", *KINDS):
        names = ", ".join(map(repr, ("auto", *KINDS)))
        raise ValueError(f"{name}: expected one of {names}, got {shown(kind)}")


def open_or_emulate(kind: Kind = "auto") -> PowerDevice:
    """Open a device to show caps on: for "auto" RAPL, or else the emulated package."""
    if kind != "auto":
        return open(kind)
    device, reason = _open_rapl({})
    if device is None:
        warn_once(f"power is emulated, caps and joules are not real: {reason}", PowerWarning)
        return open("emulated")
    return _close_at_exit(device)


def open_device(power: str | Device) -> Device:
    """Return a device itself, or open the one of that name."""
    if not isinstance(power, str):
        if not hasattr(power, "set_cap"):
            kind = type(power).__name__
            raise TypeError(f"power: expected a kind of device or an open device, got {kind}")
        missing = (name for name in _RENAMED if not hasattr(power, name))
        old = {name: f"{name}_s" for name in missing if hasattr(power, f"{name}_s")}
        renamed: Any = RenamedAttributes(power, old) if old else power
        return renamed  # type: ignore[no-any-return]
    _check_kind("power", power)
    device: Device = open(power)  # type: ignore[arg-type]  # it is one of them
    if power not in ("auto", "none", "zeus") and not device.can_cap:
        _warn_uncapped(device, _why_uncapped(device))
    return device


@contextmanager
def borrowed(power: str | Device) -> Iterator[Device]:
    """Open the device of that name for a while, or use an open one and restore its cap."""
    device = open_device(power)
    if isinstance(power, str):
        try:
            yield device
        finally:
            device.close()
        return
    found = cap_set(device)
    try:
        yield device
    finally:
        put_back(device, found)


def _open_auto(options: dict[str, Any]) -> PowerDevice:
    """Open RAPL to cap and to read, or to read only, or nothing; say why it is not the first."""
    device, reason = _open_rapl(options)
    return _open_reader(options, reason) if device is None else device


def _open_rapl(options: dict[str, Any]) -> tuple[PowerDevice | None, str]:
    """Open RAPL to cap and to read, or only to read where no more is asked; or say why not."""
    try:
        device = open_kind("rapl", options)
    except PowerError as error:
        lack = {"what": error.what, "why": error.why, "remedy": error.remedy}
        return None, _words(lack)
    if device.can_read and (device.can_cap or options.get("observe")):
        return device, ""
    reason = _why_uncapped(device)
    device.close()
    return None, reason


def _open_reader(options: dict[str, Any], reason: str) -> PowerDevice:
    """Open RAPL where it can be read, and else nothing, with a warning."""
    try:
        device = open_kind("rapl", {**options, "observe": True})
    except PowerError:
        device = open_kind("none", {})
    if not device.can_read:
        device.close()
        device = open_kind("none", {})
    _warn_uncapped(device, reason)
    return device


def _warn_uncapped(device: Device, reason: str) -> None:
    """Say that a device sets no caps, and why."""
    energy = "energy is measured"
    if device.kind == "none":
        energy, reason = "energy is not read", f"{reason}; power='none' says that you mean it"
    warn_once(f"no power cap is set, models alone are chosen, {energy}: {reason}", PowerWarning)


def _why_uncapped(device: Device) -> str:
    """Say in words what stands in the way of caps or of energy."""
    return "; ".join(_lacks(getattr(device, "parts", []))) or f"{device.kind} sets no caps"


def _lacks(parts: list[dict[str, Any]]) -> list[str]:
    """Say in words what is missing, each reason once."""
    lacks = (part[key] for part in parts for key in ("cap_missing", "read_missing"))
    return list(dict.fromkeys(map(_words, filter(None, lacks))))


def _words(lack: dict[str, Any]) -> str:
    remedy = f" ({lack['remedy']})" if lack["remedy"] else ""
    return f"{lack['what']}: {lack['why']}{remedy}"


def _close_at_exit(device: PowerDevice) -> PowerDevice:
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
