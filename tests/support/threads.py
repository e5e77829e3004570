"""Running functions in threads, also from one moment on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def in_thread(act: Callable[[], object]) -> threading.Thread:
    """Start a thread; it keeps no test from ending."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def at_once(*acts: Callable[[], object]) -> None:
    """Run each in a thread of its own, all from one moment on; what one raises is raised."""
    moments: list[float] = []
    start = threading.Barrier(len(acts), lambda: moments.append(time.perf_counter() + 1e-4))

    def run(act: Callable[[], object]) -> None:
        start.wait()
        while time.perf_counter() < moments[0]:  # those that wait at a barrier wake up one by one
            pass
        act()

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(run, act) for act in acts]:
            done.result()
