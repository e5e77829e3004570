"""A process that saves in a bad place: ``python saving.py DIRECTORY HOW``.

`HOW` is what happens: "small" limits the size of files; "killed in fsync" and "killed in replace"
end the process there; otherwise nothing, for the directory itself is what is bad. It saves over
``DIRECTORY/p.json`` and ``DIRECTORY/t.npz``, and prints the errors.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path

import numpy as np

import alert

CAPS = [float(cap) for cap in range(1, 2001)]
LARGE = alert.Profile([CAPS[::-1]], [CAPS], [0.5], CAPS, 1.0)


def large_trace() -> alert.Trace:
    latency = np.random.default_rng(0).random((20, 1, len(CAPS))) + 1.0
    return alert.Trace(LARGE, latency, latency)


def _kill(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _main() -> None:
    directory, how = Path(sys.argv[1]), sys.argv[2]
    if how == "small":
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
    elif how.startswith("killed in "):
        setattr(os, how.removeprefix("killed in "), _kill)
    for name, what in (("p.json", LARGE), ("t.npz", large_trace())):
        try:
            what.save(directory / name)
        except OSError as error:
            print(error)


if __name__ == "__main__":
    _main()
