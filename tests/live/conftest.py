"""What the tests of the live view have in common."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import SOON
from watching import Connect

from alert.live import receiver, sender, sockets


@pytest.fixture(autouse=True)
def often(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send snapshots often, from a directory of the test's own, and wait for the first of each."""
    monkeypatch.setattr(sender, "PERIOD", 0.001)
    monkeypatch.setattr(receiver, "_PATIENCE", SOON)


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Connect to the only sender, as a stranger who does not keep to the rules."""
    made: list[socket.socket] = []

    def connect() -> socket.socket:
        place = sockets.open_directory()
        [name] = sockets.names(place)
        there = socket.socket(socket.AF_UNIX)
        there.settimeout(SOON)
        there.connect(sockets._path(place, name))
        os.close(place)
        made.append(there)
        return there

    yield connect
    for there in made:
        there.close()
