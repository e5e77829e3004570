"""The Unix sockets of live views, in a directory that nobody but its owner may enter."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress

from alert import power

SUFFIX = ".socket"

_WRITABLE_BY_OTHERS = 0o022
_OPEN_TO_OTHERS = 0o077

_CREDENTIALS = struct.Struct("3i")  # process, user and group


def open_directory(*, make: bool = False) -> int:
    """Open the directory ``live`` beside the journals, and return its descriptor.

    Parameters
    ----------
    make : bool, default False
        Make it where it is missing.

    Raises
    ------
    FileNotFoundError
        It is missing.
    PermissionError
        It belongs to another user, or others may enter it; or others may write to the directory
        that holds it.
    OSError
        It cannot be made, or is a symbolic link.
    """
    journals = power.journal_directory()
    outer = _open(journals, None, make, _WRITABLE_BY_OTHERS)
    try:
        return _open(os.path.join(journals, "live"), outer, make, _OPEN_TO_OTHERS)
    finally:
        os.close(outer)


def _open(path: str, within: int | None, make: bool, forbidden: int) -> int:
    """Open a directory that only this user may change, or enter; `within` its open parent."""
    name = path if within is None else os.path.basename(path)
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=within)
    directory = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=within)
    status = os.fstat(directory)
    if status.st_uid != os.geteuid() or status.st_mode & forbidden:
        os.close(directory)
        raise PermissionError(f"{path}: it belongs to another user, or is open to others")
    return directory


def listen(directory: int, name: str) -> socket.socket:
    """Make a socket that takes connections. Its name appears when it does."""
    unfinished = f"{name}.new"
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(_path(directory, unfinished))
        listening.listen()
        os.rename(unfinished, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        listening.close()
        raise
    return listening


def connect(directory: int, name: str) -> socket.socket | None:
    """Connect to a process of this user; None where that fails.

    A socket that a killed process has left behind is removed.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)  # it may not take connections for now
    try:
        connection.connect(_path(directory, name))
        if is_mine(connection):
            return connection
    except ConnectionRefusedError:
        with suppress(OSError):  # somebody else may have removed it
            os.unlink(name, dir_fd=directory)
    except OSError:
        pass
    connection.close()
    return None


def sweep(directory: int) -> None:
    """Remove the sockets that killed processes have left behind."""
    for name in names(directory):
        connection = connect(directory, name)
        if connection is not None:
            connection.close()


def names(directory: int) -> list[str]:
    """Return the names of the sockets."""
    return [name for name in os.listdir(directory) if name.endswith(SUFFIX)]


def is_mine(connection: socket.socket) -> bool:
    """Tell whether the process at the other end was of this user when it connected or listened."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(raw)
    return bool(user == os.geteuid())


def _path(directory: int, name: str) -> str:
    """Return a path that stays short, as a socket needs, and leads to the open directory."""
    return f"/proc/self/fd/{directory}/{name}"
