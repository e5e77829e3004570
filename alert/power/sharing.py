"""Devices that several users in one process hold in common."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

from alert._core import PowerDevice

_Key: TypeAlias = tuple[int, str, str]

_held: dict[_Key, weakref.WeakSet[PowerDevice]] = {}  # by process, kind and options
_lock = threading.Lock()


def open_shared(
    kind: str, options: Mapping[str, Any], open_device: Callable[[], PowerDevice]
) -> PowerDevice:
    """Return a device that is open in this process with the same options, or open one.

    Each user gets an object of its own. The device is given back when the last one is closed, or
    dropped. Until then the newest cap is in force, whoever set it.
    """
    key = os.getpid(), kind, repr(sorted(options.items()))
    with _lock:
        users = _held.setdefault(key, weakref.WeakSet())
        device = _another(users) or open_device()
        users.add(device)
    return device


def _another(users: weakref.WeakSet[PowerDevice]) -> PowerDevice | None:
    """Return another object for the device of these users; None where all have closed it."""
    for user in list(users):
        with suppress(ValueError):  # it is closed
            return user._share()
    return None


def _renew() -> None:
    """Forget what the parent of a forked process holds, and the lock that it may have held."""
    global _lock
    _lock = threading.Lock()
    _held.clear()


os.register_at_fork(after_in_child=_renew)
