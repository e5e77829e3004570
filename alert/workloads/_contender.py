"""The program behind `alert.workloads.contention`: one loop that runs until it is killed.

It is started by its path and needs the standard library only. Arguments: the kind of loop, the
process id of the parent, the CPU to stay on.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_BYTES = 64 * 1024 * 1024  # two such blocks exceed the caches


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # the parent ended before the call above
        sys.exit()


def main(kind: str, parent: int, cpu: int) -> None:
    """Prepare, stop, and loop from the first SIGCONT on."""
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
