"""Processes that cap a machine and die, in every way there is; what becomes of the limits."""

from __future__ import annotations

import itertools
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from programs import PACKAGES

from alert import power

HERE = Path(__file__).parent
PATIENCE = 60.0  # seconds that a test waits for what must come
ENDINGS = (
    "return",
    "exception",
    "ctrl-c",
    "sigterm",
    "sigkill",
    "sigsegv",
    "_exit",
    "group",
    "exec",
)
KERNEL_ENDINGS = ("restart", "restart-now")  # of a notebook's kernel: asked to end, killed
CHILDREN = ("none", "fork", "spawn", "loader")
# Surroundings in which a guard lacks something; each with some endings and children.
ODD = ("closed", "no directory", "full", "no watchdog", "namespace")
ODD_ENDINGS = ("return", "sigkill", "group", "exec")
LATER = ("no watchdog", "namespace")  # given back by the next restore, where nobody else is left
ROOT_ONLY = ("full", "namespace")


@dataclass(frozen=True)
class Case:
    ending: str
    changed: bool  # a cap was set
    children: str
    surroundings: str = "usual"
    kind: str = "rapl"

    def __str__(self) -> str:
        odd = "" if self.surroundings == "usual" else f"-{self.surroundings}"
        odd += "" if self.kind == "rapl" else f"-{self.kind}"
        return f"{self.ending}-{'capped' if self.changed else 'opened'}-{self.children}{odd}"


@dataclass(frozen=True)
class Outcome:
    capped: bool  # the cap was in force, or no cap was set and none was, before it died
    restored: bool
    seconds: float  # from the process's end until its limits were back


def cases(endings: tuple[str, ...] = ENDINGS) -> Iterator[Case]:
    for ending, changed, children in itertools.product(endings, (True, False), CHILDREN):
        yield Case(ending, changed, children)


def cases_of_cpufreq() -> Iterator[Case]:
    """Yield every ending and every lack of a guard, with a cap: the rest is not of a kind."""
    for ending, children in itertools.product(ENDINGS, CHILDREN):
        yield Case(ending, True, children, kind="cpufreq")
    for surroundings, ending in itertools.product(ODD, ODD_ENDINGS):
        yield Case(ending, True, "none", surroundings, "cpufreq")


def odd_cases() -> Iterator[Case]:
    """Yield what may happen to a guard that lacks something; with a cap, or there is none."""
    for surroundings, ending, children in itertools.product(ODD, ODD_ENDINGS, ("none", "fork")):
        yield Case(ending, True, children, surroundings)


class Limits:
    """Everything a cap may change in a powercap tree."""

    def __init__(self, root: Path) -> None:
        names = ("*power_limit_uw", "*time_window_us", "enabled", "scaling_max_freq")
        self._files = [path for name in names for path in root.rglob(name)]
        self.found = self.read()

    def read(self) -> list[str]:
        return [path.read_text() for path in self._files]

    def are_back(self, patience: float = PATIENCE) -> tuple[bool, float]:
        """Wait for what was found; tell whether it came, and after how many seconds."""
        begun = time.perf_counter()
        while True:
            back = self.read() == self.found
            seconds = time.perf_counter() - begun
            if back or seconds > patience:
                return back, seconds
            time.sleep(1e-4)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.002)


