"""Journals of limits to be given back, written by hand (see csrc/power/give_back/journal.h)."""

from __future__ import annotations

import ctypes
import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FILE, GPU = "rapl", "nvml"


class _Entry(ctypes.Structure):
    _fields_ = (
        *(("kind", ctypes.c_char * 16), ("path", ctypes.c_char * 600), ("fd", ctypes.c_int32)),
        *(("writing", ctypes.c_uint32), ("found", ctypes.c_uint64), ("held", ctypes.c_uint64)),
    )


class _Header(ctypes.Structure):
    _fields_ = (
        *(("magic", ctypes.c_char * 8), ("boot", ctypes.c_char * 40)),
        ("path", ctypes.c_char * 400),
        *(("pid_namespace", ctypes.c_uint64), ("time_namespace", ctypes.c_uint64)),
        *(("pid", ctypes.c_int32), ("watchdog", ctypes.c_int32)),
        *(("pid_started", ctypes.c_uint64), ("watchdog_started", ctypes.c_uint64)),
        ("entries", ctypes.c_uint32),
    )


@dataclass
class Entry:
    path: str
    found: int
    held: int
    fd: int = -1
    kind: str = FILE
    writing: bool = False


def write(
    directory: Path,
    entries: Sequence[Entry],
    *,
    claimed: int | None = None,
    boot: str | None = None,
) -> Path:
    """Write what a process that is dead has left; `claimed` is how many entries it says it has."""
    directory.mkdir(mode=0o700, exist_ok=True)
    file = directory / "1-abc.journal"
    if boot is None:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    header = _Header(b"alertJ4", boot.encode(), os.fsencode(file), *namespaces(), 1, 1, 1, 1)
    header.entries = len(entries) if claimed is None else claimed
    data = bytes(header)
    for e in entries:
        data += bytes(_Entry(e.kind.encode(), e.path.encode(), e.fd, e.writing, e.found, e.held))
    file.write_bytes(data)
    file.chmod(0o600)
    return file


def namespaces() -> tuple[int, int]:
    """Return the namespaces of pids and of time that this process is in, as journals note them."""
    times = Path("/proc/self/ns/time")
    return Path("/proc/self/ns/pid").stat().st_ino, times.stat().st_ino if times.exists() else 0


def lock(file: Path) -> int:
    """Hold a journal as the process that wrote it does; return the descriptor."""
    descriptor = os.open(file, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def lock_directory(directory: Path) -> int:
    """Hold the directory as a restore does; return the descriptor."""
    descriptor = os.open(directory, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor
