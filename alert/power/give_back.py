"""Giving back what processes that died have left."""

from __future__ import annotations

import os
from typing import Any

import alert.power
from alert import _core


def journal_directory() -> str:
    """Return the directory of the journals.

    A journal says which values have to be given back, should the process that changed them die. The
    directory is ``/run/alert`` for root, else ``alert`` in ``$XDG_RUNTIME_DIR``, else one in
    ``/tmp``. A relative ``$XDG_RUNTIME_DIR`` is ignored: it would be another one for each process.
    """
    uid = os.getuid()
    if uid == 0:
        return "/run/alert"
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return os.path.join(runtime, "alert") if os.path.isabs(runtime) else f"/tmp/alert-{uid}"


def restore(directory: str | os.PathLike[str] | None = None) -> list[dict[str, Any]]:
    """Give back the limits that processes which died with their watchdogs have left.

    Opening a device does so, too. A limit that somebody has changed since stays as it is.

    Parameters
    ----------
    directory : path, optional
        Of the journals; `journal_directory` by default.

    Returns
    -------
    list of dict
        One for each file, or GPU: its ``path`` (the UUID of a GPU), the ``value`` found before, and
        ``error``: None when the value was given back, else the reason why not. Also one for each
        journal that was passed over, because it is damaged, unreadable or another user's: its
        ``path``, the ``value`` None, and the reason as ``error``.

    Raises
    ------
    OSError
        Others may write to the directory, so that its journals cannot be trusted. Or another
        restore has been at work there for seconds.
    """
    # looked up in the package, so that a program can replace it there
    default = alert.power.journal_directory()
    return _core.restore(default if directory is None else os.fspath(directory))
