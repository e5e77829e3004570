"""What can be capped and read on this machine, and what is missing."""

from __future__ import annotations

import errno
import math
import os
from typing import Any

from alert._core import PowerError
from alert.power.description import Description
from alert.power.kinds import KINDS, open_kind
from alert.power.udev import rule


def law() -> dict[str, float]:
    """Return the constants of the emulated package, under the names `open` takes them by.

    A cap sets the frequency ``f``, relative to the highest and from `min_frequency` to 1:
    ``cap = idle_power + (peak_power - idle_power) * f ** exponent``. Work that really took ``t``
    seconds takes ``t * (compute / f + 1 - compute)``. The package draws the cap's power while work
    runs, and `idle_power` otherwise.
    """
    return dict(KINDS["emulated"].options)


def describe(root: str | os.PathLike[str] | None = None) -> Description:
    """Describe what can be capped and read on this machine, without changing anything.

    Parameters
    ----------
    root : path, optional
        The powercap tree, ``/sys/class/powercap`` by default.

    Returns
    -------
    dict
        Of plain values, fit for JSON; a notebook shows a table. ``"auto"`` is the kind that
        ``open("auto")`` opens: "rapl" where energy can be read, else "none".
        ``"rapl"`` holds ``can_cap``, ``can_read``, ``cap_range`` (None where it cannot cap, or does
        not know), ``zones`` and ``missing``: a list of ``{"what", "why", "remedy"}``, one for each
        thing that stands in the way; and ``rule``: where some of that is a permission, the `rule`
        that grants it, else None. ``"cpufreq"`` holds the same, with ``policies`` in place of
        ``zones``, and GHz; ``can_read`` is that of RAPL. ``"nvml"`` holds the same but for the
        rule, with ``gpus``; whether a GPU's limit may be changed shows only when it is opened.
        ``"emulated"`` holds the law's constants.
    """
    options = {"rapl": {} if root is None else {"root": os.fspath(root)}}
    found = {
        name: _describe(name, options.get(name, {})) for name, kind in KINDS.items() if kind.parts
    }
    rapl, cpufreq = found["rapl"], found["cpufreq"]
    cap, read = (_may_be_granted(rapl["zones"], f"{right}_missing") for right in ("cap", "read"))
    rapl["rule"] = rule(caps=cap, energy=read) if cap or read else None
    frequencies = _may_be_granted(cpufreq["policies"], "cap_missing")
    cpufreq["rule"] = rule(caps=False, energy=False, frequencies=True) if frequencies else None
    auto = "rapl" if rapl["can_read"] else "none"
    return Description({"auto": auto, **found, "emulated": law()})


def _may_be_granted(parts: list[dict[str, Any]], right: str) -> bool:
    """Tell whether a right is missing that a rule grants. A rule gives no more rights to root."""
    lacks = [part[right] or {} for part in parts]
    denied = any(lack.get("errno") in (errno.EACCES, errno.EPERM) for lack in lacks)
    return denied and os.geteuid() != 0


def _describe(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """Describe a device of that kind by an observer of it."""
    parts = KINDS[kind].parts or "parts"
    try:
        device = open_kind(kind, {**options, "observe": True})
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
        found = [_plain(part) for part in device.parts]
        return {
            "can_cap": all(part["can_cap"] for part in found),
            "can_read": device.can_read,
            "cap_range": list(device.cap_range) if math.isfinite(device.cap_range[1]) else None,
            parts: found,
            "missing": _missing(found),
        }


def _missing(parts: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return what stands in the way, each thing once: several parts may lack the same."""
    keys = ("cap_missing", "read_missing", "range_missing")
    words = ("what", "why", "remedy")
    lacks = [part[key] for part in parts for key in keys if part[key] is not None]
    told = dict.fromkeys(tuple(lack[word] for word in words) for lack in lacks)
    return [dict(zip(words, lack, strict=True)) for lack in told]


def _plain(part: dict[str, Any]) -> dict[str, Any]:
    """Put None for NaN, which JSON does not have, and lists for tuples."""
    low, high = part.get("cap_range", (math.nan, math.nan))
    caps = {"cap_range": None if math.isnan(low) else [low, high]} if "cap_range" in part else {}
    return {name: None if value != value else value for name, value in part.items()} | caps
