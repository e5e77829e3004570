"""Processes that cap a tree of powercap and live on, in the surroundings that a test wants."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from programs import PACKAGES
from rapl_tree import limits, zone_path

CAP = """
import os, signal, sys, time
from alert import power

power.journal_directory = lambda: sys.argv[2]
device = power.open("rapl", root=sys.argv[1])
device.set_cap(20.0)
print(os.getpid(), flush=True)
"""


def script(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Start Python on `code`, with the tests' modules at hand."""
    support = str(Path(__file__).parent)
    prelude = f"import sys; sys.path.insert(0, {support!r})\nfrom alert import power\n"
    return subprocess.Popen(
        [sys.executable, "-c", prelude + code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def process(
    client: Path,
    directory: Path,
    after: str = "sys.stdin.read()",
    *,
    before: str = "",
    within: Sequence[str] = (),
) -> Iterator[subprocess.Popen[str]]:
    """Start a process that caps, perhaps in other surroundings; it is killed in the end."""
    command = [sys.executable, "-u", "-W", "always", "-c", before + CAP + after]
    with subprocess.Popen(
        [*within, *command, str(client), str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGES)},
    ) as it:
        try:
            yield it
        finally:
            it.kill()


def line_of(it: subprocess.Popen[str]) -> str:
    assert it.stdout is not None
    line = it.stdout.readline()
    if not line:
        assert it.stderr is not None
        raise AssertionError(it.stderr.read())
    return line


def tell(it: subprocess.Popen[str], line: object) -> None:
    assert it.stdin is not None
    it.stdin.write(f"{line}\n")
    it.stdin.flush()


def are_back(client: Path, found: tuple[int, ...]) -> bool:
    return limits(zone_path(client, 1)) == found
