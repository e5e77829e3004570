"""What a profile's numbers depend on besides the models: the machine they were measured on."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from alert._text import plain

Fingerprint = dict[str, str | int]

_CPUINFO = Path("/proc/cpuinfo")
_CGROUP = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")


def machine() -> Fingerprint:
    """Describe this machine as far as it decides how long a network takes.

    Returns
    -------
    dict
        "cpu", "cores" (logical ones this process may use), "system" and "architecture". On Linux,
        "cpu_quota" (the cores' worth of time that cgroups allow, or "none"). Where torch has been
        imported, "torch" (its version), "threads" (those torch uses for one operator) and "gpu"
        (the first one, where CUDA can be used).
    """
    found: Fingerprint = {
        "cpu": _cpu(),
        "cores": _cores(),
        "system": platform.system(),
        "architecture": platform.machine(),
    }
    if (quota := _quota()) is not None:
        found["cpu_quota"] = quota
    torch = sys.modules.get("torch")  # not imported only for its version
    if torch is not None:
        found["torch"] = str(torch.__version__)
        found["threads"] = int(torch.get_num_threads())
        if torch.cuda.is_available():
            found["gpu"] = str(torch.cuda.get_device_name(0))
    return found


def differences(saved: Mapping[str, object], here: Mapping[str, object]) -> list[str]:
    """Say where two fingerprints disagree.

    What only one of them states is no difference: torch may not have been imported yet.

    Parameters
    ----------
    saved, here : mapping
        As `machine` returned them, then and now.

    Returns
    -------
    list of str
        One "name: then, here now" for each difference.
    """
    return [
        f"{name}: {plain(then)}, here {plain(here[name])}"
        for name, then in saved.items()
        if name in here and here[name] != then
    ]


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # not everywhere
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# Fields of /proc/cpuinfo that tell processors apart. The kernels of x86, LoongArch, MIPS and POWER
# give a name. Those of ARM and RISC-V give numbers, with a name that many processors share or none.
_NAMES = ("model name", "cpu model", "cpu", "hardware")
_NUMBERS = (
    *("cpu implementer", "cpu variant", "cpu part", "cpu revision"),  # ARM
    *("isa", "uarch", "mvendorid", "marchid", "mimpid"),  # RISC-V
)
_OTHERS = ("vendor_id", "machine", "cpu family", "model")  # s390, where nothing else is said


def _cpu() -> str:
    """Name the processor as the kernel does, or else as far as Python can."""
    try:
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found: dict[str, dict[str, None]] = {}  # distinct values, for cores may be of several kinds
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if value.split():
            found.setdefault(name.strip().lower(), {})[" ".join(value.split())] = None
    names = [next(iter(found[name])) for name in _NAMES if name in found][:1]
    for fields in (_NUMBERS, () if names else _OTHERS):
        names += [f"{name} {' + '.join(found[name])}" for name in fields if name in found]
    return ", ".join(names) or platform.processor() or "unknown"


def _quota() -> str | None:
    """Return the cores' worth of time that cgroups leave this process; None without cgroups.

    A limit of any group up to the root holds, and so the lowest counts.
    """
    try:
        lines = _CGROUP.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    limits = []
    for line in lines:  # "NUMBER:CONTROLLERS:PATH"; version 2 of cgroups names no controllers
        controllers, _, path = line.partition(":")[2].partition(":")
        if not controllers or "cpu" in controllers.split(","):
            root = _CGROUPS / controllers
            group = root / path.lstrip("/")
            within = [place for place in (group, *group.parents) if place.is_relative_to(root)]
            limits += [limit for place in within if (limit := _limit(place)) is not None]
    return f"{min(limits):g}" if limits else "none"


def _limit(group: Path) -> float | None:
    """Return the cores' worth of time of one group; None where it has no limit.

    Version 2 writes "QUOTA PERIOD" or "max PERIOD" into one file, version 1 two numbers into two.
    """
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            words = " ".join((group / name).read_text(encoding="utf-8") for name in names).split()
            quota, period = map(int, words)
        except (OSError, ValueError):
            continue
        if quota > 0 and period > 0:
            return quota / period
    return None
