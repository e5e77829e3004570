"""JSON files that are written whole or not at all, and read with suspicion."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, NoReturn

LARGEST_FILE = 256 * 1024 * 1024
"""Bytes a file may have to be read."""


def write_json(path: str | os.PathLike[str], document: dict[str, Any]) -> None:
    """Write `document` beside `path`, then move it there in one step."""
    target = Path(path)
    text = json.dumps(document, indent=1, allow_nan=False)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_json(path: str | os.PathLike[str], schema: str, newest: int) -> dict[str, Any]:
    """Read a document that names `schema` and a version not above `newest`.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is not such a document; the message names the file.
    """
    with open(path, "rb") as file:
        raw = file.read(LARGEST_FILE + 1)
    if len(raw) > LARGEST_FILE:
        raise ValueError(f"{Path(path)}: larger than {LARGEST_FILE} bytes")
    try:
        document = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{Path(path)}: not JSON, or cut short ({error})") from None
    if not isinstance(document, dict) or document.get("schema") != schema:
        raise ValueError(f"{Path(path)}: schema: expected {schema!r}")
    version = field(path, document, "version", int)
    if not 1 <= version <= newest:
        raise ValueError(f"{Path(path)}: version: this release reads 1 to {newest}, got {version}")
    return document


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def field(
    path: str | os.PathLike[str],
    document: dict[str, Any],
    name: str,
    kind: type | tuple[type, ...],
) -> Any:
    """Return one field of a document, or say which one of which file is missing or wrong."""
    if name not in document:
        raise ValueError(f"{Path(path)}: {name}: missing")
    value = document[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{Path(path)}: {name}: unexpected {type(value).__name__}")
    return value
