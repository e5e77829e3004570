"""The program behind `alert.workloads.contention`: one loop, until it or its parent is killed.

Runs by its path and needs nothing but the standard library. Arguments: what to do, the process id
of the parent, the CPU to stay on.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_BYTES = 64 * 1024 * 1024  # twice that is more than caches hold


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, however that ends."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it ended before the kernel knew
        sys.exit()


def main(kind: str, parent: int, cpu: int) -> None:
    """Get ready, stop, and loop from the first SIGCONT on."""
    die_with(parent)
    os.sched_setaffinity(0, [cpu])
    source, target = bytearray(_BYTES), memoryview(bytearray(_BYTES))
    os.kill(os.getpid(), signal.SIGSTOP)
    if kind == "memory":
        while True:
            target[:] = source
    while True:
        pass


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
