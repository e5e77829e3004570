"""A process that caps a machine and dies as it is told; `killing` tells it how.

As a program it forks one such process for every line of its standard input, so that a run does not
pay for the imports: ``python victim.py [torch]`` reads ``ROOT ENDING CHANGED CHILDREN``.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

from alert import power
from alert.power import opening

_kept: list[Any] = []  # what has to live as long as the process


def cap(root: str, changed: bool, children: str) -> list[int]:
    """Cap the machine and start workers; return their pids."""
    device = power.open("rapl", root=root)
    _kept.append(device)
    if changed:
        device.set_cap(device.cap_range[1] / 2)
        device.set_cap(device.cap_range[1] / 3)
    _let_a_child_close_everything()
    return {"none": list, "fork": _fork, "spawn": _spawn, "loader": _load}[children]()


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


def _read_line() -> str:
    """Read a line from standard input, byte by byte: others read on where this one stops."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit()
        line += byte
    return line.decode().strip()


def _main() -> None:
    if "torch" in sys.argv:
        import torch.utils.data  # noqa: F401  # for all of them

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        root, ending, changed, children = _read_line().split()
        pid = os.fork()
        if pid == 0:
            break
        os.waitpid(pid, 0)
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    pids = cap(str(Path(root)), changed == "True", children)
    print(os.getpid(), *pids, flush=True)
    _read_line()  # most endings come from outside
    die(ending)


if __name__ == "__main__":
    _main()
