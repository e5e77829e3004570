"""Work that is done in a forked child."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

PATIENCE = 60.0  # seconds after which a child hangs


def in_child(work: Callable[[], object]) -> int:
    """Run `work` in a forked child; its exit code, or -SIGALRM when it hangs."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # it may be pytest's
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
