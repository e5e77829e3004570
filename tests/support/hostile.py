"""A process that loads each file named, and says what it was told and how much memory that took."""

from __future__ import annotations

import resource
import sys
import tracemalloc

import alert

SLACK = 96 * 1024 * 1024  # bytes, beyond what the interpreter and the library have mapped


def _mapped() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_mapped() + SLACK,) * 2)
    tracemalloc.start()
    for path in sys.argv[1:]:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        load = alert.Profile.load if path.endswith(".json") else alert.Trace.load
        try:
            load(path)
            said = "loaded"
        except (ValueError, MemoryError) as error:
            said = f"{type(error).__name__}: {error}"
        print(tracemalloc.get_traced_memory()[1] - before, said[:300], flush=True)


if __name__ == "__main__":
    _main()
