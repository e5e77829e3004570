"""Contention: loops in processes of their own that run beside the inference, on and off.

Linux only. The loops end with the process that started them, however it ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np

from alert._closing import Closing

Environment: TypeAlias = Literal["quiet", "memory", "compute"]

ENVIRONMENTS: tuple[Environment, ...] = get_args(Environment)
"""Nothing; a loop that copies memory; a loop that computes."""

CONTENDED: tuple[Environment, ...] = ENVIRONMENTS[1:]

_CONTENDER = Path(__file__).with_name("_contender.py")


def schedule(
    inputs: int,
    seed: int,
    shortest: int = 20,
    longest: int = 40,
    contended: Sequence[Environment] = CONTENDED,
) -> tuple[Environment, ...]:
    """Draw the environment of every input.

    Quiet phases alternate with phases of contention, and a quiet phase comes first. Each round has
    every kind of contention once, in random order.

    Parameters
    ----------
    inputs : int
    seed : int
        Equal seeds draw equal schedules.
    shortest, longest : int, default 20, 40
        Least and largest number of inputs in a phase; every length between is equally likely.
    contended : sequence of str, default ("memory", "compute")
        The kinds of contention. With an empty sequence every input is quiet.
    """
    if not 1 <= shortest <= longest:
        raise ValueError(f"shortest: expected 1 to longest ({longest}), got {shortest}")
    rng = np.random.default_rng(seed)
    drawn: list[Environment] = []
    waiting: list[Environment] = []
    quiet = True
    while len(drawn) < inputs:
        if not waiting:
            waiting = [contended[k] for k in rng.permutation(len(contended))]
        length = int(rng.integers(shortest, longest + 1))
        drawn += ["quiet" if quiet or not contended else waiting.pop()] * length
        quiet = not quiet
    return tuple(drawn[:inputs])


class Contention(Closing):
    """Loops that can be switched on and off, one of each kind on every CPU.

    Parameters
    ----------
    cpus : iterable of int, optional
        CPUs to run on; by default all that this process may use.

    Examples
    --------
    >>> with Contention() as contention:
    ...     contention.switch("memory")
    ...     contention.switch("quiet")
    """

    def __init__(self, cpus: Iterable[int] | None = None) -> None:
        self._loops: dict[str, list[subprocess.Popen[bytes]]] = {kind: [] for kind in CONTENDED}
        self._environment: Environment = "quiet"
        chosen = sorted(os.sched_getaffinity(0) if cpus is None else set(cpus))
        if not chosen:
            raise ValueError("cpus: expected at least one, got none")
        try:
            for kind, loops in self._loops.items():
                loops += [_start(kind, cpu) for cpu in chosen]
            for loops in self._loops.values():
                for loop in loops:
                    _wait_until_stopped(loop)
        except BaseException:
            self.close()
            raise

    @property
    def environment(self) -> Environment:
        """The kind of loops that is switched on, or "quiet"."""
        return self._environment

    def switch(self, environment: Environment) -> None:
        """Let the loops of one kind run; "quiet" stops them all.

        Raises
        ------
        ValueError
            There is no such environment.
        RuntimeError
            A loop has died, or all were closed.
        """
        if environment not in ENVIRONMENTS:
            raise ValueError(f"environment: expected one of {ENVIRONMENTS}, got {environment!r}")
        if environment == self._environment:
            return
        self._signal(self._environment, signal.SIGSTOP)
        self._environment = "quiet"
        self._signal(environment, signal.SIGCONT)
        self._environment = environment

    def _signal(self, kind: Environment, number: signal.Signals) -> None:
        for loop in self._loops.get(kind, ()):
            if loop.poll() is not None:
                raise RuntimeError(f"a {kind} loop is not running: exit status {loop.returncode}")
            loop.send_signal(number)

    def close(self) -> None:
        """End all loops. Calling again is fine."""
        self._environment = "quiet"
        for loops in self._loops.values():
            for loop in loops:
                loop.kill()
            for loop in loops:
                loop.wait()


def _start(kind: str, cpu: int) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-I", "-S", str(_CONTENDER), kind, str(os.getpid()), str(cpu)]
    # A session of its own keeps Ctrl-C from the loop.
    return subprocess.Popen(program, stdin=subprocess.DEVNULL, start_new_session=True)


def _wait_until_stopped(loop: subprocess.Popen[bytes]) -> None:
    flags = os.WSTOPPED | os.WEXITED | os.WNOWAIT
    state = os.waitid(os.P_PID, loop.pid, flags)
    if state is None or state.si_code != os.CLD_STOPPED:
        raise RuntimeError(f"a contending loop did not start: exit status {loop.wait()}")