def watchdogs(parent: int) -> list[int]:
    """Find the watchdogs of a process: they hold a pidfd of it, and are no children of it."""
    found = []
    for status in Path("/proc").glob("[0-9]*/comm"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if status.read_text() == "alert-watchdog\n":
                infos = [info.read_text() for info in status.parent.glob("fdinfo/*")]
                if any(re.search(rf"^Pid:\s+{parent}$", info, flags=re.M) for info in infos):
                    found.append(int(status.parent.name))
    return found


def is_dead(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0] in "ZX"
    return True


class Victims:
    """Lets processes die, one after another (see victim.py)."""

    def __init__(
        self, plain: subprocess.Popen[str], torch: subprocess.Popen[str], journals: Path
    ) -> None:
        self._plain, self._torch, self._journals = plain, torch, journals

    def run(self, case: Case, root: Path) -> Outcome:
        program = self._torch if case.children == "loader" else self._plain
        assert program.stdout is not None
        limits = Limits(root)
        words = (root, case.ending, case.changed, case.children, case.surroundings, case.kind)
        _send(program, "\t".join(map(str, words)))
        pid, *children = map(int, program.stdout.readline().split())
        process = os.pidfd_open(pid)
        try:
            capped = (limits.read() != limits.found) == case.changed
            if not _end(case.ending, pid):
                _send(program, "die")
            if case.ending == "exec":  # the process lives on, as another program
                wait_for(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
            else:
                assert wait(process), f"{case}: it does not die"
            if case.surroundings in LATER:
                wait_for(lambda: self._restore(limits))
            return Outcome(capped, *limits.are_back())
        finally:
            os.close(process)
            kill(pid, *children)

    def _restore(self, limits: Limits) -> bool:
        power.restore(self._journals)
        return limits.are_back(0.0)[0]


def _send(program: subprocess.Popen[str], line: str) -> None:
    assert program.stdin is not None
    program.stdin.write(line + "\n")
    program.stdin.flush()


def _end(ending: str, pid: int) -> bool:
    """End a process from outside, where that is how it ends."""
    if ending == "ctrl-c":  # a terminal tells the whole group
        os.killpg(pid, signal.SIGINT)
    elif ending == "group":
        os.killpg(pid, signal.SIGKILL)
    elif ending in ("sigterm", "sigkill"):
        os.kill(pid, signal.SIGTERM if ending == "sigterm" else signal.SIGKILL)
    else:
        return False
    return True


@contextmanager
def victims() -> Iterator[Victims]:
    with (
        tempfile.TemporaryDirectory() as directory,
        _start(directory) as plain,
        _start(directory, "torch") as torch,
    ):
        yield Victims(plain, torch, Path(directory))
        plain.kill()
        torch.kill()


def _start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HERE / "victim.py"), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(PACKAGES), "OMP_NUM_THREADS": "1"},
        text=True,
    )


def run_kernel(case: Case, root: Path) -> Outcome:
    """Let a notebook cap the machine, and restart its kernel."""
    from jupyter_client.manager import start_new_kernel

    limits = Limits(root)
    code = f"""
import os, sys
sys.path[:0] = [{str(PACKAGES)!r}, {str(HERE)!r}]
import victim
children = victim.cap({str(root)!r}, {case.changed}, {case.children!r})
print(os.getpid(), *children)
"""
    again = f"""
import sys
sys.path[:0] = [{str(PACKAGES)!r}]
from alert import power
with power.open("rapl", root={str(root)!r}) as device:
    device.set_cap(100.0)
"""
    manager, client = start_new_kernel(startup_timeout=300, stderr=subprocess.DEVNULL)
    pids: list[int] = []
    try:
        pids = [int(word) for word in _run_cell(client, code).split()]
        process = os.pidfd_open(pids[0])
        capped = (limits.read() != limits.found) == case.changed
        manager.restart_kernel(now=case.ending == "restart-now")
        assert wait(process), f"{case}: it does not die"
        os.close(process)
        back, seconds = limits.are_back()
        client.wait_for_ready(timeout=300)
        _run_cell(client, again)
        return Outcome(capped, back and limits.read() == limits.found, seconds)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        kill(*pids[1:])


def _run_cell(client: Any, code: str) -> str:
    printed = []

    def hook(message: dict[str, Any]) -> None:
        if message["msg_type"] == "error":
            raise AssertionError("\n".join(message["content"]["traceback"]))
        printed.append(message["content"].get("text", ""))

    client.execute_interactive(code, output_hook=hook, timeout=300)
    return "".join(printed)


def wait(process: int, seconds: float = 120.0) -> bool:
    """Wait for the end of the process behind a pidfd; a DataLoader may take its time to end."""
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(seconds * 1e3))


def kill(*pids: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
