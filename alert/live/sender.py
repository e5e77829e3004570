"""The side of the runner: a thread that sends snapshots to whoever of the same user connects."""

from __future__ import annotations

import os
import socket
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from alert.live import sockets
from alert.live.snapshot import Snapshot

PERIOD = 0.25
"""Seconds from one snapshot to the next."""

MOST = 16
"""Receivers at a time; more are turned away."""

_senders: weakref.WeakSet[Sender] = weakref.WeakSet()


class Sender:
    """Sends snapshots of a runner or a server, while somebody is connected.

    The thread sleeps while nobody is. It reads nothing from a connection, and it never waits for
    one: a receiver that does not read misses snapshots.

    Parameters
    ----------
    owner : object
        The runner or the server. When it is collected, and when Python exits, the sender closes.
    look : callable
        Takes the snapshot of the owner.

    Raises
    ------
    OSError
        There is no directory for the socket: see `alert.live.sockets.open_directory`.
    """

    def __init__(self, owner: Any, look: Callable[[Any], Snapshot]) -> None:
        self._owner = weakref.ref(owner)
        self._look = look
        self._receivers: list[_Connection] = []
        self._ended = False
        self._ending = threading.RLock()  # a collection may close, in any line
        self._directory = sockets.open_directory(make=True)
        self._name = os.urandom(8).hex() + sockets.SUFFIX  # process ids may repeat in containers
        try:
            sockets.sweep(self._directory)
            self._socket = sockets.listen(self._directory, self._name)
        except BaseException:
            os.close(self._directory)
            raise
        try:
            threading.Thread(target=self._serve, name="alert live view", daemon=True).start()
        except BaseException:
            self.close()
            self._let_go()
            raise
        _senders.add(self)
        weakref.finalize(owner, self.close)

    def close(self) -> None:
        """Take no more receivers, and let the thread end. Calling again is fine."""
        with self._ending:
            if not self._ended:
                self._ended = True
                with suppress(FileNotFoundError):
                    os.unlink(self._name, dir_fd=self._directory)
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread

    def forget(self) -> None:
        """Let go of what belongs to the parent, in a forked process."""
        self._ending = threading.RLock()
        if not self._ended:
            self._ended = True
            self._let_go()

    def _serve(self) -> None:
        try:
            due = 0.0  # when the next snapshot is
            while not self._ended:
                self._accept(due)
                self._receivers = [r for r in self._receivers if r.flush()]
                if time.monotonic() >= due:
                    due = time.monotonic() + PERIOD
                    self._send()
        finally:
            self.close()
            self._let_go()

    def _send(self) -> None:
        """Send a snapshot to all that have taken the one before."""
        ready = [receiver for receiver in self._receivers if receiver.is_ready]
        owner = self._owner()
        if ready and owner is not None:
            line = self._look(owner).line()
            for receiver in ready:
                receiver.send(line)

    def _accept(self, due: float) -> None:
        """Wait until a snapshot is due, or for somebody to connect."""
        left = max(due - time.monotonic(), 1e-3)
        self._socket.settimeout(left if self._receivers else None)
        try:
            connection, _ = self._socket.accept()
        except TimeoutError:
            return
        except OSError:  # closed meanwhile; or this process has too many files open
            if not self._ended:
                time.sleep(PERIOD)
            return
        if len(self._receivers) < MOST and sockets.is_mine(connection):
            self._receivers.append(_Connection(connection))
        else:
            connection.close()

    def _let_go(self) -> None:
        self._socket.close()
        for receiver in self._receivers:
            receiver.close()
        os.close(self._directory)


class _Connection:
    """A receiver: what it could not take yet is kept, and until then it misses snapshots."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._rest = b""

    @property
    def is_ready(self) -> bool:
        """Whether the receiver has taken all that was sent."""
        return not self._rest

    def send(self, line: bytes) -> None:
        """Begin to send a line; `flush` sends the rest."""
        self._rest = line
        self.flush()

    def flush(self) -> bool:
        """Send what is left; return False where nobody is there any more."""
        try:
            self._rest = self._rest[self._socket.send(self._rest) :] if self._rest else b""
        except BlockingIOError:
            pass
        except OSError:
            self._socket.close()
            return False
        return True

    def close(self) -> None:
        self._socket.close()


def _forget_all() -> None:
    for sender in _senders:
        sender.forget()


os.register_at_fork(after_in_child=_forget_all)
