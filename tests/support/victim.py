"""A process that caps a machine and dies as it is told; `killing` tells it how.

As a program it forks one such process for every line of its standard input, so that a run does not
pay for the imports: ``python victim.py JOURNALS [torch]`` reads lines of ``ROOT``, ``ENDING``,
``CHANGED``, ``CHILDREN``, ``SURROUNDINGS`` and ``KIND``, with tabs between them.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from alert import power
from alert.power import opening

CLONE_NEWNS, CLONE_NEWPID, MS_REC, MS_PRIVATE = 0x20000, 0x20000000, 0x4000, 1 << 18

_hear, _tell = 0, 1  # descriptors of the pipes to `killing`
_kept: list[Any] = []  # what has to live as long as the process


def cap(root: str, changed: bool, children: str, kind: Any = "rapl") -> list[int]:
    """Cap the machine and start workers; return their pids."""
    device = power.open(kind, root=root)
    _kept.append(device)
    if changed:
        device.set_cap(device.cap_range[1] / 2)
        device.set_cap(device.cap_range[1] / 3)
    _let_a_child_close_everything()
    return {"none": list, "fork": _fork, "spawn": _spawn, "loader": _load}[children]()


def surround(how: str, journals: str) -> None:
    """Go where a guard lacks something."""
    directory = journals
    if how == "closed":
        for descriptor in (0, 1, 2):
            os.close(descriptor)
    elif how == "no directory":
        directory = "/proc/none"
    elif how == "full":
        directory += "/full"
        _mount_full(directory)
    elif how == "no watchdog":
        power._WATCHDOG = "/none"
    elif how == "namespace":
        _call("unshare", CLONE_NEWPID)
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
            os._exit(0)
    power.journal_directory = lambda: directory


def _mount_full(directory: str) -> None:
    """Mount a disk without room, which only this process sees."""
    os.makedirs(directory, exist_ok=True)
    _call("unshare", CLONE_NEWNS)
    _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    _call("mount", b"none", directory.encode(), b"tmpfs", 0, b"size=16k,mode=700")
    with suppress(OSError), open(f"{directory}/filler", "wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def _call(function: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), function)


def _let_a_child_close_everything() -> None:
    pid = os.fork()
    if pid == 0:
        _kept[-1].close()
        opening._close_all()
        os._exit(0)
    os.waitpid(pid, 0)


def _fork() -> list[int]:
    pids = []
    for _ in range(2):
        pids.append(os.fork())
        if pids[-1] == 0:  # inherits everything, outlives its parent
            time.sleep(60)
            os._exit(0)
    return pids


def _spawn() -> list[int]:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=time.sleep, args=(60,), daemon=True) for _ in range(2)]
    for worker in workers:
        worker.start()
    _kept.extend(workers)
    return [worker.pid for worker in workers if worker.pid]


def _load() -> list[int]:
    from torch.utils.data import DataLoader

    iterator = iter(DataLoader(range(64), num_workers=2))  # type: ignore[arg-type]
    next(iterator)
    _kept.append(iterator)
    return [worker.pid for worker in iterator._workers]  # type: ignore[attr-defined]


def die(ending: str) -> None:
    """Die as `ending` says; returns when the process is to end by itself, or from outside."""
    if ending == "exception":
        raise RuntimeError("the loop failed")
    if ending == "sigsegv":
        ctypes.string_at(0)
    if ending == "_exit":
        os._exit(0)
    if ending == "exec":
        os.execvp("sleep", ["sleep", "60"])


def _read_line() -> str:
    """Read a line from standard input, byte by byte: others read on where this one stops."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(_hear, 1)
        if not byte:
            sys.exit()
        line += byte
    return line.decode().strip()


def _main() -> None:
    global _hear, _tell
    _hear, _tell = os.dup(0), os.dup(1)  # which stay when those are closed
    if "torch" in sys.argv:
        import torch.utils.data  # noqa: F401  # for all of them

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        root, ending, changed, children, surroundings, kind = _read_line().split("\t")
        pid = os.fork()
        if pid == 0:
            break
        os.waitpid(pid, 0)
    surround(surroundings, sys.argv[1])
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    pids = cap(str(Path(root)), changed == "True", children, kind)
    if surroundings == "namespace":  # its children have other numbers outside, and end with it
        pids = []
    told = " ".join(map(str, [os.readlink("/proc/self"), *pids]))
    os.write(_tell, f"{told}\n".encode())
    _read_line()  # most endings come from outside
    die(ending)


if __name__ == "__main__":
    _main()
