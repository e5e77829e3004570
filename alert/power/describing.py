"""What can be capped and read on this machine, and what is missing."""

from __future__ import annotations

import errno
import math
import os
from typing import Any

from alert._core import PowerError
from alert.power.opening import KINDS, open_kind
from alert.power.udev import rule


def law() -> dict[str, float]:
    """Return the constants of the emulated package, under the names `open` takes them by.

    A cap sets the frequency ``f``, relative to the highest and from `min_frequency` to 1:
    ``cap = idle_power + (peak_power - idle_power) * f ** exponent``. Work that really took ``t``
    seconds takes ``t * (compute / f + 1 - compute)``. The package draws the cap's power while work
    runs, and `idle_power` otherwise.
    """
    return dict(KINDS["emulated"][1])


def describe(root: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Describe what can be capped and read on this machine, without changing anything.

    Parameters
    ----------
    root : path, optional
        The powercap tree, ``/sys/class/powercap`` by default.

    Returns
    -------
    dict
        Of plain values, fit for JSON. ``"auto"`` is what ``open("auto")`` would try first.
        ``"rapl"`` holds ``can_cap``, ``can_read``, ``cap_range`` (None where it cannot cap, or does
        not know), ``zones`` and ``missing``: a list of ``{"what", "why", "remedy"}``, one for each
        thing that stands in the way; and ``rule``: where some of that is a permission, the `rule`
        that grants it, else None. ``"nvml"`` holds the same but for the rule, with ``gpus`` in
        place of ``zones``; whether a GPU's limit may be changed shows only when it is opened.
        ``"emulated"`` holds the law's constants.
    """
    options = {"rapl": {} if root is None else {"root": os.fspath(root)}}
    found = {
        kind: _describe(kind, options.get(kind, {})) for kind, (parts, _) in KINDS.items() if parts
    }
    rapl = found["rapl"]
    rapl["rule"] = _rule_for(rapl["zones"])
    usable = rapl["can_cap"] and rapl["can_read"]
    return {"auto": "rapl" if usable else "emulated", **found, "emulated": law()}


def _rule_for(zones: list[dict[str, Any]]) -> str | None:
    """Return the rule that grants the rights missing; None where none is, or no rule helps."""
    if os.geteuid() == 0:  # a rule gives no more rights to root
        return None
    lacks = {
        right
        for right in ("cap", "read")
        for zone in zones
        if (zone[f"{right}_missing"] or {}).get("errno") in (errno.EACCES, errno.EPERM)
    }
    return rule(caps="cap" in lacks, energy="read" in lacks) if lacks else None


def _describe(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """Describe a device of that kind by an observer of it."""
    parts = KINDS[kind][0] or "parts"
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
            "missing": [
                {"what": lack["what"], "why": lack["why"], "remedy": lack["remedy"]}
                for part in found
                for lack in (part["cap_missing"], part["read_missing"], part["range_missing"])
                if lack is not None
            ],
        }


def _plain(part: dict[str, Any]) -> dict[str, Any]:
    """Put None for NaN, which JSON does not have, and lists for tuples."""
    low, high = part.get("cap_range", (math.nan, math.nan))
    caps = {"cap_range": None if math.isnan(low) else [low, high]} if "cap_range" in part else {}
    return {name: None if value != value else value for name, value in part.items()} | caps
