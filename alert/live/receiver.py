"""The side of the person who watches: reads the snapshots of all runners of this user."""

from __future__ import annotations

import os
import select
import socket
import time

from alert._closing import Closing
from alert.live import sockets
from alert.live.snapshot import LONGEST, Snapshot

# Seconds between two looks for runners that have started meanwhile.
_LOOK = 1.0

# Seconds in which a runner that works sends its first snapshot.
_PATIENCE = 2.0

# Bytes read at once.
_PIECE = 1 << 16


class Receiver(Closing):
    """Connects to all live views of this user, and keeps the last snapshot of each.

    Use it as ``with``, or call `close`.

    Raises
    ------
    PermissionError
        The directory of the sockets belongs to another user, or others may enter it.
    """

    def __init__(self) -> None:
        self._connections: dict[str, _Connection] = {}
        self._looked = -_LOOK
        self._look()

    def close(self) -> None:
        """Leave all of them."""
        for connection in self._connections.values():
            connection.close()

    def snapshots(self) -> list[tuple[Snapshot, float]]:
        """Return the last snapshot of each, by name, and the seconds since it came."""
        now = time.monotonic()
        known = [(c.last, now - c.came) for c in self._connections.values() if c.last is not None]
        return sorted(known, key=lambda item: (item[0].name, item[0].pid))

    def gather(self) -> None:
        """Wait until each has sent a snapshot, or does not answer."""
        ends = time.monotonic() + _PATIENCE
        while any(c.last is None for c in self._connections.values()) and time.monotonic() < ends:
            self._read(0.05)

    def wait(self, seconds: float) -> None:
        """Read for some time, and look for runners that have started meanwhile."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0.0:
            if time.monotonic() >= self._looked + _LOOK:
                self._look()
            self._read(left)

    def _read(self, seconds: float) -> None:
        """Read what comes within some seconds, of each at most once."""
        poll = select.poll()
        by_number = {c.socket.fileno(): name for name, c in self._connections.items()}
        for number in by_number:
            poll.register(number, select.POLLIN)
        for number, _ in poll.poll(1e3 * seconds):
            name = by_number[number]
            if not self._connections[name].read():
                self._connections.pop(name).close()

    def _look(self) -> None:
        """Connect to all that are there; remove what a killed process has left behind."""
        self._looked = time.monotonic()
        try:
            directory = sockets.open_directory()
        except FileNotFoundError:
            return
        try:
            for name in set(sockets.names(directory)) - self._connections.keys():
                connection = sockets.connect(directory, name)
                if connection is not None:
                    self._connections[name] = _Connection(connection)
        finally:
            os.close(directory)


class _Connection:
    """One live view, and what was read of it."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.last: Snapshot | None = None
        self.came = time.monotonic()  # when the last snapshot came
        self._rest = b""  # of a line that has not ended

    def read(self) -> bool:
        """Read what is there; return False where it has ended or makes no sense."""
        try:
            read = self.socket.recv(_PIECE)
        except BlockingIOError:
            return True
        except OSError:
            return False
        *lines, self._rest = (self._rest + read).split(b"\n")
        try:
            if lines:
                self.last, self.came = Snapshot.of_line(lines[-1]), time.monotonic()
        except ValueError:
            return False
        return bool(read) and len(self._rest) <= LONGEST

    def close(self) -> None:
        self.socket.close()
