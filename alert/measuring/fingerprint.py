"""What a profile's numbers depend on besides the models: the machine they were measured on."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

Fingerprint = dict[str, str | int]

_CPUINFO = Path("/proc/cpuinfo")


def machine() -> Fingerprint:
    """Describe this machine as far as it decides how long a network takes.

    Returns
    -------
    dict
        "cpu", "cores" (logical ones this process may use), "system" and "architecture"; and, where
        torch has been imported, "torch" (its version), "threads" (those torch uses for one
        operator) and "gpu" (the first one, where CUDA can be used).
    """
    found: Fingerprint = {
        "cpu": _cpu(),
        "cores": _cores(),
        "system": platform.system(),
        "architecture": platform.machine(),
    }
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
        One "name: then, here now" for each difference; empty where there is none.
    """
    return [
        f"{name}: {then}, here {here[name]}"
        for name, then in saved.items()
        if name in here and here[name] != then
    ]


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # not everywhere
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu() -> str:
    """Name the processor as the kernel does, or else as far as Python can."""
    try:
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Hardware", "cpu model") and value.strip():
            return " ".join(value.split())
    return platform.processor() or "unknown"
