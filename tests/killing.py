"""Processes that cap a machine and die, in every way there is; what becomes of the limits."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ENDINGS = (
    "return",
    "exception",
    "ctrl-c",
    "sigterm",
    "sigkill",
    "sigsegv",
    "_exit",
    "group",
    "kernel",
)

VICTIM = """
import os, signal, sys, time
from alert import power

root, ending, changed, children = sys.argv[1:]
device = power.open("rapl", root=root)
if changed == "True":
    device.set_cap(device.cap_range[1] / 2)
    device.set_cap(device.cap_range[1] / 3)
workers = []
for _ in range(2 if children == "True" else 0):
    pid = os.fork()
    if pid == 0:  # as a DataLoader's worker: inherits everything, outlives its parent
        time.sleep(60)
        os._exit(0)
    workers.append(pid)
print(device.cap, *workers, flush=True)
if ending == "return":
    pass
elif ending == "exception":
    raise RuntimeError("the loop failed")
elif ending == "sigsegv":
    os.kill(os.getpid(), signal.SIGSEGV)
elif ending == "_exit":
    os._exit(0)
else:
    time.sleep(60)
"""


@dataclass(frozen=True)
class Case:
    ending: str
    changed: bool
    children: bool


@dataclass(frozen=True)
class Outcome:
    restored: bool
    seconds: float  # from the process's end until its limits were back
    capped: bool  # the cap was in force when it died


def cases() -> Iterator[Case]:
    for ending, changed, children in itertools.product(ENDINGS, (True, False), (True, False)):
        yield Case(ending, changed, children)


def read_limits(files: dict[Path, str]) -> dict[Path, str]:
    return {path: path.read_text() for path in files}


def run(case: Case, root: Path, patience: float = 2.0) -> Outcome:
    """Let a process die as `case` says, and see what its limits become."""
    names = ("*power_limit_uw", "*time_window_us", "enabled")
    files = {path: "" for name in names for path in root.rglob(name)}
    found = read_limits(files)
    arguments = [str(root), case.ending, str(case.changed), str(case.children)]
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    assert victim.stdout is not None
    words = victim.stdout.readline().split()
    capped = case.ending in ("return", "exception", "sigsegv", "_exit") or (
        (read_limits(files) != found) == case.changed
    )
    try:
        _end(victim, case.ending)
        victim.wait(timeout=10)
        died = time.perf_counter()
        while (restored := read_limits(files) == found) is False:
            if time.perf_counter() - died > patience:
                break
        seconds = time.perf_counter() - died
        if case.ending == "kernel":  # the next kernel opens the machine at once
            restored = restored and _can_open(root)
    finally:
        for pid in words[1:]:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        victim.stdout.close()
    return Outcome(restored, seconds, capped and len(words) == (3 if case.children else 1))


def _end(victim: subprocess.Popen[str], ending: str) -> None:
    signals = {"ctrl-c": signal.SIGINT, "sigterm": signal.SIGTERM, "sigkill": signal.SIGKILL}
    if ending in signals:
        victim.send_signal(signals[ending])
    elif ending in ("group", "kernel"):
        os.killpg(victim.pid, signal.SIGKILL)


def _can_open(root: Path) -> bool:
    from alert import power

    with power.open("rapl", root=root) as device:
        return device.can_cap
