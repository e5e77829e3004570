"""What is missing, as an exception."""

from __future__ import annotations

import errno

from alert._core import PowerError, PowerPermissionError


def lacking(what: str, why: str, remedy: str = "", code: int = errno.ENOENT) -> PowerError:
    """Return the exception that says what is missing, why, and what would put it right."""
    denied = code in (errno.EPERM, errno.EACCES)
    error = (PowerPermissionError if denied else PowerError)(code, sentence(what, why, remedy))
    error.what, error.why, error.remedy = what, why, remedy
    return error


def sentence(what: str, why: str, remedy: str) -> str:
    """Return the three as one text."""
    return f"{what}: {why} ({remedy})" if remedy else f"{what}: {why}"
