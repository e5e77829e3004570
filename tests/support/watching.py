"""Watching runners and servers: as `alert watch` does, and as strangers who keep to no rules."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

from servers import SOON

from alert.live.receiver import Receiver
from alert.live.snapshot import Snapshot

Connect: TypeAlias = Callable[[], socket.socket]


def until(holds: Callable[[], object]) -> None:
    """Wait for what must come."""
    ends = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.001)


def gathered() -> list[Snapshot]:
    """Return a snapshot of each that shows what it does."""
    with Receiver() as watching:
        watching.gather()
        return [snapshot for snapshot, _ in watching.snapshots()]


def threads() -> list[str]:
    """Return the names of the threads that send snapshots."""
    return [thread.name for thread in threading.enumerate() if thread.name == "alert live view"]


def read_line(there: socket.socket) -> bytes:
    """Read a line, and nothing of the next one; what there is at the end."""
    line = b""
    while not line.endswith(b"\n") and (byte := there.recv(1)):
        line += byte
    return line
